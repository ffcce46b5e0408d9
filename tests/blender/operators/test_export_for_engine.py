"""Export for Engine is a job like others: it is listed, costs nothing, and says where its files are."""

from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from tests.blender import scenes
from tests.blender.job_fixtures import panel, without_converter


def export(path: Path, **options: object) -> set[str]:
    return bpy.ops.generio.export_for_engine(filepath=str(path), engine="GODOT", **options)


def test_the_job_is_done_and_its_row_leads_to_the_files(addon, sandbox, tmp_path, monkeypatch):
    items = [scenes.ball(name, 16, 8) for name in ("Left", "Right")]
    scenes.select(*items)
    target = tmp_path / "exports"
    assert export(target, batch_mode="OBJECT") == {"FINISHED"}
    assert sorted(path.name for path in target.iterdir()) == ["Left.glb", "Right.glb"]
    (row,) = panel().jobs
    assert (row.name, row.state, row.message) == ("exports", "done", "2 files in exports")
    assert row.files_only and row.clearable and not row.importable
    engine = addon.session.current().engine
    left = {path.name for path in engine.folder(row.token).iterdir()}
    assert left <= {"request.json"}, "the snapshots are gone"
    assert sandbox.stats()["flows"] == {}
    shown: list[Path] = []
    monkeypatch.setattr(
        addon.operators.jobs, "show_folder", lambda _self, path: shown.append(path) or {"FINISHED"}
    )
    assert bpy.ops.generio.show_job_folder(token=row.token) == {"FINISHED"}
    assert shown == [target]
    assert export(target / "Left.glb") == {"FINISHED"}, "what is there is replaced"
    assert panel().jobs[0].message == "1 file in exports"


def test_why_files_are_not_written_is_told(addon, tmp_path, monkeypatch):
    scenes.select(scenes.ball("Ball", 16, 8))
    without_converter(addon, monkeypatch)
    with pytest.raises(RuntimeError, match="No second Blender could be started to export the files"):
        export(tmp_path / "ball.glb")
    assert not [*tmp_path.iterdir()]
    assert panel().jobs[0].remedy == "retry"


def test_in_a_window_meshes_are_taken_one_after_the_other(addon, tmp_path):
    requests, current = addon.session.requests, addon.session.current()
    items = [scenes.ball(name, 16, 8) for name in ("Left", "Right")]
    wish = addon.scene.game.export.GameExport("godot", tmp_path / "both.glb")
    plan = addon.scene.game.export.plan(bpy.context, items, wish)
    parts = requests.export_in_parts(current, bpy.context, plan)
    assert next(parts) == next(parts) == []
    ((job,),) = parts
    folder = Path(job.request.source).parent
    assert len([*folder.glob("snapshot-*.blend")]) == 2
    plan = addon.scene.game.export.plan(bpy.context, items, wish)
    stopped = requests.export_in_parts(current, bpy.context, plan)
    next(stopped)
    stopped.close()
    assert [*folder.parent.iterdir()] == [folder], "of what was stopped nothing is left"
    plan = addon.scene.game.export.plan(bpy.context, items, wish)
    late = requests.export_in_parts(current, bpy.context, plan)
    next(late)
    bpy.data.objects.remove(items[1])
    with pytest.raises(addon.scene.game.export.NothingToExport, match='"Right" was deleted'):
        next(late)
    assert [*folder.parent.iterdir()] == [folder]


def test_the_buttons_of_what_was_exported_show_its_folder(addon, tmp_path):
    scenes.select(scenes.ball("Ball", 16, 8))
    export(tmp_path / "ball.glb")
    drawn: list[str] = []

    class Row:
        enabled = True

        def row(self, align: bool) -> "Row":
            return self

        def operator(self, name: str, **_options: object) -> SimpleNamespace:
            drawn.append(name)
            return SimpleNamespace()

    addon.panels.jobs.GENERIO_PT_jobs._buttons(None, Row(), panel().jobs[0])
    assert drawn[0] == "generio.show_job_folder"
    assert "generio.import_result" not in drawn
