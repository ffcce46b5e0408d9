"""From options and lists to items with names and identities."""

import json
import os
from pathlib import Path

import pytest
from generio_flows.api import EmptyPrompt, UnreadableFile, UnsupportedFile
from generio_flows.cli import items
from generio_flows.cli.items import Item
from generio_flows.cli.job_directory import JobDirectory
from generio_flows.cli.lists import UsageError, read_list
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.sandbox.generate import from_prompt
from tests.systems import needs_links

SERVICE = "https://flows.generio.ai"


def common(folder: Path = Path("out"), **more: object) -> dict[str, object]:
    return {"folder": folder, "file": None, "suffix": ".glb", **more}


def names(found: list[Item]) -> list[str]:
    return [item.output.name for item in found]


def test_prompts_become_files_with_their_words():
    found = items.items_to_generate(["A brass lamp!", "A  chair"], [], [], common())
    assert names(found) == ["a-brass-lamp.glb", "a-chair.glb"]
    assert {item.output.parent for item in found} == {Path("out").absolute()}


def test_no_two_outputs_are_alike():
    found = items.items_to_generate(
        ["Lamp", "lamp", "LAMP"], [], [{"prompt": "x", "output": "lamp-2.glb"}], common()
    )
    assert names(found) == ["lamp.glb", "lamp-3.glb", "lamp-4.glb", "lamp-2.glb"]


@given(st.lists(st.text(max_size=80), min_size=1, max_size=20))
def test_every_prompt_gets_a_file_name_of_its_own_in_the_folder(prompts: list[str]):
    found = items.items_to_generate(prompts, [], [], common())
    assert len({str(item.output).casefold() for item in found}) == len(prompts)
    assert {item.output.parent for item in found} == {Path("out").absolute()}


def test_one_model_may_name_its_file():
    (item,) = items.items_to_generate(["lamp"], [], [], common(file=Path("x/y.blend")))
    assert item.output == Path("x/y.blend").absolute()
    with pytest.raises(UsageError, match="do not fit"):
        items.items_to_generate(["a", "b"], [], [], common(file=Path("y.glb")))


def test_patterns_are_looked_up_and_sorted(tmp_path: Path):
    for name in ("b.png", "a.png", "c.txt"):
        (tmp_path / name).touch()
    found = items.items_to_generate([], [str(tmp_path / "*.png")], [], common())
    assert names(found) == ["a.glb", "b.glb"]
    with pytest.raises(UsageError, match="no file matches"):
        items.expand_patterns([str(tmp_path / "*.webp")])


def test_lists_as_csv_and_jsonl_say_the_same(tmp_path: Path):
    (tmp_path / "a.csv").write_text("prompt,seed,texture,output\nlamp,7,no,first.glb\nchair,,,\n")
    rows = [{"prompt": "lamp", "seed": 7, "texture": False, "output": "first.glb"}, {"prompt": "chair"}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    from_csv, from_jsonl = (
        items.items_to_generate([], [], read_list(tmp_path / f"a.{kind}"), common(quality="low"))
        for kind in ("csv", "jsonl")
    )
    assert from_csv == from_jsonl
    assert [dict(item.parameters) for item in from_csv] == [
        {"quality": "low", "seed": 7, "texture": False},
        {"quality": "low"},
    ]
    assert names(from_csv) == ["first.glb", "chair.glb"]


def test_null_in_a_list_is_nothing_said(tmp_path: Path):
    nothing = dict.fromkeys(("image", "output", "seed", "texture", "optimize"))
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": "lamp", **nothing}))
    (item,) = items.items_to_generate([], [], read_list(tmp_path / "a.jsonl"), common(seed=7))
    assert (item.output.name, dict(item.parameters), item.optimize) == ("lamp.glb", {"seed": 7}, None)


def test_only_a_line_break_ends_a_line(tmp_path: Path):
    """A prompt may have separators of other kinds, and in quotes of CSV also line breaks."""
    (tmp_path / "a.jsonl").write_text(
        '{"prompt": "a\u2028lamp"}\r\n{"prompt": "b"}\n', encoding="utf-8", newline=""
    )
    (tmp_path / "a.csv").write_text('prompt\n"a\u2028lamp"\n"two\nlines"\n', encoding="utf-8", newline="")
    assert [row["prompt"] for row in read_list(tmp_path / "a.jsonl")] == ["a\u2028lamp", "b"]
    assert [row["prompt"] for row in read_list(tmp_path / "a.csv")] == ["a\u2028lamp", "two\nlines"]


def test_a_rows_own_target_counts_and_not_that_of_the_options(tmp_path: Path):
    (tmp_path / "a.csv").write_text("model,polygons,ratio\na.glb,500,\nb.glb,,\nc.glb,,0.1\n")
    rows = read_list(tmp_path / "a.csv")
    found = items.items_to_optimize([], rows, common(tmp_path / "out", ratio=0.5))
    assert [(dict(item.parameters), item.ratio) for item in found] == [
        ({"polygon_count": 500}, None),
        ({}, 0.5),
        ({}, 0.1),
    ]
    with pytest.raises(UsageError, match="not both"):
        items.items_to_optimize(
            [], [{"model": "a.glb", "polygons": 5, "ratio": 0.5}], common(tmp_path / "out")
        )


def test_paths_in_a_list_are_relative_to_it(tmp_path: Path):
    (tmp_path / "list.jsonl").write_text('{"image": "in/shoe.png"}')
    (item,) = items.items_to_generate([], [], read_list(tmp_path / "list.jsonl"), common())
    assert item.source == tmp_path / "in/shoe.png"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "prompt,colour\nlamp,red\n", "unknown columns: colour"),
        ("a.jsonl", '{"prompt": ', "line 1 of .* is no JSON"),
        ("a.jsonl", "[]", "no JSON object"),
        ("a.jsonl", '{"prompt": "x", "image": "y"}', "either a prompt or an image"),
        ("a.jsonl", '{"prompt": "x", "quality": "best"}', "quality must be low or high"),
        ("a.jsonl", '{"prompt": "x", "seed": "often"}', "seed must be a number"),
        ("a.jsonl", '{"prompt": "x", "seed": -2}', "seed is -2; it must be from -1 to 2,147,483,647"),
        ("a.jsonl", '{"prompt": "x", "texture": "maybe"}', "texture must be yes or no"),
        ("a.csv", "prompt\n", "nothing to do"),
    ],
)
def test_a_list_that_cannot_be_understood_is_refused_whole(tmp_path: Path, name: str, text: str, words: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=words):
        items.items_to_generate([], [], read_list(tmp_path / name), common())


def test_an_unreadable_list_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_list(tmp_path / "missing.csv")


@pytest.mark.parametrize("wish", [{"ratio": 0}, {"ratio": 1.5}, {"polygons": 0}])
def test_impossible_targets_are_refused(wish: dict[str, object]):
    with pytest.raises(UsageError):
        items.items_to_optimize(["a.glb"], [], common(**wish))


# ---- shares


@given(st.integers(0, 200), st.integers(1, 20))
def test_all_shards_together_are_the_whole_and_none_has_anothers(total: int, count: int):
    whole = [Item("t", Path(f"{number}.glb")) for number in range(total)]
    shares = [items.shard(whole, f"{number}/{count}") for number in range(1, count + 1)]
    assert (
        sorted((item for share in shares for item in share), key=lambda item: int(item.output.stem)) == whole
    )
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("spec", ["0/8", "9/8", "1", "a/b", "1/0", "-1/8", ""])
def test_a_shard_that_is_none_is_refused(spec: str):
    with pytest.raises(UsageError, match="--shard"):
        items.shard([], spec)


# ---- identity


def lamp(tmp_path: Path, **changes: object) -> Item:
    given: dict[str, object] = {"prompt": "lamp", "output": tmp_path / "lamp.glb", "template": "t"}
    return Item(**{**given, **changes})  # pyright: ignore[reportArgumentType]


def token(item: Item, directory: Path, service: str = SERVICE) -> str:
    return item.job(service, JobDirectory(directory)).token


def test_the_same_wish_is_the_same_job_wherever_the_folder_is(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    assert token(lamp(one), one / ".generio") == token(lamp(other), other / ".generio")


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "chair"},
        {"output": Path("/elsewhere/lamp.glb")},
        {"template": "u"},
        {"parameters": {"seed": 1}},
        {"optimize": 500},
    ],
)
def test_whatever_changes_the_result_makes_another_job(tmp_path: Path, change: dict[str, object]):
    assert token(lamp(tmp_path), tmp_path) != token(lamp(tmp_path, **change), tmp_path)


def test_another_service_is_another_job(tmp_path: Path):
    assert token(lamp(tmp_path), tmp_path) != token(lamp(tmp_path), tmp_path, "https://test-flows.generio.ai")


def test_the_content_of_a_file_counts_and_not_its_name(tmp_path: Path):
    glb = from_prompt("ball", quality="low", seed=1, texture=False)
    for name in ("a.glb", "b.glb"):
        (tmp_path / name).write_bytes(glb)
    a, b = (
        Item("model_optimize", tmp_path / "out.glb", source=tmp_path / name) for name in ("a.glb", "b.glb")
    )
    before = token(a, tmp_path)
    assert before == token(b, tmp_path)
    (tmp_path / "a.glb").write_bytes(glb + b"\0\0\0\0")
    assert token(a, tmp_path) != before


def test_a_ratio_is_of_what_the_model_has(tmp_path: Path):
    from generio_flows.api import check_glb

    path = tmp_path / "ball.glb"
    path.write_bytes(from_prompt("ball", quality="low", seed=1, texture=False))
    job = Item("model_optimize", tmp_path / "out.glb", source=path, ratio=0.25).job(
        SERVICE, JobDirectory(tmp_path)
    )
    assert job.request.parameters == {"polygon_count": round(check_glb(path).triangles / 4)}


def test_a_picture_that_the_service_does_not_take_is_converted_first(tmp_path: Path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.bmp")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    bmp, png = (
        Item("model_generate_fromimage", tmp_path / "x.glb", source=tmp_path / name).job(
            SERVICE, JobDirectory(tmp_path)
        )
        for name in ("a.bmp", "a.png")
    )
    assert (bmp.request.source, bmp.request.input_path) == ("../../a.bmp", "")
    assert (png.request.source, png.request.input_path, png.request.input_mime) == (
        "",
        "../../a.png",
        "image/png",
    )


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (Item("t", Path("x.glb")), EmptyPrompt),
        (Item("model_generate_fromimage", Path("x.glb"), source=Path("/missing.png")), UnreadableFile),
        (Item("model_optimize", Path("x.glb"), source=Path("/missing.glb")), UnreadableFile),
        (Item("model_optimize", Path("x.glb"), source=Path("/model.fbx")), UnsupportedFile),
    ],
)
def test_what_cannot_be_sent_is_refused(tmp_path: Path, item: Item, error: type[Exception]):
    with pytest.raises(error):
        item.job(SERVICE, JobDirectory(tmp_path))


def test_paths_outside_the_home_survive_the_way_through_the_ledger(tmp_path: Path):
    directory = JobDirectory(tmp_path / "a/.generio")
    for output in (tmp_path / "a/x.glb", tmp_path / "b/c/x.glb"):
        assert directory.output_path(directory.relative(output)) == output


# ---- inputs stay as they are


@needs_links
def test_the_way_back_out_of_a_link_is_that_of_the_file_system(tmp_path: Path):
    (tmp_path / "far/deep").mkdir(parents=True)
    (tmp_path / "near").mkdir()
    (tmp_path / "near/link").symlink_to(tmp_path / "far/deep")
    Image.new("RGB", (8, 8)).save(tmp_path / "far/a.png")
    item = Item("model_generate_fromimage", tmp_path / "x.glb", source=tmp_path / "near/link/../a.png")
    directory = JobDirectory(tmp_path / "near/.generio")
    assert os.path.normpath(
        directory.results / "job" / item.job(SERVICE, directory).request.input_path
    ) == str(tmp_path / "far/a.png")


@needs_links
def test_no_model_is_written_over_one_that_is_read(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for name in ("a.glb", "sub/b.glb"):
        (tmp_path / name).touch()
    one, other = str(tmp_path / "a.glb"), str(tmp_path / "sub/b.glb")
    for folder in (tmp_path, tmp_path / "link"):
        with pytest.raises(UsageError, match=r"a\.glb is an input; .*--output"):
            items.items_to_optimize([one], [], common(folder))
    with pytest.raises(UsageError, match=r"a\.glb is an input"):  # of another item
        items.items_to_optimize([one], [{"model": other, "output": "a.glb"}], common(tmp_path, polygons=1))
    assert names(items.items_to_optimize([one, other], [], common(tmp_path / "out"))) == ["a.glb", "b.glb"]


def test_a_pattern_leaves_out_what_the_command_has_written(tmp_path: Path):
    for folder in ("in", "in/deep", "in/out"):
        (tmp_path / folder).mkdir()
    for name in ("in/a.glb", "in/deep/b.glb", "in/out/a.glb", "in/out/b.glb"):
        (tmp_path / name).touch()
    found = items.items_to_optimize([str(tmp_path / "in/**/*.glb")], [], common(tmp_path / "in/out"))
    assert [item.source for item in found] == [tmp_path / "in/a.glb", tmp_path / "in/deep/b.glb"]
    with pytest.raises(UsageError, match="except in the output folder"):
        items.items_to_optimize([str(tmp_path / "in/out/*.glb")], [], common(tmp_path / "in/out"))
