"""Materials are known by name or by place, and put in order."""

import bpy
import pytest

from tests.blender import scenes
from tests.blender.scene.restore.fitted import Fit, as_it_comes
from tests.sandbox import Sandbox


def two_materials() -> bpy.types.Object:
    item = scenes.ball("Two", 24, 12)
    for name in ("Skin", "Eyes"):
        item.data.materials.append(scenes.textured(name))
    for face in item.data.polygons:
        face.material_index = int(face.center.x > 0)
    return item


def right_faces(item: bpy.types.Object) -> bool:
    clear = [face for face in item.data.polygons if abs(face.center.x) > 0.2]
    return bool(clear) and all(face.material_index == int(face.center.x > 0) for face in clear)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("material_0", "material_1"), True),
        (("skin", "EYES "), False),
        (("", ""), True),
        (("Eyes.001", "Skin.001"), True),
        (("Skin", "material_1"), True),
    ],
)
def test_materials_are_known_by_name_or_by_place(fit: Fit, names: tuple[str, str], told: bool):
    sent = two_materials()
    came = as_it_comes(sent, 0.6)
    for index, name in enumerate(names):
        came.data.materials[index] = bpy.data.materials.new(name or "unnamed")
    report = fit(came, sent)
    assert len(came.data.materials) == 2
    assert right_faces(came)
    assert report["slot_names"] == ["Skin", "Eyes"]
    assert report["slots"] != told
    assert bool(report["told"]) == told


def test_reordered_materials_are_put_in_order(fit: Fit):
    sent = two_materials()
    came = as_it_comes(sent, 0.6)
    came.data.materials[0], came.data.materials[1] = sent.data.materials[1], sent.data.materials[0]
    for face in came.data.polygons:
        face.material_index = 1 - face.material_index
    report = fit(came, sent)
    assert right_faces(came)
    assert list(came.data.materials) == list(sent.data.materials)
    assert report["slots"]


@pytest.mark.parametrize("name", ["Baked", "Skin", None])
def test_materials_that_came_back_as_one_are_told_apart_by_place(fit: Fit, name: str | None):
    sent = two_materials()
    came = as_it_comes(sent, 0.6)
    came.data.materials.clear()
    if name:
        came.data.materials.append(bpy.data.materials.new(name))
    if name == "Skin":
        came.data.materials[0] = sent.data.materials[0]
    report = fit(came, sent)
    assert right_faces(came)
    assert len(came.data.materials) == 2
    assert bool(report["told"]) == bool(name)


class Renames:
    """A service that takes nothing away, and calls materials otherwise."""

    def optimize(self, data: bytes, _polygon_count: int) -> bytes:
        assert b'"Skin"' in data
        return data.replace(b'"Skin"', b'"mat0"').replace(b'"Eyes"', b'"mat1"')

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.usefixtures("sends_what_is_light")
def test_what_a_service_has_changed_is_told_when_it_arrives(addon, capfd):
    item = two_materials()
    preferences = bpy.context.preferences.addons[addon.__name__].preferences
    with Sandbox(profile="reference", speed=0.01, optimizer=Renames()) as service:
        preferences.service_url, preferences.api_key = service.url, service.key
        scenes.select(item)
        bpy.ops.generio.optimize_selected(polygon_count=10_000)
        rows = bpy.context.window_manager.generio.jobs
        assert "other names" in rows[0].message
    told = [line for line in capfd.readouterr().out.splitlines() if "other names" in line]
    assert any(line.startswith("Warning: Two:") for line in told)
    assert [slot.material.name for slot in item.material_slots] == ["Skin", "Eyes"]
