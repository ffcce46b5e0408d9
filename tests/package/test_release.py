"""The steps of a release, on a small repository of its own; lint and tests are not run once more here."""

import subprocess
from pathlib import Path

import pytest

from scripts.release import NotReady, Release

pytestmark = pytest.mark.slow


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "blender_manifest.toml").write_text(
        'schema_version = "1.0.0"\nid = "small"\nversion = "0.1.0"\nname = "Small"\n'
        'tagline = "Nothing at all"\nmaintainer = "Nobody"\ntype = "add-on"\nblender_version_min = "4.2.0"\n'
        'license = ["SPDX:GPL-3.0-or-later"]\n[build]\npaths_exclude_pattern = ["/.git/", "/dist/"]\n'
    )
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.2.0\n\nMore.\n\n## 0.1.0\n\nFirst.\n")
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / ".gitignore").write_text("/dist/\n")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "config", "user.name", "Nobody")
    git(tmp_path, "config", "user.email", "nobody@example.com")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "All")
    return tmp_path


def test_a_release_sets_the_version_packages_commits_and_tags(checkout: Path):
    release = Release("0.2.0", checkout)
    for step in release.steps():
        if step not in (release.check_style, release.test, release.site):
            step()
    assert 'version = "0.2.0"' in (checkout / "blender_manifest.toml").read_text()
    assert (checkout / "dist/small-0.2.0.zip").exists()
    assert (checkout / "dist/repository/index.json").exists()
    assert git(checkout, "log", "-1", "--format=%s") == "Version 0.2.0"
    assert git(checkout, "tag") == "v0.2.0"
    assert git(checkout, "status", "--porcelain") == ""
    assert "git push origin main v0.2.0" in release.by_hand()


def test_what_stops_it_leaves_the_checkout_as_it_was(checkout: Path):
    """Else the next try would find a changed manifest, and stop at that."""
    for _ in range(2):
        with pytest.raises(NotReady, match="make lint"):
            Release("0.2.0", checkout).make(lambda _told: None)
        assert git(checkout, "status", "--porcelain") == ""
        assert git(checkout, "tag") == ""


def test_lint_and_tests_are_steps_before_anything_is_committed(checkout: Path):
    release = Release("0.2.0", checkout)
    steps = release.steps()
    assert steps.index(release.check_style) < steps.index(release.commit_and_tag)
    assert steps.index(release.test) < steps.index(release.commit_and_tag)
    assert steps.index(release.site) < steps.index(release.commit_and_tag), "it has the new version, too"
    with pytest.raises(NotReady, match="make lint"):  # there is no Makefile
        release.check_style()


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("0.2", "is not a version"),
        ("v0.2.0", "is not a version"),
        ("0.0.9", "is older"),
        ("0.1.5", "CHANGELOG"),
    ],
)
def test_a_version_that_cannot_be_is_refused(checkout: Path, version: str, reason: str):
    release = Release(version, checkout)
    with pytest.raises(NotReady, match=reason):
        for step in release.steps()[:3]:
            step()


def test_what_is_not_committed_stops_it(checkout: Path):
    (checkout / "new.py").touch()
    with pytest.raises(NotReady, match=r"new\.py"):
        Release("0.2.0", checkout).check_tree()


def test_a_release_is_made_once(checkout: Path):
    git(checkout, "tag", "v0.2.0")
    with pytest.raises(NotReady, match="exists"):
        Release("0.2.0", checkout).check_version()
