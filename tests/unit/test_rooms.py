"""Each room knows only what it may know, and the package is what a user should get."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_BPY = [path for room in ("api", "jobs") for path in sorted((ROOT / room).glob("*.py"))]
NO_HTTP = [path for room in ("scene", "panels") for path in sorted((ROOT / room).glob("*.py"))]


def imported(path: Path) -> set[str]:
    """The modules that a file imports, absolute ones by their first name, relative ones with their dots."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", NO_BPY, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_api_and_jobs_know_no_blender(path: Path):
    assert not imported(path) & {
        "bpy",
        "mathutils",
        "bmesh",
        "..scene",
        "..bridge",
        "..view",
        "..operators",
        "..panels",
    }


@pytest.mark.parametrize("path", sorted((ROOT / "api").glob("*.py")), ids=lambda path: path.name)
def test_the_api_knows_no_jobs_and_needs_only_requests(path: Path):
    outside = {name for name in imported(path) if not name.startswith(".")}
    assert outside <= {*sys.stdlib_module_names, "requests", "urllib3"}
    assert "..jobs" not in imported(path)


@pytest.mark.parametrize("path", NO_HTTP, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_scene_and_panels_know_no_http(path: Path):
    assert not imported(path) & {"requests", "urllib3", "http", "..jobs"}


@pytest.mark.parametrize("path", sorted((ROOT / "cli").glob("*.py")), ids=lambda path: path.name)
def test_the_command_line_needs_blender_in_one_module_only(path: Path):
    assert path.name == "command.py" or "bpy" not in imported(path)


def test_the_package_imports_without_blender():
    modules = "sys, conftest, generio_flows.jobs, generio_flows.cli.standalone"
    code = f"import {modules}; assert 'bpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", check=True)


def test_what_only_a_call_needs_is_imported_with_the_first_call():
    code = (
        "import sys, conftest, generio_flows.jobs, generio_flows.api.check\n"
        "early = {'requests', 'urllib3', 'ssl', 'http.client', 'email', 'numpy'} & {*sys.modules}\n"
        "assert not early, early"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", check=True)
