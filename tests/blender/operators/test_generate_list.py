"""Many models from a text, a file or a folder: how many is known before anything is sent."""

from pathlib import Path

import bpy
import pytest
from PIL import Image

from tests.blender.job_fixtures import panel

PROMPTS = ["A chair", "A table", "A lamp"]


def names() -> list[str]:
    return sorted(row.name for row in panel().jobs)


def ask(**options: str) -> set[str]:
    return bpy.ops.generio.generate_list(quality="LOW", variants=1, **options)


def test_each_line_of_a_text_is_a_prompt(addon, sandbox):
    bpy.data.texts.new("Props").write("A chair\n\n  A table  \nA lamp\n")
    assert ask(kind="TEXT", text="Props") == {"FINISHED"}
    assert names() == sorted(PROMPTS)
    assert {row.settings for row in panel().jobs} == {"low quality"}


def test_each_line_of_a_file_is_a_prompt(addon, sandbox, tmp_path: Path):
    file = tmp_path / "props.txt"
    file.write_text("\ufeff" + "\n".join(PROMPTS), encoding="utf-8")
    assert ask(kind="FILE", filepath=str(file)) == {"FINISHED"}
    assert names() == sorted(PROMPTS)


def test_a_csv_list_says_more_of_each(addon, sandbox, tmp_path: Path):
    file = tmp_path / "props.csv"
    file.write_text("prompt,seed,optimize\nA chair,7,\nA lamp,8,500\n", encoding="utf-8")
    assert ask(kind="FILE", filepath=str(file)) == {"FINISHED"}
    assert {row.settings for row in panel().jobs if row.settings.startswith("low")} == {
        "low quality, seed 7",
        "low quality, seed 8",
    }
    assert len(panel().jobs) == 3, "the lamp has been optimized, too"


def test_each_picture_of_a_folder_is_a_model(addon, sandbox, tmp_path: Path):
    for name in ("shoe.png", "boot.png"):
        Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    assert ask(kind="FOLDER", directory=str(tmp_path)) == {"FINISHED"}
    assert names() == ["boot", "shoe"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "list is empty"),
        ("A chair\ndata:image/png;base64,AAAA", 'cannot begin with "data:"'),
    ],
)
def test_all_or_nothing_of_a_text_is_sent(addon, sandbox, text: str, sentence: str):
    bpy.data.texts.new("Props").write(text)
    with pytest.raises(RuntimeError, match=sentence):
        ask(kind="TEXT", text="Props")
    assert not sandbox.stats()["flows"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("props.csv", "prompt,color\nA chair,red\n", "unknown columns: color"),
        ("props.csv", "model\nchair.glb\n", "only on the command line"),
        ("props.csv", "prompt,optimize\nA chair,300\nA lamp,many\n", "optimize .* not many"),
        ("props.csv", "prompt,quality\nA chair,low\nA lamp,fine\n", "quality .* not fine"),
        ("props.csv", 'prompt\n"A chair\n', "do not match"),
        ("props.txt", "A\0chair", "NUL"),
        ("gone.txt", None, "cannot be read"),
    ],
)
def test_a_list_that_is_wrong_sends_nothing(
    addon, sandbox, tmp_path: Path, name: str, content: str | None, sentence: str
):
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(RuntimeError, match=sentence):
        ask(kind="FILE", filepath=str(tmp_path / name))
    assert not sandbox.stats()["flows"]


def test_a_folder_with_something_broken_sends_nothing(addon, sandbox, tmp_path: Path):
    Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / "shoe.png")
    (tmp_path / "boot.png").write_bytes(b"no picture at all")
    with pytest.raises(RuntimeError, match=r"boot\.png"):
        ask(kind="FOLDER", directory=str(tmp_path))
    with pytest.raises(RuntimeError, match="cannot be read"):
        ask(kind="FOLDER", directory=str(tmp_path / "gone"))
    assert not sandbox.stats()["flows"]


def test_the_count_is_known_before_anything_is_sent(addon):
    count = addon.operators.generate_list.listed_models
    bpy.data.texts.new("Props").write("\n".join(PROMPTS))
    assert [wish.prompt for wish in count("TEXT", "Props", "", "")] == PROMPTS
