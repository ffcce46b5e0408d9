"""Imports run downwards only, and each room knows only what it may know."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("api", "cli", "core", "engine", "formats", "i18n", "jobs", "operators", "panels", "scene", "session")

FAULTS = {
    "upwards": ("scene/lookup.py", "from ..session import placement"),
    "upwards, within a function": ("jobs/model.py", "def late():\n    from ..panels import widgets"),
    "Blender where it is not known": ("core/text.py", "import bpy"),
    "HTTP beside the API": ("session/form.py", "import requests"),
    "the API in the scene": ("scene/bounds.py", "from ..api import client"),
    "a thread in Blender": ("session/form.py", "import threading"),
    "a thread in what Blender imports": ("session/form.py", "from ..jobs import engine"),
}


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys, check_layers; sys.exit(check_layers.check(check_layers.Path(sys.argv[1])))"
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT / "scripts", capture_output=True, text=True
    )


@pytest.mark.slow
def test_imports_run_downwards_only():
    checked = check(ROOT)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_the_check_sees_an_import_that_should_not_be(tmp_path: Path, fault: str):
    _copy_of_the_rooms(tmp_path)
    assert check(tmp_path).returncode == 0
    file, line = FAULTS[fault]
    with (tmp_path / file).open("a") as module:
        module.write(f"\n\n{line}\n")
    assert check(tmp_path).returncode == 1


def _copy_of_the_rooms(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "__init__.py", "__main__.py", "flows.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


@pytest.mark.slow
def test_the_package_imports_without_blender():
    code = (
        "import sys, conftest, generio_flows.jobs, generio_flows.cli.standalone\n"
        "assert 'bpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", check=True)


@pytest.mark.slow
def test_what_only_a_call_needs_is_imported_with_the_first_call():
    code = (
        "import sys, conftest, generio_flows.jobs, generio_flows.api.check\n"
        "early = {'requests', 'urllib3', 'ssl', 'http.client', 'email', 'numpy'} & {*sys.modules}\n"
        "assert not early, early"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", check=True)
