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


COMMANDS = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_hook_passes_on_this_checkout_and_uses_what_make_setup_installs(command: str):
    program, *words = command.split()
    assert program.startswith(".venv/bin/")
    tool = Path(sys.executable).parent / Path(program).name
    files = ["flows.py", "cli"] if tool.name == "ruff" else []
    done = subprocess.run([tool, *words, *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["IMAGE", "MODEL"])
def test_a_demo_of_a_file_that_is_not_there_says_so(name: str):
    demo = [sys.executable, "scripts/demo.py"]
    done = subprocess.run(
        demo, cwd=ROOT, env={**os.environ, name: "missing.glb"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("There is no file missing.glb. Name one that exists")


def test_there_are_hooks_for_style_and_manifest():
    assert [command.split()[0] for command in COMMANDS] == [".venv/bin/ruff"] * 2 + [".venv/bin/python"]


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
    assert {"/.*", "/extras/", "/scripts/", "/tests/", "/docs/"} <= set(
        manifest["build"]["paths_exclude_pattern"]
    )
