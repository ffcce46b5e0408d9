"""An environment that is a link belongs to another checkout, and to set it up here would empty it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.systems import WINDOWS, needs_links, needs_sh

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without an environment, and with a Python that would make one; "other" is another's."""
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/kept").touch()
    for name in ("Makefile", "noxfile.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "scripts/find_python.sh").write_text(f"echo {sys.executable}\n")
    return folder


@needs_links
@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("make", "setup"), marks=needs_sh, id="make"),
        pytest.param((sys.executable, "-m", "nox", "-s", "setup"), id="nox"),
    ],
)
def test_an_environment_that_is_a_link_is_left_as_it_is(checkout: Path, command: tuple[str, ...]) -> None:
    (checkout / ".venv").symlink_to(checkout.parent / "other")
    assert "a link to an environment of another checkout" in refusal(checkout, command)
    assert (checkout / ".venv/kept").exists()


@pytest.mark.slow
def test_an_environment_that_was_made_for_another_checkout_is_left_as_it_is(checkout: Path) -> None:
    """As behind a junction of Windows, which is no symbolic link."""
    other = checkout.parent / "other"
    other.rename(checkout / ".venv")
    made = f"{sys.executable} -m venv --clear {other.parent / 'another checkout' / '.venv'}"
    (checkout / ".venv/pyvenv.cfg").write_text(f"home = nowhere\ncommand = {made}\n")
    assert "another checkout, which only that" in refusal(
        checkout, (sys.executable, "-m", "nox", "-s", "setup")
    )
    assert (checkout / ".venv/kept").exists()


@pytest.mark.slow
def test_an_environment_of_another_system_is_left_as_it_is(checkout: Path) -> None:
    """Windows and its Linux may share a checkout; under Wine a link is deleted with what it leads to."""
    foreign = checkout / ".venv" / ("bin" if WINDOWS else "Scripts")
    foreign.mkdir(parents=True)
    assert "made on another system" in refusal(checkout, (sys.executable, "-m", "nox", "-s", "setup"))
    assert foreign.exists()


def refusal(checkout: Path, command: tuple[str, ...]) -> str:
    """What a command says that does not set the environment up."""
    environment = {**os.environ, "PIP_NO_INDEX": "1"}  # nothing is installed, whatever goes wrong
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode
    return done.stdout + done.stderr


def test_nox_knows_what_make_does() -> None:
    made = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    done = re.findall(r'^    "([a-z-]+)": ', (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert {*made} - {*done} == {"help", "setup", "matrix", "gui-test", "windows-test", "clean"}
    assert {*done} <= {*made}
