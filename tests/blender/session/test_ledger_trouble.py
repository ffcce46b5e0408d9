"""A job list that cannot be used, or was lost, ends in a sentence; nothing else is lost by it."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import addon_utils
import bpy
import pytest

from tests.blender.conftest import EXTENSION, HOME
from tests.sandbox.generate import from_prompt
from tests.systems import needs_links
from tests.unit.api.scripted import Server, answer


def ledger_path() -> Path:
    (path,) = HOME.rglob("jobs.sqlite")
    return path


def ticks(addon, condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "this never came"
        addon.session.current().tick(bpy.context)
        time.sleep(0.02)


def rows():
    return bpy.context.window_manager.generio.jobs


def restart(addon, sandbox) -> None:
    addon_utils.disable(EXTENSION, default_set=True)
    addon_utils.enable(EXTENSION, default_set=True)
    preferences = bpy.context.preferences.addons[EXTENSION].preferences
    preferences.service_url, preferences.api_key = sandbox.url, sandbox.key


@pytest.fixture
def busy(addon, sandbox):
    """Another program holds the job list, in which one job has failed; gives the job's token."""
    sandbox.order({"flow": {"outcome": "fail", "reason": "too thin"}})
    with pytest.raises(RuntimeError, match="too thin"):
        bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    other = sqlite3.connect(ledger_path(), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield rows()[0].token
    other.close()


@pytest.mark.parametrize("name", ["retry_job", "remove_job"])
def test_a_button_says_that_the_job_list_is_in_use(addon, busy: str, name: str):
    with pytest.raises(RuntimeError, match=r"Another program holds the job list .*Try again in a moment"):
        getattr(bpy.ops.generio, name)(token=busy)
    assert rows()[0].state == "failed"


def test_the_window_waits_for_no_other_program(addon, sandbox):
    patience = addon.session.current().open_engine(bpy.context).connection.start.patience
    assert patience == addon.session.session.LEDGER_SECONDS / 2  # the other half is for the engine's threads
    assert addon.session.session.LEDGER_SECONDS < 0.5


def test_generating_and_cancelling_say_that_the_job_list_is_in_use(addon, sandbox, busy: str):
    with pytest.raises(RuntimeError, match=r"Nothing was sent\. .*holds the job list"):
        bpy.ops.generio.generate_from_prompt(prompt="A lamp")
    with pytest.raises(RuntimeError, match="holds the job list"):
        bpy.ops.generio.recover_flow(flow_id="66bb00000000000000000010")
    assert len(addon.session.current().open_engine(bpy.context).jobs()) == 1


def test_a_mistake_in_a_tick_loses_no_news(addon, sandbox, monkeypatch: pytest.MonkeyPatch, capfd):
    def broken(*_arguments: object) -> bool:
        raise ZeroDivisionError

    carrier = addon.session.current().open_engine(bpy.context)
    with monkeypatch.context() as patched:
        patched.setattr(addon.session.current().placement, "_place_next", broken)
        job = carrier.submit(
            addon.jobs.Job(
                addon.jobs.Request(
                    service=sandbox.url,
                    template="model_generate_fromprompt",
                    name="A chair",
                    prompt="A chair",
                ),
            )
        )
        ticks(addon, lambda: len(rows()) == 1 and rows()[0].state == "ready")
        assert "ZeroDivisionError" in capfd.readouterr().err
    with monkeypatch.context() as patched:
        patched.setattr(addon.session.current().part(addon.panels.job_rows.JobRows), "update", broken)
        assert carrier.mark_placed(job.token)
        for _ in range(3):
            addon.session.current().tick(bpy.context)
        assert rows()[0].state == "ready"
    ticks(addon, lambda: rows()[0].state == "done")


def test_a_list_of_a_newer_version_is_left_alone_and_said_in_the_panel(addon, sandbox):
    addon_utils.disable(EXTENSION, default_set=True)
    folder = HOME / "extensions" / ".user" / "user_default" / "generio_flows"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "jobs.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    restart(addon, sandbox)
    ticks(addon, lambda: addon.session.current().notice)
    notice = addon.session.current().notice
    assert "was written by a newer version" in notice.message
    assert (notice.fix, notice.remedy) == ("Update the add-on.", "update")
    with pytest.raises(RuntimeError, match="newer version"):
        bpy.ops.generio.open_job_list()
    assert addon.panels.jobs.GENERIO_PT_jobs.poll(bpy.context)
    with pytest.raises(RuntimeError, match="newer version"):
        bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    assert path.read_bytes() == before
    path.unlink()
    assert bpy.ops.generio.open_job_list() == {"FINISHED"}
    assert addon.session.current().notice is None
    assert bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW") == {"FINISHED"}


@pytest.mark.parametrize("still_there", [True, False])
def test_a_damaged_list_is_said_in_the_panel_and_its_jobs_come_back(addon, sandbox, still_there: bool):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    addon.session.current().stop(60.0)  # it still writes until it has ended
    ledger_path().write_bytes(b"no database" * 1000)
    if not still_there:
        bpy.data.objects.remove(bpy.data.objects["A chair"])
    restart(addon, sandbox)
    ticks(addon, lambda: (told := addon.session.current().notice) and "1 job was found again" in told.message)
    assert "was damaged and is kept as jobs.damaged-" in addon.session.current().notice.message
    assert addon.session.current().notice.remedy == "open_folder"
    assert bpy.ops.generio.dismiss_notice() == {"FINISHED"}
    addon.session.current().tick(bpy.context)
    assert addon.session.current().notice is None
    if still_there:
        ticks(addon, lambda: rows() and rows()[0].state == "done")
        assert sandbox.stats()["run_total"] == 1
        return
    ticks(addon, lambda: rows() and rows()[0].state == "ready")
    assert (rows()[0].name, rows()[0].message) == ("A chair", "Found again at the service")
    for _ in range(10):
        addon.session.current().tick(bpy.context)
    assert len(bpy.data.objects) == 0, "it is held for the user"
    assert bpy.ops.generio.import_result(token=rows()[0].token) == {"FINISHED"}
    assert sandbox.stats()["run_total"] == 1


# ---- recover by flow id


def test_a_flow_is_recovered_and_imported_at_the_cursor(addon, sandbox):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    flow_id, token = rows()[0].flow_id, rows()[0].token
    with pytest.raises(RuntimeError, match='The job "A chair" in the list has this flow'):
        bpy.ops.generio.recover_flow(flow_id=f" {flow_id}\n")
    bpy.ops.generio.remove_job(token=token)
    assert bpy.ops.generio.recover_flow(flow_id=f" {flow_id}\n") == {"FINISHED"}
    assert (rows()[0].name, rows()[0].state) == ("A chair", "ready")
    assert bpy.ops.generio.import_result(token=rows()[0].token) == {"FINISHED"}
    assert {item.name for item in bpy.data.objects} == {"A chair", "A chair.001"}
    assert sandbox.stats()["run_total"] == 1


def test_a_flow_with_parameters_that_blender_has_no_words_for_is_recovered(addon, sandbox, capfd):
    odd = {
        "quality": "\ud800low\n",
        "a name that is far too long for a custom property of Blender, which takes 63 bytes": 1,
        "": 2,
        "nested": {"a": [1, "b", None]},
        "list": [1, "two", None],
        "large": 10**30,
        "nothing": None,
        "seed": 7,
        "token": "another",
    }
    flow = {"flow_id": "f1", "template": "model_generate_fromprompt", "state": "completed", "parameters": odd}
    server = Server()
    answers = {
        "": flow,
        "/inputs": {"inputs": [{"id": "i1"}]},
        "/inputs/i1": {"data": "a \ud800lamp\0"},
        "/outputs": {"outputs": [{"id": "o1", "status": "ready"}]},
        "/outputs/o1": from_prompt("a chair", quality="low", seed=1, texture=False),
    }
    for path, value in answers.items():
        # A connection that stayed open would be silent for as long as the child Blender takes.
        server.on("GET", f"/flows/f1{path}", answer(value, Connection="close"))
    addon.session.preferences.preferences(bpy.context).service_url = server.url
    assert bpy.ops.generio.recover_flow(flow_id="f1") == {"FINISHED"}
    (row,) = rows()
    assert (row.state, row.message) == ("ready", "Found again at the service")
    assert row.prompt == "a ?lamp"
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    (item,) = bpy.data.objects
    assert (item["generio_seed"], item["generio_token"]) == (7, row.token)
    assert "Traceback" not in capfd.readouterr().err
    addon.session.current().stop()
    server.close()


@pytest.mark.parametrize("flow_id", ["", "  ", "a b", "a\nb", "x" * 201])
def test_what_is_no_flow_id_is_refused(addon, sandbox, flow_id: str):
    with pytest.raises(RuntimeError, match="This is not a flow ID"):
        bpy.ops.generio.recover_flow(flow_id=flow_id)
    assert sandbox.stats()["requests"] == {}


def test_a_flow_that_the_service_does_not_know_says_so(addon, sandbox):
    with pytest.raises(RuntimeError, match="does not know a flow with this ID"):
        bpy.ops.generio.recover_flow(flow_id="66bb00000000000000000010")


# ---- what passes


def test_a_break_is_counted_down_in_the_list(addon, sandbox, monkeypatch: pytest.MonkeyPatch):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "status", "status": 429, "retry_after": 90})
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.submit(
        addon.jobs.Job(
            addon.jobs.Request(
                service=sandbox.url,
                template="model_generate_fromprompt",
                name="A chair",
                prompt="A chair",
            ),
        )
    )
    ticks(addon, lambda: rows() and rows()[0].state == "waiting")
    retry_at = carrier.job(job.token).status.retry_at
    with monkeypatch.context() as patched:
        for left, told in (
            (89.5, "retry in 1:30"),
            (1.5, "retry in 0:02"),
            (0.5, "retry in 0:01"),
            (0.0, ""),
        ):
            patched.setattr(
                addon.panels.progress, "time", SimpleNamespace(time=lambda now=retry_at - left: now)
            )
            assert addon.panels.progress.timing(carrier, job.token).remaining == told
    carrier.retry(job.token)
    ticks(addon, lambda: rows()[0].state == "ready")


# ---- the panel says it, too


def test_what_an_operator_found_in_use_is_said_in_the_panel_until_it_was_read(addon, sandbox, busy: str):
    for refused in (
        lambda: bpy.ops.generio.retry_job(token=busy),
        lambda: bpy.ops.generio.generate_from_prompt(prompt="A lamp"),
    ):
        with pytest.raises(RuntimeError, match="holds the job list"):
            refused()
        addon.session.current().tick(bpy.context)
        notice = addon.session.current().notice
        assert "holds the job list" in notice.message
        assert "Try again in a moment" in notice.fix
        bpy.ops.generio.dismiss_notice()
        assert addon.session.current().notice is None


@needs_links
def test_a_list_that_cannot_be_begun_is_said_in_the_panel(addon, sandbox, tmp_path: Path):
    addon.session.current().stop()
    path = addon.session.preferences.user_folder(bpy.context) / "jobs.sqlite"
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path / "gone" / "jobs.sqlite")
    with pytest.raises(RuntimeError, match="cannot be opened"):
        bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    addon.session.current().tick(bpy.context)
    assert "cannot be opened" in addon.session.current().notice.message
    assert addon.panels.jobs.GENERIO_PT_jobs.poll(bpy.context)
    path.unlink()
    assert bpy.ops.generio.open_job_list() == {"FINISHED"}
    assert addon.session.current().notice is None


@needs_links
def test_a_job_list_that_is_tried_again_and_again_begins_one_log(addon, tmp_path: Path):
    session, before = addon.session.current(), len(addon.core.log.LOGGER.handlers)
    path = addon.session.preferences.user_folder(bpy.context) / "jobs.sqlite"
    path.symlink_to(tmp_path / "gone" / "jobs.sqlite")
    for _ in range(3):
        with pytest.raises(addon.jobs.LedgerError, match="cannot be opened"):
            session.open_engine(bpy.context).jobs()
        addon.core.log.LOGGER.info("said once")
    path.unlink()
    assert session.open_engine(bpy.context).jobs() == []
    session.open_engine(bpy.context).all_reported()  # what was said before is written by now
    assert len(addon.core.log.LOGGER.handlers) == before
    assert session.log_path(bpy.context).read_text().count("said once") == 3
    session.stop()
    assert len(addon.core.log.LOGGER.handlers) == before
