"""The pipes to an engine: to write and to read never waits, and nothing is lost between them."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from generio_flows.engine.process import EngineProcess, python_command

from tests.systems import WINDOWS

from .conftest import LONGEST

pytestmark = pytest.mark.slow
MUCH = bytes(range(256)) * 8000
ECHO = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
while data := sys.stdin.buffer.read1(1 << 16):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
"""

WHERE = "import os, sys; print(ascii(os.getcwd()), flush=True); sys.stdin.read()"


@pytest.fixture
def awake(tmp_path: Path) -> Path:
    """Where a file is, the program reads."""
    return tmp_path / "awake"


@pytest.fixture
def echo(awake: Path) -> Iterator[EngineProcess]:
    """A program that says what it reads, once it does."""
    process = EngineProcess((sys.executable, "-c", ECHO, str(awake)))
    yield process
    process.kill()


def received_until(process: EngineProcess, condition: Callable[[bytes | None], bool]) -> bytes:
    """All that comes until `condition` holds for what came last."""
    end, received = time.monotonic() + LONGEST, b""
    while True:
        process.flush()
        data = process.receive()
        received += data or b""
        if condition(data):
            return received
        assert time.monotonic() < end, "this never came"
        process.wait(0.02)


def test_who_sends_to_one_that_does_not_read_is_not_held_up(echo: EngineProcess, awake: Path) -> None:
    sending = threading.Thread(target=echo.send, args=(MUCH,), daemon=True)
    sending.start()
    sending.join(LONGEST)
    assert not sending.is_alive()
    assert echo.receive() == b""
    awake.touch()
    echo.send(b"end")
    received = b""
    while len(received) < len(MUCH) + 3:
        received += received_until(echo, bool)
    assert received == MUCH + b"end"


def test_what_was_sent_arrives_before_the_pipe_closes(tmp_path: Path) -> None:
    code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())"
    process = EngineProcess((sys.executable, "-c", code, str(tmp_path / "read")))
    process.send(MUCH)
    process.close(LONGEST)
    assert process.has_ended()
    assert (tmp_path / "read").read_bytes() == MUCH


def test_the_folder_in_which_blender_was_started_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine may outlive its Blender, and Windows keeps a folder in which a process works."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    process = EngineProcess((sys.executable, "-c", WHERE))
    monkeypatch.chdir(tmp_path)
    where = received_until(process, lambda data: bool(data) and data.endswith(b"\n"))
    folder.rename(tmp_path / "renamed")
    process.kill()
    assert b"project" not in where


def test_without_its_python_blender_itself_runs_the_engine(tmp_path: Path) -> None:
    """As where a virus scanner has put python.exe into quarantine, and a restart of Blender is to help."""
    python = tmp_path / "python.exe"
    assert python_command(str(python), "blender.exe")[0] == "blender.exe"
    assert python_command(str(python), "")[0] == str(python)
    python.touch()
    assert python_command(str(python), "blender.exe")[0] == str(python)


def test_one_that_has_ended_is_told_and_takes_nothing_more(echo: EngineProcess) -> None:
    echo._process.kill()
    received_until(echo, lambda data: data is None)
    echo.send(MUCH)
    assert echo.receive() is None
    echo.close(LONGEST)
    assert echo.has_ended()


@pytest.mark.skipif(not WINDOWS, reason="only Windows has handles of a console that is gone")
def test_a_console_that_is_gone_keeps_no_engine_from_starting(awake: Path) -> None:
    """As where a launcher has started Blender, and has left by now."""
    if sys.platform != "win32":
        return
    import ctypes
    from ctypes import wintypes

    kernel, standard_error = ctypes.WinDLL("kernel32"), -12
    kernel.GetStdHandle.restype = wintypes.HANDLE
    kernel.SetStdHandle.argtypes = (wintypes.DWORD, wintypes.HANDLE)
    before = kernel.GetStdHandle(standard_error)
    kernel.SetStdHandle(standard_error, 0x12344)
    try:
        process = EngineProcess((sys.executable, "-c", ECHO, str(awake)))
    finally:
        kernel.SetStdHandle(standard_error, before)
    awake.touch()
    process.send(b"here")
    assert received_until(process, bool) == b"here"
    process.kill()
