"""Nothing waits in silence: a line says why, within seconds, and it ends when patience does."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from generio_flows.api import Flow, FlowsClient, FlowState, RetryPolicy, ServiceDown
from generio_flows.cli import store_access
from generio_flows.cli.arguments import parser
from generio_flows.cli.batch import Batch
from generio_flows.core.messages import Message
from generio_flows.jobs import Job, LedgerError, limits, store_file
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox
from tests.systems import WINDOWS, needs_sh

from .conftest import LONGEST, ROOT, Here, Program, slashed, until_told

WORDS = ("generate", "--prompt", "lamp", "--quality", "low", "--no-texture", "--output", "out")
SHORT = ("--patience", "0.02")


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process writes to a ledger, and does not come to an end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def test_a_ledger_that_somebody_holds_is_waited_for_with_a_word(here: Here):
    here(*WORDS)
    ledger = here.folder / "out/.generio/jobs.sqlite"
    with held(ledger):
        for words in ((*WORDS, *SHORT), ("jobs", "resume", "--output", "out", *SHORT)):
            answer = here(*words)
            assert (answer.code, answer.out.count("Another program holds the job list")) == (1, 1)
            assert "Another program holds the job list" in answer.err
    assert here(*WORDS).code == 0
    assert here.runs() == [1]


def test_one_that_is_held_for_a_moment_costs_a_moment(here: Here, monkeypatch: pytest.MonkeyPatch):
    here(*WORDS)
    ledger = here.folder / "out/.generio/jobs.sqlite"
    other = sqlite3.connect(ledger, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    say = store_access.problem_text

    def let_go(problem: object) -> str:
        other.close()
        return say(problem)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(store_access, "problem_text", let_go)
    answer = here(*WORDS)
    assert (answer.code, "holds the job list" in answer.out, "Already Done" in answer.out) == (0, True, True)


def refusing(monkeypatch: pytest.MonkeyPatch, method: str, times: int = -1) -> None:
    """The ledger says so many times that its disk is full."""
    work = getattr(JobStore, method)
    left = [times]

    def refuse(self: JobStore, *values: object) -> object:
        if left[0] == 0:
            return work(self, *values)
        left[0] -= 1
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise self._trouble("written", error)

    monkeypatch.setattr(JobStore, method, refuse)


@pytest.mark.parametrize("method", ["add", "change"])
def test_a_full_disk_is_told_and_ends(here: Here, monkeypatch: pytest.MonkeyPatch, method: str):
    with monkeypatch.context() as patch:
        refusing(patch, method)
        answer = here(*WORDS, *SHORT)
    assert answer.code == 1
    assert answer.out.count("out/lamp.glb waits. The job list") == 1
    assert "Free some disk space; jobs continue by themselves." in answer.out
    assert "Nothing has happened for 0.02 minutes. The job list" in answer.out
    assert here(*WORDS).code == 0
    assert here.runs() == [1]


@pytest.mark.parametrize("method", ["add", "change"])
def test_a_disk_that_has_room_again_is_gone_on_with(here: Here, monkeypatch: pytest.MonkeyPatch, method: str):
    refusing(monkeypatch, method, times=2)
    answer = here(*WORDS)
    assert (answer.code, "out/lamp.glb waits. " in answer.out) == (0, True)
    assert here.runs() == [1]


def test_a_ledger_that_may_not_be_written_says_so(here: Here, monkeypatch: pytest.MonkeyPatch):
    """Another user's, who has kept the right to write."""
    here(*WORDS)
    ledger = here.folder / "out/.generio/jobs.sqlite"
    connect = sqlite3.connect

    def only_reading(path: Path, **options: object) -> sqlite3.Connection:
        return connect(f"file:{path}?mode=ro", uri=True, **options)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType]

    monkeypatch.setattr(store_file.sqlite3, "connect", only_reading)
    assert "Already Done" in here(*WORDS).out, "which needs no writing"
    answer = here("generate", "--prompt", "chair", "--output", "out", *SHORT)
    told = f"The job list {slashed(str(ledger))} cannot be written: attempt to write a readonly database."
    assert answer.code == 1
    assert answer.out.count(f"out/chair.glb waits. {told} Get write permission for its folder.\n") == 1
    assert len(here.sandbox.stats()["flows"]) == 1


def test_a_place_where_no_ledger_can_be(here: Here):
    (here.folder / "out").write_text("no folder")
    answer = here(*WORDS)
    assert (answer.code, answer.out) == (1, "")
    reason = "File already exists" if WINDOWS else "Not a directory"
    assert f"{reason}. Check the disk" in answer.err
    assert "Free some disk space" not in answer.err


def test_a_flow_that_takes_longer_than_there_is_patience_is_not_finished_yet(here: Here, sandbox: Sandbox):
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    answer = here(*WORDS, *SHORT)
    assert answer.code == 75
    assert "Not finished yet: no news from the service for 0.02 minutes." in answer.out
    assert "Run the same command again to continue" in answer.out
    assert here(*WORDS, *SHORT).code == 75, "and nothing is made twice"
    assert here.runs() == [1]


def test_trouble_that_comes_and_goes_is_no_news(here: Here, monkeypatch: pytest.MonkeyPatch):
    polls = count()
    flow = FlowsClient.flow

    def flapping(self: FlowsClient, flow_id: str) -> Flow:
        number = next(polls)
        if number % 2:
            raise ServiceDown(status=503)
        if number < 100:  # which takes longer than there is patience
            return Flow(flow_id, state=FlowState.RUNNING)
        return flow(self, flow_id)

    monkeypatch.setattr(FlowsClient, "flow", flapping)
    monkeypatch.setattr(limits, "BACK_OFF", RetryPolicy(attempts=1_000, base=0.05, ceiling=0.05))
    answer = here(*WORDS, *SHORT)
    assert answer.code in (4, 75), answer.out


def test_lost_jobs_that_cannot_be_looked_for_end_it_with_the_reason(here: Here, sandbox: Sandbox):
    here(*WORDS)
    (here.folder / "out/.generio/jobs.sqlite").unlink()
    refused = here(*WORDS, key="wrong-key")
    assert refused.code == 3
    assert "rejected the API key" in refused.out
    sandbox.order({"method": "GET", "path": "/flows", "action": "drop", "times": -1})
    broken = here(*WORDS, *SHORT)
    assert broken.code == 4
    assert broken.out.startswith("Looking for the jobs of a lost list. The connection to the service")
    sandbox.clear_faults()
    assert here(*WORDS).code == 0
    assert here.runs() == [1]


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "soon"])
def test_patience_is_a_time(minutes: str):
    with pytest.raises(SystemExit):
        parser("generio").parse_args([*WORDS, "--patience", minutes])


def test_what_is_done_is_not_waited_for(here: Here, monkeypatch: pytest.MonkeyPatch):
    """Ten thousand models that are done would take minutes."""
    words = [word for number in range(12) for word in ("--prompt", f"lamp {number}")]
    words = ("generate", *words, "--quality", "low", "--no-texture", "--output", "out", "--jobs", "12")
    assert here(*words).code == 0

    def wait(_: Batch) -> None:
        pytest.fail("it waits")

    monkeypatch.setattr(Batch, "_await_events", wait)
    assert here(*words, "--json").events[-1]["already_done"] == 12


def test_a_cancellation_waits_for_the_ledger(here: Here, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    assert here(*WORDS, *SHORT).code == 75
    save, refused = JobStore.save, threading.Event()

    def refuse(self: JobStore, job: Job, *values: object) -> object:
        if job.status.cancelling and not refused.is_set():
            refused.set()
            raise LedgerError(Message("The disk is busy."))
        return save(self, job, *values)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(JobStore, "save", refuse)
    listed = here("jobs", "list", "--output", "out").out
    answer = here("jobs", "cancel", listed.splitlines()[1].split()[0], "--output", "out")
    assert (answer.code, answer.out, refused.is_set()) == (0, "lamp.glb: canceled.\n", True)


# ---- what it is told on


def program_with(program: Program, redirection: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command line as a shell starts it, with its output going elsewhere."""
    command = f'"$0" "$@" --service {program.sandbox.url} {redirection}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable, str(ROOT), *words],
        cwd=program.folder,
        env=program.environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )


@needs_sh
@pytest.mark.parametrize("words", [WORDS, ("templates",), ("doctor",), ("generate", "--help")], ids=str)
def test_a_full_disk_under_the_output_is_a_sentence(program: Program, words: tuple[str, ...]):
    done = program_with(program, ">/dev/full", *words)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "The output cannot be written: No space left on device.\n"


@needs_sh
def test_a_closed_output_is_a_sentence_and_nothing_is_sent(program: Program):
    done = program_with(program, ">&-", *WORDS)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "There is no standard output. Redirect it, for instance to /dev/null.\n"
    assert program.sandbox.stats()["flows"] == {}


@needs_sh
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_without_a_place_for_errors_the_exit_code_says_it(program: Program, redirection: str):
    done = program_with(program, redirection, "generate", "--output", "out")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


# ---- how it is started


@needs_sh
@pytest.mark.parametrize("words", [("templates",), WORDS], ids=str)
def test_ctrl_c_ends_it_also_where_it_was_started_in_the_background(
    program: Program, sandbox: Sandbox, words: tuple[str, ...]
):
    """A script that ends with & has the interrupt ignored in what it starts."""
    stalling = {"path": "/templates", "action": "stall", "seconds": 60.0, "times": -1}
    sandbox.order(stalling, {"flow": {"outcome": "hang"}, "times": 1})
    command = f'trap "" INT; exec "$0" "$@" --service {sandbox.url}'
    process = subprocess.Popen(
        ["sh", "-c", command, sys.executable, str(ROOT), *words],
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if words == WORDS:
        until_told(process, "out/lamp.glb: Running")
    else:
        while not sandbox.stats()["requests"]:
            assert process.poll() is None
    process.send_signal(2)
    out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, "Interrupted." in out + err) == (130, True)
