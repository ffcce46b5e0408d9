"""Which files for game engines are made of which models, and what is refused before anything is sent."""

import json
from pathlib import Path

import pytest
from generio_flows.cli import game_files
from generio_flows.cli.game_files import ExportOptions, GameFile, GameFileWriter
from generio_flows.cli.lists import UsageError
from generio_flows.core.disk_errors import NotSaved
from generio_flows.core.messages import Message

from tests.sandbox.generate import from_prompt

from .conftest import Here


@pytest.fixture
def ball(here: Here) -> Path:
    path = here.folder / "ball.glb"
    path.write_bytes(from_prompt("ball", quality="low", seed=1, texture=False))
    return path


def test_levels_that_are_named_so_go_into_one_file(tmp_path: Path):
    names = ["in/rock_LOD1.glb", "in/rock.glb", "in/rock_LOD10.glb", "in/rock_LOD2.glb", "in/tree.GLB"]
    rock, tree = game_files.files_of_models(names, tmp_path, "unity")
    assert [level.name for level in rock.levels] == ["rock.glb", *(f"rock_LOD{n}.glb" for n in (1, 2, 10))]
    assert (rock.target, tree.target) == (tmp_path / "rock.fbx", tmp_path / "tree.fbx")
    (godot,) = game_files.files_of_models(["in/rock.glb"], tmp_path, "godot")
    assert godot.target == tmp_path / "rock_godot.glb", "it is no rock.glb"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["rock.fbx"], r"rock.fbx is not a .glb file"),
        (["rock.glb", "rock_LOD0.glb"], "are the same level of detail"),
        (["a/rock.glb", "b/Rock.glb"], "would both become"),
    ],
)
def test_what_makes_no_file_is_refused(tmp_path: Path, names: list[str], reason: str):
    with pytest.raises(UsageError, match=reason):
        game_files.files_of_models(names, tmp_path, "unity")


def test_without_a_blender_nothing_is_sent(here: Here, ball: Path):
    for words in (("optimize", "ball.glb", "--lods", "0.5"), ("export", "ball.glb")):
        flag = "--for" if words[0] == "export" else "--export"
        answer = here(*words, flag, "unreal", "--output", "out")
        assert (answer.code, "--export needs Blender" in answer.err) == (2, True), answer
    assert here.runs() == []


def test_what_is_no_glb_is_not_exported(here: Here, ball: Path):
    answer = here("optimize", "ball.glb", "--format", "blend", "--export", "unity", "--output", "out")
    assert answer.code == 2
    assert "--export needs .glb files, and out/ball.blend is none" in answer.err
    answer = here("export", "none.glb", "--for", "unity")
    assert (answer.code, "there is no file none.glb" in answer.err) == (2, True)


class Copier:
    """A converter that writes the order into the file; refused: what a model's name has that it refuses."""

    def __init__(self, refused: str = "") -> None:
        self.refused = refused

    def export(self, order: Path, note: Path, _cancelled: object) -> None:
        (file,) = json.loads(order.read_text(encoding="utf-8"))["files"]
        if self.refused in file["name"] and self.refused:
            raise NotSaved(Message("It is broken."))
        made = note.with_name("made")
        (made / "textures").mkdir(parents=True)
        (made / file["path"]).write_bytes(order.read_bytes())
        (made / "textures" / "bark.png").write_bytes(b"bark")
        note.write_text(json.dumps({"folder": "made", "files": [file["path"]]}))

    def close(self) -> None:
        pass


def writer(folder: Path, refused: str = "", **options: bool) -> GameFileWriter:
    how = {"force": False, "as_json": False, "quiet": False} | options
    return GameFileWriter(
        lambda: Copier(refused), ExportOptions("unity", "hull"), record_path=folder / "exported.json", **how
    )


def test_only_what_was_exported_here_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    level, target = tmp_path / "rock.glb", tmp_path / "rock.fbx"
    level.write_bytes(b"")
    wanted = [GameFile(level, (level,), target)]
    target.write_text("the artist's own")
    with pytest.raises(UsageError, match=r"rock\.fbx exists and was not exported here"):
        writer(tmp_path).check(wanted)
    assert writer(tmp_path, force=True).write(wanted, lambda: False) == 0
    order = json.loads(target.read_text())
    (subject,) = order["files"][0]["subjects"]
    assert (subject["name"], subject["levels"][0]["file"]) == ("rock", str(level))
    assert (order["engine"], order["collision"]) == ("unity", "HULL")
    assert (tmp_path / "textures" / "bark.png").read_bytes() == b"bark"
    assert capsys.readouterr().out.replace("\\", "/").endswith("rock.fbx: Exported\n")
    writer(tmp_path).check(wanted)
    target.write_text("edited since")
    with pytest.raises(UsageError, match="was not exported here"):
        writer(tmp_path).check(wanted)


def test_one_that_fails_keeps_no_other_from_being_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    levels = [tmp_path / name for name in ("bad.glb", "good.glb", "missing.glb")]
    for level in levels[:2]:
        level.write_bytes(b"")
    wanted = [GameFile(level, (level,), level.with_suffix(".fbx")) for level in levels]
    assert writer(tmp_path, "bad", as_json=True).write(wanted, lambda: False) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["event"], event["code"]) for event in told] == [("export", "not_saved"), ("export", "")]
    assert sorted(path.name for path in tmp_path.glob("*.fbx")) == ["good.fbx"]
    writer(tmp_path, quiet=True).write(wanted[1:2], lambda: False)
    assert capsys.readouterr().out == ""
