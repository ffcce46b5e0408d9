"""An environment that is a link belongs to another checkout, and to set it up here would empty it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.systems import needs_links, needs_sh

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose environment is that of another one, and with a Python that would make a new one."""
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/kept").touch()
    for name in ("Makefile", "noxfile.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "scripts/find_python.sh").write_text(f"echo {sys.executable}\n")
    (folder / ".venv").symlink_to(tmp_path / "other")
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
    environment = {**os.environ, "PIP_NO_INDEX": "1"}  # nothing is installed, whatever goes wrong
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "a link to an environment of another checkout" in done.stdout + done.stderr
    assert (checkout / ".venv/kept").exists()


def test_nox_knows_what_make_does() -> None:
    made = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    done = re.findall(r'^    "([a-z-]+)": ', (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert {*made} - {*done} == {"help", "setup", "matrix", "gui-test", "windows-test", "clean"}
    assert {*done} <= {*made}
