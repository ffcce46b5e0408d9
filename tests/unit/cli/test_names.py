"""Names of files: what cannot be written is known before anything is sent, and stops nothing else."""

import json
import os
import re
from pathlib import Path

import pytest
from generio_flows.cli.outputs import Outputs
from generio_flows.core.text import plain_reason
from PIL import Image

from tests.systems import WINDOWS, needs_bytes, needs_links, needs_pipes, needs_proc

from .conftest import Here, Program


def failed(here: Here, *rows: dict[str, object]) -> dict[str, str]:
    """Why each item failed, of those and a good one; nothing was sent for them, and the good one is done."""
    words = ("generate", "--list", here.list(*rows, {"prompt": "good"}), "--quality", "low", "--no-texture")
    answer = here(*words, "--output", "out", "--json")
    assert answer.err == ""
    assert answer.code == 1
    assert here.runs() == [1]
    assert len(here.sandbox.stats()["flows"]) == 1
    assert (here.folder / "out/good.glb").stat().st_size
    ends = [event for event in answer.events if event.get("state") == "Failed"]
    return {event["item"]: f"{event['message']} {event['fix']}" for event in ends}


@needs_bytes
def test_names_that_are_too_long_are_counted_in_bytes(here: Here):
    fits, too_long = "é" * 125, "é" * 126  # 250 and 252 bytes, and .glb
    answer = failed(here, {"prompt": "a", "output": f"{too_long}.glb"}, {"prompt": "b", "output": "x" * 300})
    assert list(answer) == [f"out/{too_long}.glb", f"out/{'x' * 300}.glb"]
    assert {
        why.endswith("Give it a shorter name, or choose another --output.") for why in answer.values()
    } == {True}
    words = ("generate", "--prompt", "c", "--quality", "low", "--no-texture", "--output", f"out/{fits}.glb")
    assert here(*words).code == 0
    assert (here.folder / f"out/{fits}.glb").stat().st_size


def test_an_input_with_the_longest_name_has_an_output_with_it(here: Here):
    for stem in ("y" * 251, "z" * 251):
        Image.new("RGB", (16, 16), (200, 30, 30)).save(here.folder / f"{stem}.png")
    words = (
        "generate",
        "--image",
        f"{'y' * 251}.png",
        f"{'z' * 251}.png",
        "--quality",
        "low",
        "--no-texture",
    )
    assert here(*words, "--output", "out").code == 0
    assert {path.stem for path in (here.folder / "out").glob("*.glb")} == {"y" * 251, "z" * 251}
    assert here.runs() == [1, 1]


def test_a_folder_where_the_model_belongs(here: Here):
    (here.folder / "out/x.glb").mkdir(parents=True)
    (here.folder / "out/file").write_text("no folder")
    answer = failed(here, {"prompt": "a", "output": "x.glb"}, {"prompt": "b", "output": "file/y.glb"})
    assert [*answer] == ["out/x.glb", "out/file/y.glb"]
    assert answer["out/x.glb"] == "out/x.glb is a folder. Choose another --output."
    words = r".+" if WINDOWS else "Not a directory"
    said = rf"out/file/y\.glb cannot be written: {words}\. Choose another --output\."
    assert re.fullmatch(said, answer["out/file/y.glb"])


@needs_proc
def test_a_place_that_takes_no_files(here: Here):
    (answer,) = failed(here, {"prompt": "a", "output": "/proc/lamp.glb"}).values()
    assert answer.startswith("/proc/lamp.glb cannot be written: ")


@pytest.mark.parametrize("name", ["a\0b", "a\0b/c.glb", pytest.param("\ud800", marks=needs_bytes)])
def test_what_no_file_can_be_called(here: Here, name: str):
    (answer,) = failed(here, {"prompt": "a", "output": name}).values()
    assert answer.endswith("cannot be written: that is not a valid file name. Choose another --output.")


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "aux.glb",
        "nul.glb",
        pytest.param("a:b", marks=pytest.mark.skipif(WINDOWS, reason="on Windows that is on a drive")),
        "what?",
        pytest.param(
            "lamp./x.glb", marks=pytest.mark.skipif(WINDOWS, reason="Windows itself leaves the dot out")
        ),
        "a/com1/x",
    ],
)
def test_what_windows_cannot_have_is_refused_on_each_system(here: Here, name: str):
    """A folder of outputs is shared."""
    (answer,) = failed(here, {"prompt": "a", "output": name}).values()
    assert "Windows" in answer
    assert answer.endswith(". Give it another name, or choose another --output.")


def test_a_folder_that_is_there_may_have_any_name(here: Here):
    folder = "ab" if WINDOWS else "a:b"
    (here.folder / folder).mkdir()
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--no-texture", "--output", f"{folder}/x")
    assert here(*words).code == 0
    assert here.runs() == [1]


@pytest.mark.parametrize("output", ["x?y/lamp.glb", "aux/deep", "CON"])
def test_nor_is_a_folder_made_of_such_a_name(here: Here, output: str):
    answer = here("generate", "--prompt", "lamp", "--output", output)
    assert (answer.code, "Windows" in answer.err) == (2, True)
    assert list(here.folder.iterdir()) == []
    assert here.sandbox.stats()["flows"] == {}


def test_no_prompt_makes_such_a_name(here: Here):
    words = ("generate", "--prompt", "CON", "--prompt", "com1", "--quality", "low", "--no-texture")
    assert here(*words, "--output", "out").code == 0
    names = {path.name for path in (here.folder / "out").glob("*.glb")}
    assert names == {"model-con.glb", "model-com1.glb"}


@pytest.mark.skipif(WINDOWS, reason="on Windows no picture has such a name")
def test_no_picture_makes_such_a_name(here: Here):
    pictures = ["aux.png", "front: side?.png", "nul.v2.png"]
    for name in pictures:
        Image.new("RGB", (16, 16), (200, 30, 30)).save(here.folder / name)
    words = ("generate", "--image", *pictures, "--quality", "low", "--no-texture", "--output", "out")
    assert here(*words).code == 0
    names = {path.name for path in (here.folder / "out").glob("*.glb")}
    assert names == {"model-aux.glb", "front- side-.glb", "model-nul.v2.glb"}


@pytest.mark.parametrize(
    "name",
    [
        "a\0b.png",
        "\udfff.png",
        "n" * 300,
        "missing.png",
        "folder",
        pytest.param("pipe", marks=needs_pipes),
        pytest.param("loop/../a.png", marks=needs_links),
    ],
)
def test_inputs_that_cannot_be_read(here: Here, name: str):
    (here.folder / "folder").mkdir()
    if name == "pipe":
        os.mkfifo(here.folder / "pipe")
    elif name.startswith("loop"):
        (here.folder / "loop").symlink_to("loop")
    (answer,) = failed(here, {"image": name, "output": "x.glb"}).values()
    assert (
        "does not exist" in answer
        or "cannot be read" in answer
        or "is a pipe or device. Save its output" in answer
    )


@needs_pipes
def test_a_model_from_a_pipe_is_refused(here: Here):
    os.mkfifo(here.folder / "pipe.glb")
    answer = here("optimize", "pipe.glb", "--ratio", "0.5", "--output", "out")
    assert (answer.code, "is a pipe or device" in answer.out) == (1, True)


@needs_bytes
def test_names_in_another_encoding_are_names(program: Program):
    """On Linux the name of a file is bytes."""
    name = os.fsdecode(b"sch\xf6n")
    Image.new("RGB", (16, 16), (200, 30, 30)).save(program.folder / f"{name}.png")
    words = ("generate", "--image", f"{name}.png", "--quality", "low", "--no-texture", "--output", "out")
    answer = program(*words)
    assert (answer.code, answer.err) == (0, "")
    assert (program.folder / f"out/{name}.glb").stat().st_size
    assert "Already Done" in program(*words).out


@pytest.mark.parametrize("prompt", ["a \udce4 lamp", "a\0lamp", "a \x1b[31m lamp", "a \x93lamp\x94"])
def test_prompts_that_are_no_text_are_refused(here: Here, prompt: str):
    (answer,) = failed(here, {"prompt": prompt, "output": "x.glb"}).values()
    assert answer.startswith("The prompt contains invalid characters.")


@needs_bytes
def test_bytes_that_are_no_text_do_not_come_through_the_shell(program: Program):
    answer = program("generate", "--prompt", os.fsdecode(b"ein sch\xf6ner Stuhl"), "--output", "out")
    assert (answer.code, "The prompt contains invalid characters." in answer.out) == (1, True)
    assert program.sandbox.stats()["flows"] == {}


def test_a_mistake_of_ours_ends_one_model_and_not_the_others(here: Here, monkeypatch: pytest.MonkeyPatch):
    check = Outputs.check

    def wrong(self: Outputs, job: object) -> None:
        monkeypatch.setattr(Outputs, "check", check)
        raise ZeroDivisionError("once")

    monkeypatch.setattr(Outputs, "check", wrong)
    (answer,) = failed(here, {"prompt": "a", "output": "x.glb"}).values()
    assert answer == "Internal error in GENERIO Flows: ZeroDivisionError: once. Please report this error."


def test_ten_thousand_models_of_one_name_are_numbered(tmp_path: Path):
    from generio_flows.cli import items

    common = {"folder": tmp_path, "file": None, "suffix": ".glb"}
    found = items.items_to_generate(["lamp"] * 10_000, [], [], common)
    assert json.dumps([item.output.name for item in found[-2:]]) == '["lamp-9999.glb", "lamp-10000.glb"]'


def test_no_error_shows_a_name_of_ours():
    error = PermissionError(
        13, "Permission denied", "/home/me/.generio-0-1-2.part", None, "/home/me/lamp.glb"
    )
    assert plain_reason(error) == "Permission denied."
