"""Favorites stay in the list, and are found again."""

import bpy

from tests.blender.job_fixtures import panel


def ask(prompt: str) -> None:
    bpy.ops.generio.generate_from_prompt(prompt=prompt, quality="LOW", variants=1)


def token_of(name: str) -> str:
    return next(row.token for row in panel().jobs if row.name == name)


def names() -> list[str]:
    return sorted(row.name for row in panel().jobs)


def test_clear_finished_leaves_favorites(addon, sandbox):
    for prompt in ("A chair", "A table"):
        ask(prompt)
    assert bpy.ops.generio.toggle_favorite(token=token_of("A chair")) == {"FINISHED"}
    assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
    assert names() == ["A chair"]
    assert bpy.ops.generio.toggle_favorite(token=token_of("A chair")) == {"FINISHED"}
    assert not panel().jobs[0].favorite
    bpy.ops.generio.toggle_favorite(token=token_of("A chair"))
    ask("A lamp")
    assert bpy.ops.generio.clear_finished_jobs() == {"FINISHED"}
    assert names() == ["A chair"]


def test_a_favorite_is_one_after_a_restart(addon, sandbox):
    ask("A chair")
    token = token_of("A chair")
    bpy.ops.generio.toggle_favorite(token=token)
    kind = addon.session.favorites.Favorites
    assert token in kind()
    assert "another" not in kind()


def test_only_favorites_are_listed_if_the_user_wants_that(addon, sandbox):
    for prompt in ("A chair", "A table"):
        ask(prompt)
    bpy.ops.generio.toggle_favorite(token=token_of("A chair"))
    is_listed = addon.panels.job_rows.is_listed
    assert [row.name for row in panel().jobs if is_listed(row, [], "FAVORITE")] == ["A chair"]
    assert len([row for row in panel().jobs if is_listed(row, [], "ALL")]) == 2


def test_a_file_that_is_no_list_counts_as_none(addon, sandbox):
    path = addon.session.preferences.user_folder(bpy.context) / "favorites.json"
    path.write_text("{", encoding="utf-8")
    assert "x" not in addon.session.favorites.Favorites()
    assert addon.session.favorites.Favorites().toggle("x")
    assert "x" in addon.session.favorites.Favorites()
