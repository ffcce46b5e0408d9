"""The command line as users and scripts meet it: a process with arguments, output and an exit code."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import pytest
from generio_flows.api import check_glb
from generio_flows.cli.batch import Batch
from generio_flows.cli.job_directory import Host, JobDirectory
from generio_flows.cli.report import Bars, Event, Lines
from generio_flows.cli.shell import quoted_program as program_path
from PIL import Image

from tests.sandbox import Sandbox
from tests.systems import WINDOWS, interrupt, needs_links, needs_proc, needs_signals, needs_terminals

from .conftest import LONGEST, ROOT, Program, no_converter, slashed, until_told, wait_until


def jobs_in(folder: Path) -> list[dict[str, object]]:
    with closing(sqlite3.connect(folder / ".generio/jobs.sqlite")) as ledger:
        rows = ledger.execute("SELECT token, step, document FROM jobs")
        return [{"token": token, "step": step} | json.loads(text) for token, step, text in rows]


def test_a_prompt_becomes_a_file(program: Program):
    answer = program(
        "generate", "--prompt", "A brass lamp", "--quality", "low", "--output", "lamp.glb", "--json"
    )
    assert (answer.code, answer.err) == (0, "")
    assert check_glb(program.folder / "lamp.glb").triangles > 1000
    assert answer.states("lamp.glb")[-1] == "Done"
    assert answer.events[-1]["event"] == "summary"
    assert (answer.events[-1]["done"], answer.events[-1]["failed"], answer.events[-1]["left"]) == (1, 0, 0)
    assert program.runs() == [1]


def test_many_inputs_go_into_a_folder(program: Program):
    (program.folder / "in").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (16, 16), (200, 30, 30)).save(program.folder / f"in/{name}.png")
    answer = program(
        *("generate", "--prompt", "lamp", "--image", "in/*.png", "--quality", "low", "--output", "out")
    )
    assert answer.code == 0, answer.err
    assert sorted(path.name for path in (program.folder / "out").glob("*.glb")) == [
        "a.glb",
        "b.glb",
        "lamp.glb",
    ]
    assert "out/lamp.glb: Done" in answer.out.splitlines()
    assert answer.out.splitlines()[-1].startswith("3 of 3 done, after ")
    assert program.runs() == [1, 1, 1]


def test_optimize_by_ratio(program: Program, models: Path):
    before = check_glb(models / "00.glb").triangles
    answer = program("optimize", "models/00.glb", "models/01.glb", "--ratio", "0.25", "--output", "small")
    assert answer.code == 0, answer.out + answer.err
    assert {check_glb(path).triangles <= before / 4 for path in (program.folder / "small").glob("*.glb")} == {
        True
    }
    assert len(list((program.folder / "small").glob("*.glb"))) == 2


def test_generate_and_optimize_in_one_go(program: Program):
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--optimize", "500", "--output", "lamp.glb")
    assert program(*words).code == 0
    assert check_glb(program.folder / "lamp.glb").triangles <= 500
    templates = sorted(job["template"] for job in jobs_in(program.folder))
    assert templates == ["model_generate_fromprompt", "model_optimize"]
    assert "Already Done" in program(*words).out
    assert program.runs() == [1, 1]


def test_the_same_command_runs_nothing_again(program: Program):
    words = (
        "generate",
        "--prompt",
        "lamp",
        "--prompt",
        "chair",
        "--quality",
        "low",
        "--output",
        "out",
        "--json",
    )
    assert program(*words).events[-1]["already_done"] == 0
    again = program(*words)
    assert (again.code, again.events[-1]["already_done"]) == (0, 2)
    assert program.runs() == [1, 1]


def test_an_output_that_was_deleted_is_written_again_and_not_made_again(program: Program):
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--output", "lamp.glb")
    program(*words)
    first = (program.folder / "lamp.glb").read_bytes()
    (program.folder / "lamp.glb").unlink()
    assert program(*words).code == 0
    assert (program.folder / "lamp.glb").read_bytes() == first
    assert program.runs() == [1]


def test_a_job_whose_flow_was_said_to_be_gone_is_looked_for_and_not_made_again(program: Program):
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--output", "out/lamp.glb")
    assert program(*words).code == 0
    (program.folder / "out/lamp.glb").unlink()
    with closing(sqlite3.connect(program.folder / "out/.generio/jobs.sqlite")) as ledger, ledger:
        ((text,),) = ledger.execute("SELECT document FROM jobs").fetchall()
        gone = {"code": "deleted", "message": "The job was deleted at the service.", "fix": "", "remedy": ""}
        job = json.loads(text) | {"stopped_at": "started", "problem": gone, "results": []}
        ledger.execute("UPDATE jobs SET step = 'failed', document = ?", (json.dumps(job),))
    assert program(*words).code == 0
    assert (program.folder / "out/lamp.glb").exists()
    assert program.runs() == [1], "the flow was there all the time"


def test_a_deleted_ledger_costs_nothing_again(program: Program):
    """The jobs' folders and the service's list tell what had been asked for."""
    words = ("generate", "--prompt", "lamp", "--prompt", "chair", "--quality", "low", "--output", "out")
    program(*words)
    (program.folder / "out/.generio/jobs.sqlite").unlink()
    (program.folder / "out/lamp.glb").unlink()
    answer = program(*words)
    assert answer.code == 0, answer.out
    check_glb(program.folder / "out/lamp.glb")
    assert program.runs() == [1, 1]


def test_a_moved_folder_is_gone_on_with(program: Program):
    program("generate", "--prompt", "lamp", "--quality", "low", "--output", "here")
    (program.folder / "here/lamp.glb").unlink()
    (program.folder / "here").rename(program.folder / "there")
    answer = program("generate", "--prompt", "lamp", "--quality", "low", "--output", "there")
    assert answer.code == 0, answer.out
    check_glb(program.folder / "there/lamp.glb")
    assert program.runs() == [1]


@pytest.mark.parametrize("kind", ["png", "bmp"])
def test_what_was_not_sent_yet_is_found_where_inputs_and_outputs_were_moved_together(
    program: Program, sandbox: Sandbox, kind: str
):
    """On another machine a shared folder often has another path."""
    here, there = program.folder / "here", program.folder / "there"
    here.mkdir()
    Image.new("RGB", (16, 16), (200, 30, 30)).save(here / f"shoe.{kind}")
    words = ("generate", "--image", f"shoe.{kind}", "--quality", "low", "--output", "out")
    assert Program(here, sandbox)(*words, GENERIO_API_KEY="wrong-key").code == 3
    here.rename(there)
    answer = Program(there, sandbox)(*words)
    assert answer.code == 0, answer.out
    check_glb(there / "out/shoe.glb")


def test_a_model_that_was_made_is_optimized_where_the_folder_was_moved_to(program: Program, sandbox: Sandbox):
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--optimize", "500", "--output")
    sandbox.order(
        {"status": 401, "method": "POST", "path": "/flows", "action": "status", "after": 1, "times": -1}
    )
    assert program(*words, "here").code == 3
    (program.folder / "here").rename(program.folder / "there")
    sandbox.clear_faults()
    assert program(*words, "there").code == 0
    assert check_glb(program.folder / "there/lamp.glb").triangles <= 500
    assert program.runs() == [1, 1]


def test_one_that_fails_does_not_hold_up_the_others(program: Program, sandbox: Sandbox):
    sandbox.order({"flow": {"outcome": "fail", "reason": "too dark"}, "times": 1})
    words = (
        "generate",
        "--prompt",
        "lamp",
        "--prompt",
        "chair",
        "--quality",
        "low",
        "--output",
        "out",
        "--jobs",
        "1",
    )
    answer = program(*words)
    assert answer.code == 1
    assert "out/lamp.glb: Failed (The service could not make the model: too dark" in answer.out
    assert "out/chair.glb: Done" in answer.out
    assert "1 of 2 done, 1 failed" in answer.out
    again = program(*words)
    assert (again.code, "out/lamp.glb: Done" in again.out) == (0, True)
    assert program.runs() == [1, 1, 1]


def test_an_input_that_cannot_be_read_fails_alone_and_costs_nothing(program: Program):
    (program.folder / "empty.png").touch()
    answer = program("generate", "--image", "empty.png", "missing.png", "--output", "out")
    assert answer.code == 1
    assert 'empty.png: Failed (The file "empty.png" is empty.' in answer.out
    assert 'missing.png: Failed (The file "missing.png" does not exist.' in answer.out
    assert program.sandbox.stats()["flows"] == {}


def test_several_machines_may_share_the_list_of_jobs(program: Program):
    """A write-ahead log needs memory that they share, and they have none."""
    assert program("generate", "--prompt", "a", "--quality", "low", "--output", "out").code == 0
    with closing(sqlite3.connect(program.folder / "out/.generio/jobs.sqlite")) as ledger:
        assert ledger.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_damaged_model_fails_alone_and_costs_nothing(program: Program, models: Path):
    damaged = models / "00.glb"
    damaged.write_bytes(damaged.read_bytes()[:-50])
    for target in (("--polygons", "100"), ("--ratio", "0.5")):
        answer = program("optimize", "models/00.glb", *target, "--output", "out")
        assert answer.code == 1
        assert "models/00.glb: Failed (The model is cut off" in answer.out
        assert "Export it again" in answer.out
    assert program.sandbox.stats()["flows"] == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "COMMAND"),
        (("generate",), "there is nothing to do"),
        (("generate", "--prompt", "x", "--quality", "best"), "--quality"),
        (("generate", "--prompt", "x", "--shard", "9/8"), "--shard must be i/n"),
        (("generate", "--prompt", "x", "--output", "a.glb", "--format", "blend"), "--format is for folders"),
        (("generate", "--prompt", "x", "--output", "lamp.OBJ"), "models are .glb or .blend"),
        (("generate", "--image", "*.png"), "no file matches"),
        (("optimize", "a.glb", "--ratio", "2"), "a ratio must be"),
        (("optimize", "a.glb", "--polygons", "0"), "polygons is 0; it must be from 1 to 100,000,000"),
        (("jobs", "list"), "add --output FOLDER"),
        (("jobs", "list", "--output", "."), "there are no jobs in"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(program: Program, words: tuple[str, ...], told: str):
    answer = program(*words)
    assert answer.code == 2
    assert told in answer.err
    assert answer.out == ""
    assert list(program.folder.iterdir()) == []


def test_an_address_that_would_show_the_key_ends_with_2(program: Program):
    answer = program(
        "generate", "--prompt", "x", "--service", "http://flows.example.com", "--output", "o.glb"
    )
    assert answer.code == 0, "the last one counts, which is the sandbox's"
    process = subprocess.run(
        [sys.executable, str(ROOT), *("generate", "--prompt", "x", "--service", "http://flows.example.com")],
        cwd=program.folder,
        env=program.environment,
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stdout) == (2, "")
    assert "Use https://" in process.stderr


@pytest.mark.parametrize("key", ["", "a b"])
def test_no_key_ends_with_3_before_anything_is_written(program: Program, key: str):
    answer = program("generate", "--prompt", "x", GENERIO_API_KEY=key)
    assert answer.code == 3
    assert "Here it comes from GENERIO_API_KEY in the environment." in answer.err
    assert list(program.folder.iterdir()) == []


def test_a_key_that_is_refused_ends_with_3_and_another_goes_on(program: Program):
    words = ("generate", "--prompt", "a", "--prompt", "b", "--quality", "low", "--output", "out")
    answer = program(*words, GENERIO_API_KEY="wrong-key")
    assert answer.code == 3
    assert "rejected the API key" in answer.out
    assert "Here it comes from GENERIO_API_KEY in the environment." in answer.out
    assert "2 not finished" in answer.out
    assert program(*words).code == 0
    assert program.runs() == [1, 1]


def test_the_key_is_in_no_file_and_no_output(program: Program):
    answer = program("generate", "--prompt", "a", "--json", "--output", "out", GENERIO_API_KEY="wrong-key")
    files = [path for path in program.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"wrong-key" in path.read_bytes()]
    assert "wrong-key" not in answer.out + answer.err


def test_no_connection_ends_with_4_and_the_same_command_goes_on(program: Program, sandbox: Sandbox):
    words = ("generate", "--prompt", "a", "--quality", "low", "--output", "out")
    sandbox.order({"method": "POST", "path": "/flows", "action": "drop", "times": -1})
    answer = program(*words, "--patience", "0.05")
    assert answer.code == 4, answer.out
    assert "Nothing has happened for 0.05 minutes. The connection to the service broke." in answer.out
    assert "Run the same command again to continue" in answer.out
    assert "Here it comes from" not in answer.out, "the key is not what is wrong"
    sandbox.clear_faults()
    assert program(*words).code == 0


def test_no_connection_for_templates_ends_with_4(program: Program):
    process = subprocess.run(
        [sys.executable, str(ROOT), "templates", "--service", "http://127.0.0.1:9"],
        env=program.environment,
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stdout) == (4, "")
    assert "connection" in process.stderr


def test_templates(program: Program):
    answer = program("templates")
    assert answer.code == 0
    assert "model_optimize" in answer.out
    assert {event["name"] for event in program("templates", "--json").events} > {
        "model_generate_fromprompt",
        "model_generate_fromimage",
        "model_optimize",
    }


@pytest.mark.parametrize("end", [interrupt, pytest.param(Popen.terminate, marks=needs_signals)])
def test_an_interruption_leaves_jobs_that_go_on(
    program: Program, sandbox: Sandbox, end: Callable[[Popen[str]], None]
):
    words = (
        "generate",
        "--prompt",
        "a",
        "--prompt",
        "b",
        "--quality",
        "low",
        "--output",
        "out",
        "--jobs",
        "1",
    )
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    process = program.start(*words)
    until_told(process, "out/a.glb: Running")
    end(process)
    rest, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    assert "Interrupted." in rest
    assert "0 of 2 done, 2 not finished" in rest
    # What was not begun is not in the ledger: nobody is going to run it by chance.
    assert [job["name"] for job in jobs_in(program.folder / "out")] == ["a.glb"]


def test_what_is_told_after_an_interruption_is_a_command_that_goes_on(program: Program, sandbox: Sandbox):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "status", "times": -1})
    process = program.start("generate", "--prompt", "a", "--quality", "low", "--output", "an output")
    until_told(process, "an output/a.glb: Waiting")
    interrupt(process)
    told = process.communicate(timeout=LONGEST)[0].splitlines()[-1]
    sandbox.clear_faults()
    command = told.partition("started: python ")[2]
    assert command, told
    done = subprocess.run(
        f"{program_path(sys.executable)} {command}",
        shell=True,
        cwd=program.folder,
        env=program.environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert (done.returncode, "an output/a.glb: Done" in slashed(done.stdout)) == (0, True), (
        done.stdout + done.stderr
    )
    assert program.runs() == [1]


def test_after_a_failure_the_same_command_is_the_way_and_resume_wants_a_name(
    program: Program, sandbox: Sandbox
):
    sandbox.order({"flow": {"outcome": "fail"}, "times": 2})
    answer = program("generate", "--prompt", "a", "--quality", "low", "--output", "out", "--json")
    assert answer.code == 1
    assert answer.events[-1]["event"] == "summary"
    assert answer.events[-1]["message"] == "Run the same command again to retry those."
    at = ("--output", "out", "--service", sandbox.url)
    assert program("jobs", "resume", *at).out.startswith("0 of 0 done")
    (job,) = jobs_in(program.folder / "out")
    again = program("jobs", "resume", str(job["token"]), *at)
    assert (again.code, again.out.splitlines()[-1]) == (
        1,
        "Name a failed job, `jobs resume ID`, to try it again.",
    )
    assert program("jobs", "resume", str(job["token"]), *at).code == 0


def test_what_was_interrupted_is_fetched_and_not_made_again(program: Program, sandbox: Sandbox):
    words = ("generate", "--prompt", "a", "--quality", "high", "--output", "a.glb")
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 10 * LONGEST})
    process = program.start(*words)
    until_told(process, "a.glb: Running")
    process.kill()
    process.communicate()
    sandbox.clear_faults()
    answer = program("jobs", "resume", "--output", ".", "--service", sandbox.url)
    assert answer.code == 0, answer.out + answer.err
    check_glb(program.folder / "a.glb")
    assert "Already Done" in program(*words).out
    assert program.runs() == [1]


@needs_terminals
def test_bars_on_a_terminal(program: Program):
    import pty

    ours, theirs = pty.openpty()
    words = ("generate", "--prompt", "a", "--prompt", "b", "--quality", "low", "--output", "out")
    process = subprocess.Popen(
        [sys.executable, str(ROOT), *words, "--service", program.sandbox.url],
        cwd=program.folder,
        env=program.environment,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(LONGEST) == 0
    text = shown.decode()
    assert "[" + "." * 24 + "] 0 of 2" in text or "] 1 of 2" in text
    assert "[" + "#" * 24 + "] 2 of 2" in text
    assert "\x1b[J" in text
    assert "2 of 2 done" in text


def test_bars_never_fill_more_than_the_terminal(monkeypatch: pytest.MonkeyPatch):
    """What has scrolled out of it could not be taken back."""
    monkeypatch.setenv("LINES", "6")
    out = io.StringIO()
    bars = Bars(out, 50)
    for number in range(50):
        monkeypatch.setattr(bars, "_last", 0.0)
        bars.record(Event(f"{number}.glb", "Running"))
    drawn = out.getvalue().split("\x1b[J")[-1].splitlines()
    assert len(drawn) == 5
    assert drawn[-1].endswith("0 of 50")


def test_a_reader_that_has_gone_interrupts_it_without_a_traceback(program: Program, sandbox: Sandbox):
    words = ("generate", "--prompt", "a", "--prompt", "b", "--quality", "low", "--output", "out")
    # What it has to say while somebody reads must not be all that it has to say.
    sandbox.order({"method": "PATCH", "path": "/flows/*", "action": "status", "times": -1})
    process = program.start(*words)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdin.close()
    process.stdout.readline()
    process.stdout.close()
    sandbox.clear_faults()
    assert (process.wait(LONGEST), process.stderr.read()) == (130, "")
    process.stderr.close()
    assert program(*words).code == 0
    assert program.runs() == [1, 1]


def test_a_name_that_the_output_cannot_show_stops_nothing(program: Program):
    answer = program("generate", "--prompt", "茶壺", "--quality", "low", PYTHONIOENCODING="ascii")
    assert (answer.code, answer.err) == (0, "")
    assert "\\u8336\\u58fa.glb: Done" in answer.told
    check_glb(program.folder / "茶壺.glb")


def test_other_commands_end_at_ctrl_c_without_a_traceback(program: Program, sandbox: Sandbox):
    sandbox.order({"path": "/templates", "action": "stall", "seconds": 60.0, "times": -1})
    process = program.start("templates")
    wait_until(lambda: sandbox.stats()["requests"])
    interrupt(process)
    out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")


# ---- a mistyped address


@pytest.mark.parametrize("by", ["the same command", "resume"])
def test_what_was_asked_of_a_mistyped_address_is_made_once_at_the_right_one(
    program: Program, sandbox: Sandbox, by: str
):
    wish = ("generate", "--prompt", "a", "--quality", "low", "--output", "out")

    def ask(service: str, key: str = sandbox.key) -> int:
        command = [sys.executable, str(ROOT), *wish, "--patience", "0.05", "--service", service]
        environment = {**program.environment, "GENERIO_API_KEY": key}
        return subprocess.run(command, cwd=program.folder, env=environment, timeout=LONGEST).returncode

    assert ask("http://127.0.0.1:1") != 0
    if by == "resume":
        assert program("jobs", "resume", "--output", "out", "--service", sandbox.url).code == 0
    for _ in range(2):
        assert program(*wish).code == 0
        assert len(jobs_in(program.folder / "out")) == 1
        assert program.runs() == [1]
    with Sandbox(speed=0.01) as other:  # which is no mistake: it is asked anew
        ask(other.url, other.key)
        assert len(other.stats()["flows"]) == 1


# ---- jobs


def test_jobs_are_listed_shown_and_deleted(program: Program, sandbox: Sandbox):
    program("generate", "--prompt", "a", "--prompt", "b", "--quality", "low", "--output", "out")
    listed = program("jobs", "list", "--output", "out")
    _, *rows = [line.split() for line in listed.out.splitlines()]
    assert [row[3:6] for row in rows] == [["Done", "generate", "a"], ["Done", "generate", "b"]]
    first = rows[0][0]
    (shown,) = program("jobs", "show", first, "--output", "out", "--json").events
    assert (shown["name"], shown["prompt"], shown["step"]) == ("a.glb", "a", "placed")
    assert program("jobs", "show", "ffffffffffff", "--output", "out").code == 2
    at_service = ("--at-service", "--output", "out", "--service", sandbox.url)
    deleted = program("jobs", "delete", first, *at_service)
    assert (deleted.code, deleted.out) == (0, "a.glb: deleted.\n")
    assert sandbox.stats()["flows"][shown["flow_id"]]["deleted"] == 1
    assert program("jobs", "delete", "--finished", "--output", "out").out == "b.glb: deleted.\n"
    assert program("jobs", "list", "--output", "out").out == ""
    assert list((program.folder / "out/.generio/results").iterdir()) == []
    again = program("jobs", "delete", "--finished", "--output", "out")
    assert (again.code, again.out, again.err) == (0, "", ""), "none is finished, which is no mistake"
    assert len(list((program.folder / "out").glob("*.glb"))) == 2


def test_the_key_goes_to_no_service_but_the_one_that_is_set(program: Program, sandbox: Sandbox):
    """Whoever may write into a shared folder must not be able to name a server for the key."""
    program("generate", "--prompt", "a", "--quality", "low", "--output", "out")
    asked = sandbox.stats()["requests"]
    words = ("jobs", "delete", "--finished", "--at-service", "--output", "out", "--service")
    answer = program(*words, "http://127.0.0.1:9")
    assert answer.code == 2
    assert answer.err == f"This job belongs to {sandbox.url}. Set that service address again to continue.\n"
    assert sandbox.stats()["requests"] == asked
    assert program(*words, sandbox.url).out == "a.glb: deleted.\n"


@pytest.mark.skipif(not WINDOWS, reason="elsewhere a file that is open can be deleted")
def test_what_another_program_has_open_is_told_and_goes_with_the_next_command(program: Program):
    program("generate", "--prompt", "a", "--quality", "low", "--output", "out")
    (folder,) = (program.folder / "out/.generio/results").iterdir()
    with next(folder.glob("*.glb")).open("rb") as file:
        deleted = program("jobs", "delete", "--finished", "--output", "out")
        told = f"a.glb: deleted. Another program has files open in out/.generio/results/{folder.name}; "
        assert (deleted.code, deleted.out) == (0, told + "the next command deletes them.\n")
        assert file.read(4) == b"glTF" and folder.exists()
    assert program("jobs", "list", "--output", "out").out == ""
    program("jobs", "delete", "--finished", "--output", "out")
    assert not folder.exists()


def test_a_model_that_another_job_still_needs_is_not_deleted(program: Program, sandbox: Sandbox):
    sandbox.order({"flow": {"template": "model_optimize", "outcome": "fail", "reason": "too thin"}})
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--optimize", "500", "--output", "out")
    assert program(*words).code == 1
    first, second = jobs_in(program.folder / "out")
    refused = program("jobs", "delete", "--finished", "--output", "out")
    assert (refused.code, refused.out) == (1, "lamp.glb: another job still needs its model.\n")
    assert program(*words).code == 0
    assert sorted(program.runs()) == [1, 1, 1], "the one that failed ran, too"
    deleted = program("jobs", "delete", str(first["token"]), str(second["token"]), "--output", "out")
    assert (deleted.code, deleted.out) == (0, "lamp.glb: deleted.\nlamp.glb: deleted.\n")


def test_a_job_is_cancelled_at_the_service(program: Program, sandbox: Sandbox):
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    process = program.start("generate", "--prompt", "a", "--output", "out")
    until_told(process, "out/a.glb: Running")
    interrupt(process)
    process.communicate(timeout=LONGEST)
    (job,) = jobs_in(program.folder / "out")
    refused = program("jobs", "delete", str(job["token"]), "--output", "out")
    assert (refused.code, refused.out) == (1, "a.glb: it is not finished. Cancel it first.\n")
    answer = program("jobs", "cancel", str(job["token"])[:6], "--output", "out", "--service", sandbox.url)
    assert (answer.code, answer.out) == (0, "a.glb: canceled.\n")
    (flow,) = sandbox.stats()["flows"].values()
    assert flow["aborted"] == 1
    deleted = program("jobs", "delete", str(job["token"]), "--output", "out", "--json")
    assert [event["message"] for event in deleted.events] == ["a.glb: deleted."]


def test_a_cancellation_does_not_wait_for_ever_for_the_service(program: Program, sandbox: Sandbox):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "drop", "times": -1})
    process = program.start("generate", "--prompt", "a", "--output", "out")
    until_told(process, "out/a.glb: Waiting")
    interrupt(process)
    process.communicate(timeout=LONGEST)
    (job,) = jobs_in(program.folder / "out")
    sandbox.order({"path": "/flows/*", "action": "drop", "times": -1})
    directory = JobDirectory(program.folder / "out/.generio")
    host = Host("generio", sandbox.url, sandbox.key, True, None, no_converter)
    report = Lines(io.StringIO(), 1)
    with Batch(
        host, directory, report, concurrent_jobs=1, patience=1.0, interrupted=threading.Event()
    ) as batch:
        batch.engine.resume(str(job["token"]))
        wait_until(lambda: batch.engine.owns(str(job["token"])))  # else a second may be too little for that
        assert batch.cancel(str(job["token"])).startswith("The connection to the service broke.")


def test_a_flow_that_cannot_be_stopped_is_not_called_cancelled(program: Program, sandbox: Sandbox):
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    process = program.start("generate", "--prompt", "a", "--output", "out")
    until_told(process, "out/a.glb: Running")
    interrupt(process)
    process.communicate(timeout=LONGEST)
    (job,) = jobs_in(program.folder / "out")
    words = ("jobs", "cancel", str(job["token"]), "--output", "out", "--service", sandbox.url)
    refused = program(*words, GENERIO_API_KEY="wrong-key")
    assert refused.code == 1
    assert (
        "a.glb: The job could not be stopped at the service, and may still be running there." in refused.out
    )
    twice = program(*words)
    assert (twice.code, "or it is over" in twice.out) == (1, True)


# ---- how it is started


@needs_links
def test_it_is_a_module_where_the_folder_is_called_generio_flows(program: Program):
    (program.folder / "generio_flows").symlink_to(ROOT)
    process = subprocess.run(
        [sys.executable, "-m", "generio_flows", "--help"], cwd=program.folder, capture_output=True, text=True
    )
    assert process.returncode == 0
    assert process.stdout.startswith("usage: python -m generio_flows")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("generate", "--prompt", "a", "--output", "a.blend"), ".blend files need Blender"),
        (("optimize", "models/crate.glb", "--output", "a.glb", "--bake"), "--bake needs Blender"),
    ],
)
def test_plain_python_without_bpy_says_what_needs_blender(
    program: Program, models: Path, words: tuple[str, ...], told: str
):
    code = (
        "import importlib.util, runpy, sys; real = importlib.util.find_spec;"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'bpy' else real(name, *rest);"
        f"sys.argv = {['x', *words]!r};"
        f"runpy.run_path({str(ROOT)!r}, run_name='__main__')"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=program.folder,
        env=program.environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 2, process.stderr
    assert f"{told}: this Python has no bpy module" in process.stderr


@needs_proc
def test_glb_to_glb_needs_no_bpy_at_all(program: Program, models: Path):
    """Whoever imported bpy would have opened its shared library."""
    process = program.start("optimize", "models/00.glb", "--polygons", "400", "--output", "o.glb")
    opened: set[str] = set()
    while process.poll() is None:
        try:
            opened.update(Path(f"/proc/{process.pid}/maps").read_text().split())
        except OSError:  # it has just ended
            break
        time.sleep(0.05)
    process.communicate()
    assert process.returncode == 0
    assert any("python" in path for path in opened)
    assert not [path for path in opened if "/bpy/" in path]


# ---- doctor


def test_the_doctor_finds_nothing_wrong(program: Program):
    answer = program("doctor", "--json")
    assert answer.code == 0
    assert {event["verdict"] for event in answer.events} <= {"ok", "warning"}
    assert [event["check"] for event in answer.events][-3:] == ["API key", "Service", "Upload"]


def test_the_doctor_says_what_is_wrong_with_the_key(program: Program):
    answer = program("doctor", GENERIO_API_KEY="another-key")
    assert answer.code == 3
    (line,) = [line for line in answer.out.splitlines() if line.startswith(" X ")]
    assert "rejected the API key" in line and "another-key" not in answer.out


def test_the_doctor_says_that_nothing_answers(program: Program):
    done = subprocess.run(
        [sys.executable, str(ROOT), "doctor", "--service", "http://127.0.0.1:9"],
        env=program.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4
    assert " X Connection: Nothing answers" in done.stdout


def test_what_another_program_has_open_is_told_and_goes_later(program: Program):
    """On Windows a file that is open cannot be deleted."""
    program("generate", "--prompt", "a", "--prompt", "b", "--quality", "low", "--output", "out")
    results = program.folder / "out/.generio/results"
    first = str(jobs_in(program.folder / "out")[0]["token"])
    (kept,) = (results / first).glob("*.glb")
    hold = "import sys; file = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(kept)]
    with Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holding:
        assert holding.stdout is not None
        holding.stdout.readline()
        told = program("jobs", "delete", first, "--output", "out")
        assert (told.code, told.out.startswith("a.glb: deleted.")) == (0, True)
        assert kept.exists() is WINDOWS
        assert ("Another program has files open in out/.generio/results/" in told.out) is WINDOWS
        holding.communicate()
    assert program("jobs", "delete", "--finished", "--output", "out").out == "b.glb: deleted.\n"
    assert list(results.iterdir()) == []
