"""Help, a report for a bug, and what tells that the last job is over."""

import tomllib
from pathlib import Path

import bpy
import pytest

from tests.blender.job_fixtures import panel, wish

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("kind", "words"), [("GUIDE", "Generate"), ("NEWS", "0.1.0")])
def test_the_texts_of_the_addon_are_shown(addon, monkeypatch, kind: str, words: str):
    shown: list[Path] = []

    def show(_operator: object, path: Path) -> set[str]:
        shown.append(path)
        return {"FINISHED"}

    monkeypatch.setattr(addon.operators.support, "show_folder", show)
    assert bpy.ops.generio.show_text(text=kind) == {"FINISHED"}
    (path,) = shown
    assert path.suffix == ".txt"
    assert words in path.read_text(encoding="utf-8")


def test_a_bug_report_is_copied_without_the_key(addon):
    assert bpy.ops.generio.report_bug() == {"FINISHED"}
    assert addon.session.preferences.api_key(bpy.context) not in bpy.context.window_manager.clipboard


def test_the_website_is_that_of_the_manifest(addon):
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["website"] == addon.core.urls.WEBSITE


@pytest.fixture
def rung(addon) -> list[tuple[str, str]]:
    """How it rang, and what was told."""
    found: list[tuple[str, str]] = []
    addon.session.current().part(addon.panels.bell.Bell).ring = lambda how, text: found.append((how, text))
    return found


def make(addon, sandbox, *names: str) -> None:
    session = addon.session.current()
    engine, here = session.open_engine(bpy.context), session.document.at_cursor(bpy.context)
    jobs = engine.submit_all([wish(addon, sandbox, name, here) for name in names])
    addon.session.waiting.run_until(bpy.context, [job.token for job in jobs])
    session.tick(bpy.context)
    session.tick(bpy.context)


def test_nothing_rings_unless_the_user_wants_it(addon, sandbox, rung):
    make(addon, sandbox, "A chair")
    assert rung == []


def test_it_rings_once_for_all_that_was_under_way(addon, sandbox, rung):
    addon.session.preferences.preferences(bpy.context).when_done = "SOUND"
    make(addon, sandbox, "A chair", "A table")
    assert rung == [("SOUND", "2 jobs are over")]
    sandbox.order({"flow": {"outcome": "fail"}})
    make(addon, sandbox, "A lamp")
    assert rung[1:] == [("SOUND", '"A lamp" failed')]
    assert len(panel().jobs) == 3
