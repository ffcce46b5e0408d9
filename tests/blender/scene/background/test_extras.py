"""What a glTF says beside its models comes as by Blender's importer; what only a file knows stays in it."""

import json
from pathlib import Path
from typing import Any

import bpy
import pytest

from tests.blender import scenes
from tests.sandbox import glb

NAMES = ["Noon", "Night"]
EXTRAS = {"season": "autumn", "sun": [0.5, 1.0, 0.25], "count": 3, "nested": {"depth": 2}}


def with_scene_data(path: Path, names: list[str] = NAMES) -> Path:
    """A cube with one material, a second one for the second variant, and custom properties of its scene."""
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    for name in ("Day paint", "Night paint"):
        cube.data.materials.append(bpy.data.materials.new(name))
    bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB", use_selection=True)
    bpy.data.objects.remove(cube)
    bpy.data.batch_remove([*bpy.data.meshes, *bpy.data.materials])
    document, binary = glb.unpack(path.read_bytes())
    document["materials"] = [{"name": "Day paint"}, {"name": "Night paint"}]
    document["extensionsUsed"] = ["KHR_materials_variants"]
    document["extensions"] = {"KHR_materials_variants": {"variants": [{"name": name} for name in names]}}
    mappings = [{"material": number, "variants": [number]} for number in range(2)]
    for primitive in document["meshes"][0]["primitives"]:
        primitive["material"] = 0
        primitive["extensions"] = {"KHR_materials_variants": {"mappings": mappings}}
    document["scenes"][0]["extras"] = EXTRAS
    path.write_bytes(glb.pack(document, binary))
    return path


def place(addon, path: Path, conversion: Any = None) -> bpy.types.Object:
    """Put what is in `path` at the cursor, through a background Blender or without."""
    blend = path.with_suffix(".blend")
    if conversion is not None:
        conversion.to_blend(path, blend, lambda: False)
    model = addon.scene.place.loading.Model(
        str(path), str(blend) if conversion is not None else "", "Lamp", {}
    )
    (root,) = addon.scene.place.place.place_models(
        bpy.context, [model], addon.session.current().document.at_cursor(bpy.context)
    )
    return root


def variants() -> list[tuple[str, int]]:
    found = bpy.data.scenes[0].gltf2_KHR_materials_variants_variants
    return [(variant.name, variant.variant_idx) for variant in found]


def shown(item: bpy.types.Object, variant: str) -> list[str]:
    """The materials that a variant shows on `item`."""
    names = dict(variants())
    return [
        part.material.name
        for part in item.data.gltf2_variant_mesh_data
        if names[variant] in [pointer.variant.variant_idx for pointer in part.variants]
    ]


@pytest.mark.parametrize("child", [True, False])
def test_custom_properties_and_variants_of_the_scene_come_along(
    addon, conversion, tmp_path: Path, child: bool
):
    item = place(addon, with_scene_data(tmp_path / "lamp.glb"), conversion if child else None)
    scene: Any = bpy.context.scene
    assert {name: plain(scene[name]) for name in EXTRAS} == EXTRAS
    assert variants() == [("Noon", 0), ("Night", 1)]
    assert shown(item, "Noon") == ["Day paint"]
    assert shown(item, "Night") == ["Night paint"]


def plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value.to_list() if hasattr(value, "to_list") else value


@pytest.mark.parametrize("child", [True, False])
def test_what_the_scene_has_already_stays(addon, conversion, tmp_path: Path, child: bool):
    first, second = with_scene_data(tmp_path / "a.glb"), with_scene_data(tmp_path / "b.glb", ["Fog", "Noon"])
    bpy.context.scene["season"] = "spring"
    lamp, other = (place(addon, path, conversion if child else None) for path in (first, second))
    assert bpy.context.scene["season"] == "spring"
    assert variants() == [("Noon", 0), ("Night", 1), ("Fog", 2)]
    assert shown(lamp, "Night") == ["Night paint"]
    assert [name.partition(".")[0] for name in shown(other, "Fog")] == ["Day paint"]
    assert [name.partition(".")[0] for name in shown(other, "Noon")] == ["Night paint"]


def test_variants_of_a_mesh_outlive_its_optimizing(addon, conversion, tmp_path: Path):
    item = place(addon, with_scene_data(tmp_path / "lamp.glb"), conversion)
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=8) == {"FINISHED"}
    assert scenes.triangles(item) <= 12
    assert shown(item, "Night") == ["Night paint"]


@pytest.mark.parametrize("way", ["optimized", "level", "generated"])
def test_what_only_this_file_knows_is_not_exported(addon, tmp_path: Path, way: str):
    item = scenes.ball("Ball", 16, 8)
    item["mine"], item.data["also mine"] = 1, 2
    item.modifiers.new("Bevel", "BEVEL")
    scenes.select(item)
    if way == "generated":
        assert bpy.ops.generio.generate_from_prompt(prompt="A lamp", quality="LOW") == {"FINISHED"}
    elif way == "level":
        assert bpy.ops.generio.make_lods(method="COUNTS", counts="50") == {"FINISHED"}
    else:
        assert bpy.ops.generio.optimize_selected(polygon_count=100, modifier_mode="APPLY") == {"FINISHED"}
        assert addon.scene.versions.STASH in item
    path = tmp_path / "out.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB", export_extras=True)
    document, _binary = glb.unpack(path.read_bytes())
    text = json.dumps(document)
    for word in ("report", "stash", "other", "levels", "level", "token", "result", "name", "group", "part"):
        assert f'"generio_{word}"' not in text, word
    assert '"mine"' in text
    assert '"also mine"' in text
    assert way != "generated" or '"generio_prompt": "A lamp"' in text
