"""`generio run` runs a template that this version does not know."""

import pytest
from generio_flows.api import check_glb
from PIL import Image

from tests.sandbox.generate import from_prompt

from .conftest import Program

PAINTED = ("run", "model_retexture", "--model", "vase.glb")


@pytest.fixture
def vase(program: Program) -> None:
    (program.folder / "vase.glb").write_bytes(from_prompt("vase", quality="low", seed=1, texture=False))


def test_a_model_is_sent_and_one_comes_back(program: Program, vase: None):
    words = (*PAINTED, "--set", "style=blue glaze", "--set", "strength=0.25", "--set", 'palette=["#00f"]')
    answer = program(*words, "--output", "out/painted.glb", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert check_glb(program.folder / "out/painted.glb").triangles > 1000
    assert program(*words, "--output", "out/painted.glb").code == 0
    assert program.runs() == [1], "what is done is not made again"


def test_what_is_no_model_gets_an_ending_of_its_own(program: Program):
    words = ("run", "image_generate_fromprompt", "--prompt", "a blue square", "--output", "out")
    answer = program(*words)
    assert answer.code == 0, answer.err
    with Image.open(program.folder / "out/a-blue-square.png") as picture:
        assert picture.size == (256, 256)
    assert not (program.folder / "out/a-blue-square.glb").exists()
    assert program(*words).code == 0
    assert program.runs() == [1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (PAINTED, "style is required"),
        ((*PAINTED, "--set", "style=brick", "--set", "strength=2"), "strength is 2; it must be 0 to 1"),
        ((*PAINTED, "--set", "style=12"), "style is a text: write --set 'style=\"12\"'"),
        ((*PAINTED, "--set", "stile=brick"), "no option stile"),
        ((*PAINTED, "--set", "style"), "--set wants NAME=VALUE, and not style"),
        ((*PAINTED, "--set", "style=a", "--set", "style=b"), "--set has style twice"),
        (("run", "model_retexture", "--prompt", "vase", "--set", "style=a"), "takes --model"),
        (("run", "model_optimize", "--model", "vase.glb"), "a command of its own"),
        (("run", "model_sing", "--prompt", "la"), "offers no template model_sing"),
        (("run", "speech_to_model", "--prompt", "la"), "cannot be run: The template takes audio/wav"),
        (("run", "model_retexture"), "one of the arguments --prompt --image --model is required"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(program: Program, vase: None, words, said: str):
    answer = program(*words, "--output", "out")
    assert answer.code == 2
    assert said in answer.err
    assert program.runs() == []


def test_without_a_list_of_templates_it_is_sent_as_it_is(program: Program, sandbox):
    sandbox.order({"path": "/templates", "action": "status", "status": 404, "times": -1})
    answer = program("run", "image_generate_fromprompt", "--prompt", "a", "--set", "width=many")
    assert answer.code == 1
    assert "width" in answer.err + answer.out, "the service's own words"
    assert program.runs() == []


def test_the_list_names_each_parameter(program: Program):
    answer = program("templates")
    assert "strength: number, 0 to 1, default 0.6. How much of the old look goes" in answer.out
    assert "style: text, required, 1 to 200" in answer.out
