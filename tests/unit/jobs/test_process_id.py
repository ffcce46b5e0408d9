"""Whether the process that owns a job lives, on each system."""

import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from generio_flows.jobs import process_id
from generio_flows.jobs.process_id import began, is_alive, is_here, machine, new_owner

from tests.systems import WINDOWS

pytestmark = pytest.mark.slow

WAIT = "import sys; sys.stdin.read()"


def owner(number: int, beginning: str | None = "") -> str:
    return f"{machine()}:{number}-{beginning}:0123abcd"


@pytest.fixture
def other() -> Iterator["subprocess.Popen[bytes]"]:
    """Another process, which lives until its input is closed."""
    with subprocess.Popen([sys.executable, "-c", WAIT], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_this_process_lives():
    assert is_alive(new_owner()) is True
    assert is_here(new_owner())
    assert new_owner().count(":") == 2


def test_another_process_lives_until_it_ends(other: "subprocess.Popen[bytes]"):
    before = began(other.pid)
    assert before, "each system says when that was"
    assert is_alive(owner(other.pid, before)) is True
    assert is_alive(f"{machine()}:{other.pid}:0123abcd") is True, "as earlier versions named it"
    other.kill()
    other.wait()  # on Windows there is a handle of it still
    assert is_alive(owner(other.pid, before)) is False
    assert is_alive(f"{machine()}:{other.pid}:0123abcd") is False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process that ended and was not asked for")
def test_one_that_was_killed_is_dead_before_its_parent_asks(other: "subprocess.Popen[bytes]"):
    assert other.stdin is not None
    other.stdin.close()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(owner(other.pid)) is False


def test_an_id_that_was_given_again_is_another_process(other: "subprocess.Popen[bytes]"):
    assert is_alive(owner(other.pid, "1")) is False
    assert is_alive(owner(os.getpid(), f"{began(os.getpid())}0")) is False


@pytest.mark.parametrize("number", [0, 999_999_999, 10**12, 10**30])
def test_ids_that_nobody_has(number: int):
    assert is_alive(owner(number)) is False


@pytest.mark.parametrize("word", ["another-host:1:x", "", ":", "nonsense", "another:1-2:x"])
def test_of_other_machines_there_is_no_telling(word: str):
    assert is_alive(word) is None


def test_what_is_no_number_is_nobody():
    assert is_alive(f"{machine()}:gone:x") is None


@pytest.mark.skipif(
    WINDOWS or not Path("/bin/ps").exists(), reason="this system has no ps, with which a Mac tells it"
)
def test_what_ps_says(other: "subprocess.Popen[bytes]"):
    began_then = process_id._ask_ps(other.pid)
    assert began_then and began_then.isalnum()
    assert process_id._ask_ps(other.pid) == began_then
    other.kill()
    other.wait()
    assert process_id._ask_ps(other.pid) is None


def test_names_of_computers_are_written_in_one_way(monkeypatch: pytest.MonkeyPatch):
    import socket

    name = "Jörgs-Mac"
    found = set()
    for form in ("NFC", "NFD"):
        monkeypatch.setattr(socket, "gethostname", lambda form=form: unicodedata.normalize(form, name))
        found.add(machine())
    assert len(found) == 1
