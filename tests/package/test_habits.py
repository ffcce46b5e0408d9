"""What makes a developer's day easier works: the hooks before a commit, settings, issue templates."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ("ruff check flows.py cli", "ruff format --check flows.py cli", "python scripts/package.py --check")


@pytest.mark.slow
def test_the_hook_before_a_commit_is_what_make_check_runs():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"entry: (.*)", hooks) == ["make check"]
    dry = subprocess.run(["make", "--dry-run", "check"], cwd=ROOT, capture_output=True, text=True, check=True)
    for part in ("ruff check", "ruff format --check", "pyright", "package.py --check", '-m "not slow"'):
        assert part in dry.stdout, part


@pytest.mark.slow
@pytest.mark.parametrize("command", CHECKS)
def test_what_it_runs_passes_on_this_checkout(command: str):
    program, *words = command.split()
    done = subprocess.run(
        [Path(sys.executable).parent / program, *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["IMAGE", "MODEL"])
def test_a_demo_of_a_file_that_is_not_there_says_so(name: str):
    demo = [sys.executable, "scripts/demo.py"]
    done = subprocess.run(
        demo, cwd=ROOT, env={**os.environ, name: "missing.glb"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("There is no file missing.glb. Name one that exists")


@pytest.mark.slow
def test_a_broken_manifest_is_noticed(tmp_path: Path):
    """As the hook would, on a copy of the files that it needs."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/package.py").write_bytes((ROOT / "scripts/package.py").read_bytes())
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    (tmp_path / "blender_manifest.toml").write_text(manifest.replace('type = "add-on"', 'type = "plugin"'))
    (tmp_path / "__init__.py").touch()
    check = [sys.executable, str(tmp_path / "scripts/package.py"), "--check"]
    assert subprocess.run(check, capture_output=True).returncode != 0


def test_editors_are_told_what_ruff_is_told():
    settings = json.loads((ROOT / ".vscode/settings.json").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["[python]"]["editor.rulers"] == [project["tool"]["ruff"]["line-length"]]
    assert "fake-bpy-module" in project["dependency-groups"]["lint"]
    assert all((ROOT / folder).is_dir() for folder in settings["python.testing.pytestArgs"])


def test_issue_templates_ask_for_what_is_needed_and_never_for_the_key():
    bug = (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"^    id: (\w+)$", bug, re.MULTILINE)) == {
        "what",
        "message",
        "versions",
        "flow",
        "log",
    }
    assert "Never paste your API key" in bug


def test_nothing_of_this_goes_into_the_package():
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert {"/.*", "/extras/", "/scripts/", "/tests/", "/docs/[!g]*"} <= set(
        manifest["build"]["paths_exclude_pattern"]
    )
