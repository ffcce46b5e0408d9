"""What the panel says of the selection: all at once where that is little, else bit by bit."""

from types import ModuleType

import bpy
import pytest

from tests.blender import scenes


@pytest.fixture
def survey(addon) -> ModuleType:
    return addon.session.current().part(addon.panels.selection_report.SelectionReport)


def copies(item: bpy.types.Object, count: int) -> list[bpy.types.Object]:
    """More objects with meshes of their own."""
    made = []
    for number in range(count):
        copy = item.copy()
        copy.data = item.data.copy()
        copy.name = f"Copy {number:04d}"
        bpy.context.scene.collection.objects.link(copy)
        made.append(copy)
    return made


def hang(name: str, on: bpy.types.Object) -> None:
    item = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(item)
    item.parent, item.parent_type = on, "VERTEX"


def looked_at(addon, monkeypatch: pytest.MonkeyPatch) -> list[bpy.types.Object]:
    """The objects that are looked at from now on."""
    seen: list[bpy.types.Object] = []
    for cls in (addon.scene.export.dependents.Dependents, addon.scene.export.selection.Selection):
        original = cls.add

        def noting(self, item, original=original):
            seen.append(item)
            return original(self, item)

        monkeypatch.setattr(cls, "add", noting)
    return seen


def test_in_a_usual_file_everything_is_said_at_once(survey):
    first, second = scenes.ball("First", 12, 6), scenes.ball("Second", 8, 4)
    hang("Buckle", first)
    second.modifiers.new("Subdivision", "SUBSURF")
    scenes.select(first)
    found = survey.drawn(bpy.context)
    assert (found.name, found.objects, found.meshes, found.modifiers) == ("First", 1, 1, False)
    assert found.triangles == found.first == scenes.triangles(first)
    assert found.losses == ('the vertices "Buckle" is parented to',)
    assert found.reports == ()
    bpy.context.window_manager.generio.placement = "BESIDE"
    assert survey.drawn(bpy.context).losses == (), "it goes on hanging on the original"
    scenes.select(second, first)
    found = survey.drawn(bpy.context)
    assert (found.name, found.objects, found.modifiers) == ("", 2, True)


def test_in_a_large_file_a_drawing_looks_at_a_share_and_the_rest_comes_later(
    addon, survey, monkeypatch: pytest.MonkeyPatch
):
    item = scenes.ball("Ball", 4, 3)
    hang("Zipper", item)
    copies(item, 3 * addon.panels.selection_report.SHARE)
    scenes.select(item)
    redrawn: list[object] = []
    monkeypatch.setattr(addon.panels.selection_report, "redraw", lambda *what: redrawn.append(what))
    seen = looked_at(addon, monkeypatch)
    found = survey.drawn(bpy.context)
    assert (found.name, found.losses) == ("Ball", ()), "what is selected comes first"
    assert len(seen) <= addon.panels.selection_report.SHARE
    while addon.panels.selection_report._tick() is not None:
        assert not redrawn, "there is nothing new yet"
    assert len(redrawn) == 1
    assert survey.known(bpy.context).losses == ()
    assert survey.drawn(bpy.context).losses == ('the vertices "Zipper" is parented to',)
    while addon.panels.selection_report._tick() is not None:
        pass
    assert len(redrawn) == 1, "and it comes to rest"


def test_of_many_selected_objects_a_drawing_looks_at_a_share_too(
    addon, survey, monkeypatch: pytest.MonkeyPatch
):
    item = scenes.ball("Ball", 4, 3)
    everything = [item, *copies(item, 200)]
    scenes.select(*everything)
    seen = looked_at(addon, monkeypatch)
    survey.drawn(bpy.context)
    assert len(seen) < addon.panels.selection_report.SHARE
    while addon.panels.selection_report._tick() is not None:
        pass
    found = survey.drawn(bpy.context)
    assert (found.objects, found.meshes) == (201, 201)
    assert found.triangles == 201 * scenes.triangles(item)


def test_what_goes_meanwhile_stops_nothing(addon, survey):
    item = scenes.ball("Ball", 4, 3)
    everything = [item, *copies(item, 200)]
    scenes.select(*everything)
    survey.drawn(bpy.context)
    bpy.data.batch_remove(everything[1:])
    while addon.panels.selection_report._tick() is not None:
        pass
    assert survey.drawn(bpy.context).objects == 1
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert survey.drawn(bpy.context).objects == 0
