"""The list of jobs: what it shows of them, and what its buttons do."""

import importlib
import json
import sqlite3
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import pytest
from generio_flows.core.messages import Message
from PIL import Image

from tests.blender import scenes
from tests.blender.job_fixtures import tell, until, wish


def panel():
    return bpy.context.window_manager.generio


def generate(prompt: str = "A brass lamp", **settings):
    bpy.ops.generio.generate_from_prompt(prompt=prompt, **{"quality": "LOW", **settings})
    return panel().jobs[0]


def test_a_row_tells_what_was_asked_for(addon):
    row = generate(quality="LOW", seed=7, texture=False)
    assert row.prompt == "A brass lamp"
    assert row.settings == "low quality, without texture, seed 7"
    assert "triangles" in row.summary
    assert row.flow_id


SEARCHES = [
    ("", "ALL", {"A brass lamp", "A chair", "An owl"}),
    ("BRASS lamp", "ALL", {"A brass lamp"}),
    ("owl an", "ALL", {"An owl"}),
    ("", "TROUBLE", {"A chair"}),
    ("", "OVER", {"A brass lamp", "An owl"}),
    ("chair", "OVER", set()),
    ("", "OPEN", set()),
    ("", "READY", set()),
]


def test_the_list_is_searched_and_filtered(addon, sandbox):
    generate("A brass lamp")
    generate("An owl")
    sandbox.order({"flow": {"outcome": "fail"}, "times": -1})
    with pytest.raises(RuntimeError):
        generate("A chair")
    rows = panel().jobs
    fits = addon.panels.jobs.is_listed
    for words, kind, found in SEARCHES:
        assert {row.name for row in rows if fits(row, words.lower().split(), kind)} == found, (words, kind)


def test_a_row_is_written_when_its_model_has_arrived(addon):
    """It says Ready while a good moment is waited for; that the moment came is no news of the job."""
    row = generate()
    session = addon.session.current()
    session.placement.pending.add(row.token)
    session._show(bpy.context, session.engine)
    assert panel().jobs[0].state == "ready"
    session.placement.pending.clear()
    session._show(bpy.context, session.engine)
    assert panel().jobs[0].state == "done"


def test_a_flow_id_finds_its_job(addon):
    row = generate()
    assert addon.panels.jobs.is_listed(row, [row.flow_id.lower()], "ALL")
    bpy.ops.generio.copy_flow_id(token=row.token)  # the module has no clipboard to look into


def test_the_same_settings_can_be_used_again(addon):
    row = generate(quality="LOW", seed=7, texture=False)
    panel().prompt, panel().source, panel().seed, panel().random_seed = "", "IMAGE", 3, True
    bpy.ops.generio.use_job_settings(token=row.token)
    assert (panel().source, panel().prompt, panel().quality) == ("TEXT", "A brass lamp", "LOW")
    assert (panel().seed, panel().random_seed, panel().texture) == (7, False, False)
    generate(prompt="A chair")
    bpy.ops.generio.use_job_settings(token=panel().jobs[0].token)
    assert panel().jobs[0].settings == "low quality, without texture, seed 7"  # the panel's own by then


def test_the_same_picture_and_the_same_target_can_be_used_again(addon, tmp_path: Path):
    path = tmp_path / "shoe.png"
    Image.new("RGB", (8, 8), (200, 30, 30)).save(path)
    bpy.ops.generio.generate_from_image(filepath=str(path), quality="HIGH")
    picture = panel().jobs[0].token
    scenes.select(scenes.ball())
    bpy.ops.generio.optimize_selected(polygon_count=345)
    panel().polygon_count = 1
    bpy.ops.generio.use_job_settings(token=panel().jobs[0].token)
    assert panel().polygon_count == 345
    bpy.ops.generio.use_job_settings(token=picture)
    assert (panel().source, panel().image, panel().quality) == ("IMAGE", str(path), "HIGH")
    assert panel().random_seed
    assert not panel().is_property_set("texture")


@pytest.mark.parametrize(
    "odd",
    [
        {"seed": 4294967295, "texture": "yes", "quality": "medium", "polygon_count": "5000"},
        {"seed": "12", "texture": None, "quality": 3, "polygon_count": 2.5},
        {"seed": -5},
    ],
)
@pytest.mark.parametrize("template", ["model_generate_fromprompt", "model_optimize"])
def test_what_another_program_asked_for_is_shown_and_taken_over_as_far_as_it_can_be(addon, odd, template):
    row = generate()
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.job(row.token).changed(template=template, parameters=odd)
    tell(carrier, job)
    addon.session.current().tick(bpy.context)
    assert str(odd["seed"]) in panel().jobs[0].settings
    panel().seed, panel().random_seed, panel().prompt = 3, False, ""
    panel().polygon_count = 50
    assert bpy.ops.generio.use_job_settings(token=row.token) == {"FINISHED"}
    if template == "model_optimize":
        assert panel().polygon_count == 50
    else:
        assert (panel().prompt, panel().random_seed) == ("A brass lamp", True)
        assert not panel().is_property_set("texture")
        assert not panel().is_property_set("quality")


def test_rows_are_written_though_a_disk_does_not_even_tell_what_is_there(addon):
    """As a drive that is out of reach does not; here it is a name that no disk can have."""
    generate("An owl")
    row = generate()
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.job(row.token)
    blend = str(Path(job.placement.results[0].blend).with_name("x" * 300 + ".blend"))
    with pytest.raises(OSError, match="too long"):
        Path(blend).exists()
    tell(carrier, job.changed(results=(replace(job.placement.results[0], blend=blend),)))
    addon.session.current().part(addon.panels.job_rows.JobRows).reset()
    addon.session.current().tick(bpy.context)
    assert [row.name for row in panel().jobs] == ["A brass lamp", "An owl"]
    assert [bool(row.thumbnail) for row in panel().jobs] == [False, False]
    assert [bool(row.summary) for row in panel().jobs] == [False, True]


@pytest.mark.parametrize("placement", ["BESIDE", "REPLACE"])
def test_the_settings_of_an_optimized_mesh_make_the_same_mesh_again(addon, placement: str):
    item = scenes.ball()
    item.modifiers.new("Subdivision", "SUBSURF")
    scenes.select(item)
    apply = "APPLY" if placement == "BESIDE" else "KEEP"
    bpy.ops.generio.optimize_selected(polygon_count=345, placement=placement, modifier_mode=apply)
    panel().target, panel().placement, panel().modifier_mode = "PERCENT", "HIDE", "KEEP"
    bpy.ops.generio.use_job_settings(token=panel().jobs[0].token)
    assert (panel().target, panel().polygon_count) == ("COUNT", 345), "a budget is for all that is selected"
    assert (panel().placement, panel().modifier_mode) == (placement, apply)


def test_the_settings_of_a_variant_make_this_one_again(addon):
    generate(quality="LOW", seed=7, variants=2, where="SURFACE", then_optimize=True, then_count=500)
    first = next(row.token for row in panel().jobs if "seed 8" in row.settings)
    panel().variants, panel().then_optimize, panel().where = 4, False, "CURSOR"
    bpy.ops.generio.use_job_settings(token=first)
    assert (panel().variants, panel().seed, panel().where) == (1, 8, "SURFACE")
    assert (panel().then_optimize, panel().then_count) == (True, 500)
    generate("A chair", quality="LOW")
    panel().where, panel().variants = "BOX", 4
    chair = next(row for row in panel().jobs if row.name == "A chair" and "seed 8" in row.settings)
    bpy.ops.generio.use_job_settings(token=chair.token)
    assert (panel().variants, panel().where, panel().then_optimize) == (1, "SURFACE", True)
    generate("An owl", quality="LOW", where="CURSOR", variants=1, then_optimize=False)
    bpy.ops.generio.use_job_settings(token=panel().jobs[0].token)
    assert (panel().where, panel().then_optimize) == ("CURSOR", False)


@pytest.mark.parametrize(
    ("active", "removed", "shown"), [(2, 0, "Job 2"), (1, 2, "Job 1"), (1, 1, "Job 2"), (2, 2, "Job 1")]
)
def test_the_chosen_job_stays_chosen_when_another_is_removed(addon, sandbox, active, removed, shown):
    for number in (2, 1, 0):
        generate(f"Job {number}")
    rows = panel().jobs
    assert [row.name for row in rows] == ["Job 0", "Job 1", "Job 2"]
    panel().active_job = active
    bpy.ops.generio.remove_job(token=rows[removed].token)
    assert rows[panel().active_job].name == shown


def test_clear_finished_leaves_what_is_not_imported(addon, sandbox):
    generate("A brass lamp")
    folder = addon.session.current().open_engine(bpy.context).folder(panel().jobs[0].token)
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.job(generate("An owl").token)
    carrier.keep_for_import(job.token, addon.jobs.Problem("test", Message("Kept.")))
    addon.session.current().tick(bpy.context)
    assert folder.is_dir()
    assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
    assert [row.name for row in panel().jobs] == ["An owl"]
    assert {path.suffix for path in folder.iterdir()}.isdisjoint({".glb", ".blend"}), "undo needs no more"
    with pytest.raises(RuntimeError, match="No job is finished"):
        bpy.ops.generio.clear_finished_jobs()


def test_clear_finished_leaves_what_was_made_and_could_not_be_converted(
    addon, sandbox, tmp_path, monkeypatch
):
    """Its whole GLB is here, and perhaps nowhere else."""
    fails = tmp_path / "fails.py"
    answer = f"\nGENERIO_ANSWER {json.dumps({'problem': 'out of memory'})}"
    fails.write_text(f"import sys\nfor line in sys.stdin:\n    print({answer!r}, flush=True)\n")
    with monkeypatch.context() as patched:
        patched.setattr(addon.session.session, "converter_command", lambda: (sys.executable, str(fails)))
        with pytest.raises(RuntimeError, match="out of memory"):
            generate("A brass lamp")
    made = panel().jobs[0].token
    sandbox.order({"flow": {"outcome": "fail"}})
    with pytest.raises(RuntimeError):
        generate("An owl")
    assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
    assert [(row.name, row.state) for row in panel().jobs] == [("A brass lamp", "failed")]
    with pytest.raises(RuntimeError, match="No job is finished"):
        bpy.ops.generio.clear_finished_jobs()
    addon.session.current().stop(60.0)  # the next engine has a converter that works
    sandbox.order()
    bpy.ops.generio.retry_job(token=made)
    assert "A brass lamp" in bpy.data.objects
    assert sandbox.stats()["run_total"] == 2


def test_a_result_that_is_noted_but_not_placed_yet_is_waited_for(addon):
    job = addon.session.current().open_engine(bpy.context).job(generate().token)
    assert addon.session.current().is_over(job)
    addon.session.current().placement.pending.add(
        job.token
    )  # as between the note in the ledger and the tick that places
    assert not addon.session.current().is_over(job)
    addon.session.current().placement.pending.clear()


def status_bar(addon) -> Any:
    """What says in any editor how the jobs are."""
    return addon.session.current().part(addon.panels.status_bar.StatusBar)


def told(addon, *jobs: Any, arriving: Collection[str] = ()) -> tuple[str, str]:
    """The line of the status bar after news of these jobs."""
    session, bar = addon.session.current(), status_bar(addon)
    news = addon.session.session.News(
        session.engine, {job.token: job for job in jobs}, {job.token for job in jobs}, {*arriving}, [], True
    )
    bar.update(bpy.context, session, news)
    return bar.text, bar.icon


def test_the_status_bar_tells_the_end_of_a_job_once(addon, monkeypatch: pytest.MonkeyPatch):
    row = generate()
    job = addon.session.current().engine.job(row.token)
    assert told(addon) == ('"A brass lamp" is in the scene', "CHECKMARK")
    monkeypatch.setattr(addon.panels.status_bar.time, "time", lambda: job.status.finished_at + 100.0)
    assert told(addon, job) == ("", "NONE"), "told again"


def test_what_comes_by_itself_is_told_when_it_has_come(addon):
    job = addon.session.current().open_engine(bpy.context).job(generate().token)
    status_bar(addon)._news.clear()  # forgets what it has told
    line, _icon = told(addon, job, arriving=[job.token])  # as long as somebody is in Edit Mode
    assert line.startswith("A brass lamp, ")
    assert told(addon, job) == ('"A brass lamp" is in the scene', "CHECKMARK")


def test_that_a_model_has_come_is_told_though_its_job_changed_before(addon):
    """Memory for it may be made ready for several ticks."""
    job = addon.session.current().open_engine(bpy.context).job(generate().token)
    session, bar = addon.session.current(), status_bar(addon)
    bar._news.clear()
    told(addon, job, arriving=[job.token])
    bar.update(
        bpy.context, session, addon.session.session.News(session.engine, {}, {job.token}, set(), [], True)
    )
    assert bar.text == '"A brass lamp" is in the scene'


def test_a_first_job_is_no_news_where_another_follows(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", then_optimize=True, then_count=500)
    second, first = (addon.session.current().open_engine(bpy.context).job(row.token) for row in panel().jobs)
    assert addon.jobs.has_followup(first)
    assert [*status_bar(addon)._news] == [second.token]


def test_what_a_result_consists_of_is_read_from_disk_once(addon):
    row = generate()
    summary = row.summary
    assert summary
    carrier = addon.session.current().open_engine(bpy.context)
    Path(carrier.job(row.token).placement.results[0].blend).with_suffix(".json").unlink()
    addon.session.current().part(addon.panels.job_rows.JobRows).reset()  # as when another file is opened
    addon.session.current().tick(bpy.context)
    assert panel().jobs[0].summary == summary


def test_details_of_an_optimized_mesh_tell_what_has_become_of_it(addon):
    item = scenes.ball()
    before = scenes.triangles(item)
    bpy.ops.generio.optimize_selected(polygon_count=500)
    change, deviation, *_ = panel().jobs[0].summary.split(", ")
    assert change == f"{before:,} → {scenes.triangles(item):,} triangles"
    assert deviation.startswith("deviation ")
    assert deviation.endswith("%")


def in_store(carrier, order: str, *values: object) -> None:
    """Change the job list as another process does."""
    with sqlite3.connect(carrier.connection.start.store, timeout=60.0) as db:
        db.execute(order, values)
    db.close()


def test_a_row_goes_when_another_blender_has_removed_its_job(addon, monkeypatch):
    monkeypatch.setattr(addon.jobs.limits, "SYNC_SECONDS", 0.2)
    generate("A brass lamp")
    row = generate("An owl")
    carrier = addon.session.current().open_engine(bpy.context)
    in_store(carrier, "DELETE FROM jobs WHERE token = ?", row.token)
    until(lambda: addon.session.current().tick(bpy.context) and len(panel().jobs) == 1)
    assert [row.name for row in panel().jobs] == ["A brass lamp"]


def test_the_time_of_a_job_that_is_tried_again_counts_from_then(addon, sandbox):
    sandbox.order({"flow": {"outcome": "fail"}})
    with pytest.raises(RuntimeError):
        generate("A chair")
    carrier = addon.session.current().open_engine(bpy.context)
    (job,) = carrier.jobs()
    before = job.changed(created_at=job.created_at - 24 * 3600.0)
    in_store(carrier, "UPDATE jobs SET created_at = ?", before.created_at)
    bpy.ops.generio.retry_job(token=job.token)
    assert carrier.job(job.token).created_at == before.created_at
    assert addon.panels.progress.timing(carrier, job.token).elapsed.startswith("0:")


def test_what_another_blender_has_cannot_be_cancelled_here(addon, sandbox):
    sandbox.order({"flow": {"outcome": "hang"}})
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.submit(
        wish(
            addon,
            sandbox,
            "A chair",
            addon.session.current().document.at_cursor(bpy.context),
        )
    )
    # As if this one had slept past its lease.
    in_store(carrier, "UPDATE jobs SET owner = 'another', lease_until = 4e9")
    for operator in (bpy.ops.generio.cancel_job, bpy.ops.generio.retry_job):
        with pytest.raises(RuntimeError, match="Another Blender runs this job"):
            operator(token=job.token)


def test_the_job_of_another_blender_looks_like_one(addon, sandbox, monkeypatch):
    sandbox.order({"flow": {"outcome": "hang"}})
    session = addon.session.current()
    engine = session.open_engine(bpy.context)
    engine.submit(wish(addon, sandbox, "A chair", session.document.at_cursor(bpy.context)))
    until(lambda: session.tick(bpy.context) and panel().jobs and panel().jobs[0].state == "running")
    assert not panel().jobs[0].elsewhere
    monkeypatch.setattr(engine, "owns", lambda _token: False)
    session.part(addon.panels.job_rows.JobRows).reset()
    session.tick(bpy.context)
    row = panel().jobs[0]
    assert (row.elsewhere, row.message) == (True, "Another Blender runs this job")


def test_the_status_bar_tells_of_this_scene_only(addon):
    generate("A brass lamp")
    carrier = addon.session.current().open_engine(bpy.context)
    (job,) = carrier.jobs()
    session, started = addon.session.current(), job.advance_to(addon.jobs.Step.STARTED)
    status_bar(addon)._news.clear()
    placed, session.placement.placed = session.placement.placed, set()
    told(addon, started)
    assert told(addon, job)[0] == "", "another Blender has it"
    session.placement.placed = placed
    told(addon, started)
    assert told(addon, job)[0] == '"A brass lamp" is in the scene'


def test_a_results_folder_without_a_drive_or_root_is_where_blender_was_started(addon):
    """The engine works in another folder."""
    preferences = addon.session.preferences.preferences(bpy.context)
    preferences.folder = "results"
    try:
        assert addon.session.preferences.results_folder(bpy.context) == Path.cwd() / "results"
    finally:
        preferences.property_unset("folder")


def test_a_results_folder_beside_the_file_stays_where_it_was_chosen(addon, tmp_path: Path):
    chosen = addon.session.preferences.preferences(bpy.context)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "lamp.blend"))
    chosen.folder = "//results"
    bpy.ops.wm.read_homefile(use_empty=True)
    try:
        assert addon.session.preferences.results_folder(bpy.context) == tmp_path / "results"
        chosen.folder = "//results"
        assert chosen.folder == "", "there is nothing beside a file that was never saved"
    finally:
        chosen.folder = ""


def test_the_settings_of_a_recovered_flow_leave_what_was_chosen(addon, sandbox):
    """Neither its prompt nor its picture is known."""
    row = generate()
    flow_id = row.flow_id
    bpy.ops.generio.remove_job(token=row.token)
    bpy.ops.generio.recover_flow(flow_id=flow_id)
    panel().source, panel().prompt, panel().image = "TEXT", "A chair", "//chair.png"
    found = panel().jobs[0]
    carrier = addon.session.current().open_engine(bpy.context)
    tell(carrier, carrier.job(found.token).changed(prompt=""))
    bpy.ops.generio.use_job_settings(token=found.token)
    assert (panel().source, panel().prompt, panel().image) == ("TEXT", "A chair", "//chair.png")


def test_all_jobs_are_cancelled_by_one_click(addon, sandbox):
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    engine = addon.session.current().open_engine(bpy.context)
    here = addon.session.current().document.at_cursor(bpy.context)
    tokens = [engine.submit(wish(addon, sandbox, f"Lamp {number}", here)).token for number in range(6)]
    assert bpy.ops.generio.cancel_all_jobs() == {"FINISHED"}
    addon.session.waiting.run_until(bpy.context, tokens)
    assert {engine.job(token).state for token in tokens} == {"cancelled"}
    with pytest.raises(RuntimeError, match="No job is under way"):
        bpy.ops.generio.cancel_all_jobs()


def test_a_search_finds_jobs_that_left_the_list_long_ago(addon, sandbox):
    session = addon.session.current()
    folder = addon.session.preferences.user_folder(bpy.context)
    store = importlib.import_module(f"{addon.__name__}.jobs.store").JobStore(folder / "jobs.sqlite")
    ended = wish(addon, sandbox, "Lamp", session.document.at_cursor(bpy.context)).cancelled(1.0)
    old = [
        ended.changed(token=f"{number:032x}", name=f"Lamp {number}", prompt="", created_at=float(number))
        for number in range(1, 401)
    ]
    store.add(old, "nobody", 0.0)
    store.close()
    engine = session.open_engine(bpy.context)

    def rows() -> list[str]:
        session.tick(bpy.context)
        return [row.name for row in panel().jobs]

    until(lambda: len(rows()) == 300)
    panel().job_search = "lamp 37"
    until(lambda: "Lamp 37" in rows())
    assert rows()[-1] == "Lamp 37", "old ones come last"
    assert rows()[0] == "Lamp 400"
    assert panel().job_search == "lamp 37"
    panel().job_search = "64 lamp"
    until(lambda: "Lamp 64" in rows())
    assert rows()[-2:] == ["Lamp 37", "Lamp 64"]
    assert rows()[0] == "Lamp 400"
    token = next(row.token for row in panel().jobs if row.name == "Lamp 37")
    assert bpy.ops.generio.remove_job(token=token) == {"FINISHED"}
    assert engine.job(token) is None
