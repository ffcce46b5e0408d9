"""A result that went into a file that was not saved is not lost with it, and never comes twice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import pytest

from tests.blender import scenes
from tests.blender.another_blender import Session
from tests.blender.job_fixtures import until

CHAIR = "bpy.ops.generio.generate_from_prompt(prompt='A chair', quality='LOW')"
BALL = (
    "from tests.blender import scenes; ball = scenes.ball(); ball.name = 'Ball';"
    "scenes.select(ball); bpy.ops.wm.save_mainfile();"
    "bpy.ops.generio.optimize_selected(polygon_count=500)"
)


@pytest.fixture
def new_session(sandbox, tmp_path: Path) -> Iterator[Callable[[], Session]]:
    """Starts Blenders of one user."""
    sessions: list[Session] = []

    def start() -> Session:
        sessions.append(Session(tmp_path / "home", sandbox.url, sandbox.key))
        return sessions[-1]

    yield start
    for session in sessions:
        session.__exit__()


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "chair.blend")


def save_as(file: str) -> str:
    return f"bpy.ops.wm.save_as_mainfile(filepath={file!r})"


def open_file(file: str) -> str:
    return f"bpy.ops.wm.open_mainfile(filepath={file!r})"


@pytest.mark.parametrize("kind", ["cursor", "replace"])
def test_what_a_crash_took_along_comes_again_in_its_file_and_once(
    new_session: Callable[[], Session], sandbox, file: str, kind: str
):
    asked, token = (CHAIR, "A chair") if kind == "cursor" else (BALL, "Ball")
    lighter = f"result = len(bpy.data.objects[{token!r}].data.polygons)"
    with new_session() as first:
        first.do(f"{save_as(file)}; {asked}")
        polygons = first.do(lighter)
        assert first.do("result = rows()[0][0]") == "done"
        first.kill()
    with new_session() as second:
        second.do("tick_until(lambda: rows() and rows()[0][0] == 'ready')")
        assert second.do("result = rows()[0][1]") == "Belongs to chair.blend"
        second.do(open_file(file))
        second.do(f"tick_until(lambda: rows()[0][0] == 'done'); {save_as(file)}; tick_until(settled)")
        assert second.do(lighter) == polygons
        assert second.do("result = names()") == [token]
        second.kill()
    with new_session() as third:
        third.do(f"{open_file(file)}; tick_until(lambda: rows()); tick_for(1)")
        assert third.do("result = (names(), rows()[0][0])") == [[token], "done"]
    assert sandbox.stats()["run_total"] == 1


def test_what_is_in_the_file_though_nobody_could_write_that_down_is_not_placed_again(
    new_session: Callable[[], Session], file: str
):
    with new_session() as first:
        # Killed between the file and the ledger: Blender's own saving without our handler.
        first.do(f"{save_as(file)}; {CHAIR}; bpy.app.handlers.save_post.clear(); {save_as(file)}")
        first.kill()
    with new_session() as second:
        second.do("tick_until(lambda: rows() and rows()[0][0] == 'ready')")
        second.do(f"{open_file(file)}; tick_until(settled); tick_for(0.5)")
        assert second.do("result = (names(), rows()[0][0])") == [["A chair"], "done"]


def test_a_result_of_a_file_that_was_never_saved_waits_and_says_so(new_session: Callable[[], Session]):
    with new_session() as first:
        first.do(CHAIR)
        first.kill()
    with new_session() as second:
        second.do("tick_until(lambda: rows() and rows()[0][0] == 'ready'); tick_for(0.5)")
        assert second.do("result = (names(), rows()[0])") == [
            [],
            ["ready", "It was in a file that was never saved"],
        ]
        second.do("bpy.ops.generio.import_result(token=session.engine.jobs()[0].token)")
        assert second.do("result = (names(), rows()[0][0])") == [["A chair"], "done"]


def test_another_blender_leaves_what_stands_in_an_unsaved_file_until_that_is_gone(
    new_session: Callable[[], Session], file: str
):
    with new_session() as first, new_session() as second:
        first.do(f"{save_as(file)}; {CHAIR}")
        second.do(f"{open_file(file)}; tick_until(lambda: rows() and rows()[0][0] == 'done')")
        second.do("addon.jobs.limits.SYNC_SECONDS = 0.1; tick_for(12)")
        assert second.do("result = names()") == []
        first.kill()
        second.do("tick_until(lambda: names() == ['A chair'])")


def test_quitting_without_saving_leaves_the_result_to_the_user(new_session: Callable[[], Session], file: str):
    with new_session() as first:
        first.do(f"{save_as(file)}; {CHAIR}")
        first.quit()
    with new_session() as second:
        second.do(f"{open_file(file)}; tick_until(lambda: rows()); tick_for(0.5)")
        assert second.do("result = (names(), rows()[0])") == [
            [],
            ["ready", "The model is in no saved file: it was undone, or the file was closed."],
        ]
        second.do("bpy.ops.generio.import_result(token=session.engine.jobs()[0].token)")
        assert second.do("result = names()") == ["A chair"]


# ---- within one Blender


def ticks(addon, condition: Callable[[], object]) -> None:
    until(lambda: condition() or (addon.session.current().tick(bpy.context) and False))


def only(addon):
    (job,) = addon.session.current().open_engine(bpy.context).jobs()
    return job


def test_reverting_leaves_the_result_to_the_user(addon, tmp_path: Path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "chair.blend"))
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.ops.wm.revert_mainfile()
    ticks(addon, lambda: only(addon).state == "ready")
    assert only(addon).placement.needs_manual_import
    assert len(bpy.data.objects) == 0
    assert bpy.ops.generio.import_result(token=only(addon).token) == {"FINISHED"}
    assert [item.name for item in bpy.data.objects] == ["A chair"]


def test_a_copy_of_the_file_does_not_count_as_saved_and_a_save_does(addon, tmp_path: Path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "chair.blend"))
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copy.blend"), copy=True)
    bpy.ops.generio.generate_from_prompt(prompt="A lamp", quality="LOW")
    assert [job.final for job in addon.session.current().engine.jobs()] == [False, False]
    bpy.ops.wm.save_mainfile()
    ticks(addon, lambda: all(job.final for job in addon.session.current().engine.jobs()))


def test_what_the_user_deleted_and_saved_stays_deleted(addon, tmp_path: Path):
    file = str(tmp_path / "chair.blend")
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.data.objects.remove(bpy.data.objects["A chair"])
    bpy.ops.wm.save_as_mainfile(filepath=file)
    ticks(addon, lambda: only(addon).final)
    bpy.ops.wm.open_mainfile(filepath=file)
    for _ in range(20):
        addon.session.current().tick(bpy.context)
    assert (only(addon).state, len(bpy.data.objects)) == ("done", 0)


def test_what_was_asked_for_before_blender_ended_belongs_to_its_last_session(addon, tmp_path: Path):
    document, note = addon.session.document.Document(), tmp_path / "note.json"
    wanted = document.at_cursor(bpy.context)
    document.note_end(note)
    after = addon.session.document.Document()
    assert not after.belongs_here(wanted)
    after.renew(addon.session.document.last_opening(note))
    assert after.belongs_here(wanted)
    assert not after.is_of(wanted), "session uids mean something else by now"
    after.renew()
    assert not after.belongs_here(wanted)
    note.write_text("{")
    assert addon.session.document.last_opening(note) == ""


def test_what_was_undone_before_a_save_is_not_lost(addon, tmp_path: Path):
    file = str(tmp_path / "chair.blend")
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.ops.ed.undo()
    assert "A chair" not in bpy.data.objects
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.save_mainfile()
    ticks(addon, lambda: only(addon).request.destination.file == file)  # written after what the saves say
    assert not only(addon).final, "its files could be deleted"
    bpy.ops.ed.redo()
    assert "A chair" in bpy.data.objects
    bpy.ops.wm.save_mainfile()
    ticks(addon, lambda: only(addon).final)
    bpy.ops.ed.undo()
    bpy.ops.wm.save_mainfile()  # it is in no file any more, but was, and the user knows
    assert only(addon).state == "done"


def test_what_was_undone_and_imported_again_is_in_the_file(addon, tmp_path: Path):
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.ops.ed.undo()
    assert bpy.ops.generio.import_result(token=only(addon).token) == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "chair.blend"))
    ticks(addon, lambda: only(addon).final)


def test_what_was_undone_and_closed_waits_for_the_user(addon, tmp_path: Path):
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.ops.ed.undo()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "chair.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    ticks(addon, lambda: only(addon).state == "ready")
    assert "it was undone" in only(addon).status.problem.message
    assert bpy.ops.generio.import_result(token=only(addon).token) == {"FINISHED"}
    assert "A chair" in bpy.data.objects


def test_a_job_asked_in_a_new_file_belongs_into_it_once_it_has_a_name(addon, sandbox, tmp_path: Path):
    file = str(tmp_path / "chair.blend")
    sandbox.order({"method": "GET", "path": "/flows/*/outputs", "action": "delay", "seconds": 1})
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.submit(
        addon.jobs.Job(
            addon.jobs.Request(
                service=sandbox.url,
                template="model_generate_fromprompt",
                name="A chair",
                prompt="A chair",
                destination=addon.session.current().document.at_cursor(bpy.context),
            ),
        )
    )
    bpy.ops.wm.save_as_mainfile(filepath=file)
    ticks(addon, lambda: only(addon).request.destination.file == file)
    bpy.ops.wm.read_homefile(use_empty=True)
    addon.session.waiting.run_until(bpy.context, [job.token])
    assert only(addon).state == "ready"
    bpy.ops.wm.open_mainfile(filepath=file)
    ticks(addon, lambda: "A chair" in bpy.data.objects)


def test_saving_while_a_result_is_about_to_be_placed_does_not_settle_it(addon, sandbox, tmp_path: Path):
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.submit(
        addon.jobs.Job(
            addon.jobs.Request(
                service=sandbox.url,
                template="model_generate_fromprompt",
                name="A chair",
                prompt="A chair",
                destination=addon.session.current().document.at_cursor(bpy.context),
            ),
        )
    )
    scenes.ball()
    noted = addon.session.current().placement.is_reserved
    ticks(addon, lambda: addon.session.current().placement._reserved)
    until(lambda: noted(carrier.job(job.token)))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "chair.blend"))
    ticks(addon, lambda: "A chair" in bpy.data.objects)
    assert carrier.job(job.token).unsaved


@pytest.mark.parametrize("steps", ["undo what came after", "undo and redo"])
def test_the_pictures_of_a_removed_job_come_back_with_undo(addon, tmp_path: Path, steps: str):
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    folder = addon.session.preferences.job_folder(bpy.context, only(addon).token)
    if steps == "undo and redo":
        bpy.ops.ed.undo()
        assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
        assert only(addon).state == "done", "it is nowhere else now"
        bpy.ops.generio.remove_job(token=only(addon).token)  # which the user may want all the same
        bpy.ops.ed.redo()
    else:
        bpy.data.objects["A chair"].location.x = 3.0
        bpy.ops.ed.undo_push(message="Move")
        assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
        bpy.ops.ed.undo()
    assert addon.session.current().open_engine(bpy.context).jobs() == []
    assert "A chair" in bpy.data.objects
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "chair.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "chair.blend"))
    sizes = [tuple(image.size) for image in bpy.data.images if image.users]
    assert sizes
    assert (0, 0) not in sizes
    ticks(addon, lambda: not folder.exists())
