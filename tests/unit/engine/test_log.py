"""The log says what was done, and nothing that is the user's own."""

import logging
import subprocess
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest
from generio_flows.core.log import FILE, LOGGER, log_tail
from generio_flows.engine.log import LARGEST, Log

from tests.systems import WINDOWS


def test_the_file_has_all_and_the_terminal_what_was_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    log = Log(tmp_path, "WARNING")
    LOGGER.info("a step")
    log.set_level("INFO")
    LOGGER.debug("a detail")
    LOGGER.info("another step")
    log.close()
    assert [line.rpartition(" INFO ")[2] for line in log_tail(tmp_path / FILE) if " INFO " in line] == [
        "a step",
        "another step",
    ]
    assert len(log_tail(tmp_path / FILE)) == 3
    assert len(log_tail(tmp_path / FILE, 2)) == 2
    shown = capfd.readouterr().err
    assert "another step" in shown
    assert "a detail" not in shown


def test_a_log_that_is_closed_writes_no_more(tmp_path: Path):
    log = Log(tmp_path, "WARNING")
    log.close()
    LOGGER.warning("late")
    assert log_tail(tmp_path / FILE) == []
    assert not any(isinstance(handler, RotatingFileHandler) for handler in LOGGER.handlers)


def test_a_log_does_not_grow_for_ever(tmp_path: Path):
    log = Log(tmp_path, "ERROR")
    for _ in range(3 * LARGEST // 1000):
        LOGGER.info("x" * 1000)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, f"{FILE}.1"]
    assert all(path.stat().st_size <= LARGEST for path in tmp_path.iterdir())


def test_a_log_that_cannot_be_put_aside_goes_on(tmp_path: Path):
    """As on Windows, where another Blender writes into the same file; here something stands in the way."""
    (tmp_path / f"{FILE}.1/kept").mkdir(parents=True)
    log = Log(tmp_path, "ERROR")
    for number in range(LARGEST // 1000 + 10):
        LOGGER.info("%d%s", number, "x" * 1000)
    log.close()
    assert f"INFO {number}x" in log_tail(tmp_path / FILE)[-1]
    assert (tmp_path / f"{FILE}.1/kept").exists()


@pytest.mark.skipif(not WINDOWS, reason="only on Windows is a file kept by whoever has it open")
def test_two_blenders_lose_nothing_of_the_log(tmp_path: Path):
    (tmp_path / f"{FILE}.1").write_text("before")
    log = Log(tmp_path, "ERROR")
    with (tmp_path / FILE).open("ab"):
        for _ in range(LARGEST // 1000 + 10):
            LOGGER.info("x" * 1000)
        LOGGER.info("the last step")
        assert "the last step" in log_tail(tmp_path / FILE)[-1]
    assert (tmp_path / f"{FILE}.1").read_text() == "before"
    LOGGER.info("alone again")
    log.close()
    assert len(log_tail(tmp_path / FILE)) == 1
    assert "the last step" in log_tail(tmp_path / f"{FILE}.1")[-1]


def test_a_disk_that_refuses_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log = Log(tmp_path / "missing", "ERROR")
    LOGGER.info("a step")
    log.close()
    assert log_tail(tmp_path / "missing" / FILE) == []


@pytest.mark.slow
def test_without_a_log_nothing_is_printed():
    code = "import conftest; from generio_flows.core.log import LOGGER; LOGGER.warning('a lease was lost')"
    tests = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=tests, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
