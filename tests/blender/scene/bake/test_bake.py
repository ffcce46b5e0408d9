"""The detail that a lighter mesh has lost is baked into maps, and comes into the artist's materials."""

import importlib
import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bmesh
import bpy
import numpy as np
import pytest
from mathutils import Matrix

from tests.blender import scenes
from tests.blender.another_blender import Session as Blender
from tests.blender.baking import finished, material_of, node_kinds
from tests.blender.conftest import EXTENSION
from tests.blender.job_fixtures import until
from tests.blender.sculpts import lightened, optimized, sculpt
from tests.systems import WINDOWS

FULL = Path("/dev/full")
"""A file that nothing can be written to: there is no room."""


def never() -> bool:
    return False


def unheard(_share: float) -> None:
    pass


def baked(addon, conversion, folder: Path, item: bpy.types.Object, light, **settings) -> dict[str, Any]:
    """Bake in a converter; returns what it reports, with the folder of the files."""
    made = addon.scene.bake.settings.BakeSettings(**{"size": 256, **settings})
    snapshot = folder / "snapshot-1.blend"
    addon.scene.export.snapshot.write_snapshot(item, snapshot, light=(light, made))
    conversion.bake(snapshot, folder / "result-1.blend", never, unheard)
    return json.loads((folder / "result-1.json").read_text(encoding="utf-8"))["bake"]


def new_material(name: str) -> bpy.types.Material:
    made = bpy.data.materials.new(name)
    if made.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        made.use_nodes = True
    return made


def document_of(path: Path) -> dict[str, Any]:
    """The JSON in a GLB."""
    data = path.read_bytes()
    return json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])


def pixels_of(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    values = np.empty(width * height * image.channels, dtype=np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(height, width, -1)


@pytest.mark.parametrize("directx", [False, True])
def test_a_normal_map_brings_back_how_the_original_was_shaded(
    addon, conversion, tmp_path: Path, directx: bool
):
    item = sculpt()
    figures = baked(addon, conversion, tmp_path, item, lightened(item), size=512, directx=directx)
    assert figures["without"]["mean"] > 3.0
    assert figures["with"]["mean"] < figures["without"]["mean"] / 4
    assert figures["misses"] < 0.01
    assert not figures["new_uv_map"]
    assert pixels_of(tmp_path / "result-1-normal.png").shape[:2] == (512, 512)


@pytest.mark.parametrize(
    ("after", "at_best", "words"),
    [(1.0, 0.5, "same from"), (3.0, 0.5, "try larger maps"), (3.0, 2.9, "try more triangles")],
)
def test_the_verdict_names_what_would_help(addon, after: float, at_best: float, words: str):
    figures = {name: {"mean": mean, "p95": mean} for name, mean in (("with", after), ("at_best", at_best))}
    assert words in str(addon.panels.versions_report._verdict({**figures, "meters": 1.0}))


def test_what_maps_of_any_size_would_leave_is_measured(addon, conversion, tmp_path: Path):
    item = sculpt()
    figures = baked(addon, conversion, tmp_path, item, lightened(item), size=128)
    assert figures["at_best"]["mean"] < figures["with"]["mean"] / 2
    (tmp_path / "flat").mkdir()
    figures = baked(addon, conversion, tmp_path / "flat", item, lightened(item, 0.004), size=1024)
    assert figures["with"]["mean"] / 2 < figures["at_best"]["mean"] < figures["without"]["mean"]


def test_green_points_down_for_directx(addon, conversion, tmp_path: Path):
    item = sculpt()
    light = lightened(item)
    maps = []
    for name, directx in (("up", False), ("down", True)):
        (tmp_path / name).mkdir()
        baked(addon, conversion, tmp_path / name, item, light, directx=directx)
        maps.append(pixels_of(tmp_path / name / "result-1-normal.png"))
    up, down = maps
    assert np.abs(up[..., 1] + down[..., 1] - 1).max() < 0.02
    assert np.abs(up[..., 0] - down[..., 0]).max() < 0.02


def test_a_mesh_without_a_uv_map_gets_one(addon, conversion, tmp_path: Path):
    item = sculpt(uv=False)
    figures = baked(addon, conversion, tmp_path, item, lightened(item), size=512)
    assert figures["new_uv_map"]
    assert figures["uv_map"] == "Baked"
    assert figures["uv"]["overlap"] < 0.01
    assert figures["with"]["mean"] < figures["without"]["mean"] / 3


def test_a_uv_map_that_overlaps_is_kept_and_not_used(addon, conversion, tmp_path: Path):
    item = sculpt()
    layer = item.data.uv_layers[0]
    for corner in layer.uv:
        corner.vector.x = (corner.vector.x * 2) % 1.0
    figures = baked(addon, conversion, tmp_path, item, lightened(item), size=512)
    assert figures["new_uv_map"]
    assert figures["own_uv"]["overlap"] > 0.3


def test_what_is_there_already_is_not_baked_again(addon, conversion, tmp_path: Path):
    item = sculpt()
    light = lightened(item)
    baked(addon, conversion, tmp_path, item, light)
    (tmp_path / "snapshot-1.blend").unlink()
    conversion.bake(tmp_path / "snapshot-1.blend", tmp_path / "result-1.blend", never, unheard)


def test_how_far_a_bake_is_comes_from_its_converter(addon, conversion, tmp_path: Path):
    item = sculpt()
    heard: list[float] = []
    settings = addon.scene.bake.settings.BakeSettings(size=256, occlusion=True)
    snapshot = tmp_path / "snapshot-1.blend"
    addon.scene.export.snapshot.write_snapshot(item, snapshot, light=(lightened(item), settings))
    conversion.bake(snapshot, tmp_path / "result-1.blend", never, heard.append)
    assert heard == sorted(heard)
    assert len(heard) >= 4
    assert 0.0 < heard[0] < heard[-1] <= 1.0


def test_textures_that_no_longer_fit_are_baked(addon, conversion, tmp_path: Path):
    item = sculpt()
    material = new_material("Clay")
    tree = material.node_tree
    image = bpy.data.images.new("Stripes", 64, 64)
    stripes = np.zeros((64, 64, 4), dtype=np.float32)
    stripes[:, :, 3] = 1.0
    stripes[:, ::2, 0] = 1.0
    stripes[:, 32:, 1] = 1.0
    image.pixels.foreach_set(stripes.ravel())
    image.filepath_raw = str(tmp_path / "stripes.png")
    image.save()
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    tree.links.new(node.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    item.data.materials.append(material)
    light = lightened(item)
    (tmp_path / "kept").mkdir()
    assert baked(addon, conversion, tmp_path / "kept", item, light)["maps"] == ["normal"]
    light.uv_layers.remove(light.uv_layers[0])
    (tmp_path / "lost").mkdir()
    figures = baked(addon, conversion, tmp_path / "lost", item, light)
    assert figures["maps"] == ["normal", "base_color"]
    green = pixels_of(tmp_path / "lost" / "result-1-base_color.png")[..., 1]
    assert 0.2 < float(green.mean()) < 0.8


def textured(item: bpy.types.Object, name: str, pixels: np.ndarray) -> tuple[Any, Any, Any]:
    """Give an object a material with a texture; returns its nodes, its links, and the texture's node."""
    material = new_material(name)
    height, width, _ = pixels.shape
    image = bpy.data.images.new(name, width, height, alpha=True)
    image.colorspace_settings.name = "Non-Color"
    image.pixels.foreach_set(pixels.astype(np.float32).ravel())
    image.pack()
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    item.data.materials.append(material)
    return material.node_tree.nodes, material.node_tree.links, node


def test_what_is_cut_out_by_a_texture_stays_cut_out(addon, conversion, tmp_path: Path):
    item = sculpt()
    leaves = np.ones((64, 64, 4))
    leaves[:, (np.arange(64) // 8) % 2 == 0, 3] = 0.0
    nodes, links, texture = textured(item, "Leaves", leaves)
    links.new(texture.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    links.new(texture.outputs["Alpha"], nodes["Principled BSDF"].inputs["Alpha"])
    light = lightened(item)
    light.uv_layers.remove(light.uv_layers[0])
    figures = baked(addon, conversion, tmp_path, item, light, size=512)
    assert figures["maps"] == ["normal", "base_color", "alpha"]
    assert figures["picture_difference"] < 0.1


def test_a_normal_map_of_the_original_is_in_the_baked_one_and_no_error(addon, conversion, tmp_path: Path):
    item = sculpt()
    bumps = np.ones((64, 64, 4))
    bumps[:, :, 0] = 0.5 + 0.3 * np.sin(np.arange(64) * 0.8)
    bumps[:, :, 1] = 0.5
    nodes, links, texture = textured(item, "Bumps", bumps)
    bump = nodes.new("ShaderNodeNormalMap")
    links.new(texture.outputs["Color"], bump.inputs["Color"])
    links.new(bump.outputs["Normal"], nodes["Principled BSDF"].inputs["Normal"])
    figures = baked(addon, conversion, tmp_path, item, lightened(item), size=512)
    assert pixels_of(tmp_path / "result-1-normal.png")[..., 0].std() > 0.1
    assert figures["with"]["mean"] < figures["without"]["mean"] / 4


def test_occlusion_roughness_and_metallic_are_one_texture(addon, conversion, tmp_path: Path):
    item = sculpt()
    material = new_material("Metal")
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = 0.25
    shader.inputs["Metallic"].default_value = 1.0
    item.data.materials.append(material)
    figures = baked(addon, conversion, tmp_path, item, lightened(item), orm=True)
    assert figures["maps"] == ["normal", "orm"]
    orm = pixels_of(tmp_path / "result-1-orm.png")
    middle = orm[128, 128]
    assert middle[0] > 0.5
    assert middle[1] == pytest.approx(0.25, abs=0.02)
    assert middle[2] == pytest.approx(1.0, abs=0.02)


def in_a_group(material: bpy.types.Material) -> None:
    """Put the shader of a material into a group, as material libraries do."""
    tree = material.node_tree
    group = bpy.data.node_groups.new("Skin", "ShaderNodeTree")
    group.interface.new_socket("Shader", in_out="OUTPUT", socket_type="NodeSocketShader")
    shader, output = group.nodes.new("ShaderNodeBsdfPrincipled"), group.nodes.new("NodeGroupOutput")
    shader.inputs["Base Color"].default_value = (0.1, 0.8, 0.1, 1.0)
    group.links.new(shader.outputs["BSDF"], output.inputs[0])
    tree.nodes.remove(tree.nodes["Principled BSDF"])
    node = tree.nodes.new("ShaderNodeGroup")
    node.node_tree = group
    tree.links.new(node.outputs[0], tree.nodes["Material Output"].inputs["Surface"])


def mixed(material: bpy.types.Material) -> None:
    """Mix two shaders in a material, half and half."""
    tree = material.node_tree
    first, other = tree.nodes["Principled BSDF"], tree.nodes.new("ShaderNodeBsdfPrincipled")
    first.inputs["Base Color"].default_value = (0.0, 0.8, 0.0, 1.0)
    other.inputs["Base Color"].default_value = (0.0, 0.2, 0.0, 1.0)
    mix = tree.nodes.new("ShaderNodeMixShader")
    tree.links.new(first.outputs["BSDF"], mix.inputs[1])
    tree.links.new(other.outputs["BSDF"], mix.inputs[2])
    tree.links.new(mix.outputs[0], tree.nodes["Material Output"].inputs["Surface"])


def without_nodes(material: bpy.types.Material) -> None:
    """Let a material look by its settings."""
    material.diffuse_color = (0.0, 0.8, 0.0, 1.0)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = False


@pytest.mark.parametrize(("kind", "green"), [(in_a_group, 0.8), (mixed, 0.5)])
def test_channels_are_those_of_all_shaders_that_are_seen(addon, kind, green: float):
    material = new_material("Skin")
    kind(material)
    channels = addon.scene.bake.channels
    lights = [*channels.shaders_of(material.node_tree)]
    channels.Channels(each for each in [material]).show("base_color")
    seen = [light.tree.nodes for light in lights]
    emissions = [node for nodes in {id(nodes): nodes for nodes in seen}.values() for node in nodes]
    colors = [node.inputs["Color"].default_value[1] for node in emissions if node.type == "EMISSION"]
    assert sum(colors) / len(colors) == pytest.approx(green)


@pytest.mark.parametrize("kind", [in_a_group, mixed, without_nodes])
def test_maps_come_into_every_kind_of_material(addon, kind):
    item = sculpt()
    skin = new_material("Skin")
    kind(skin)
    other = skin.copy()  # whose groups are not to change
    item.data.materials.append(skin)
    images = {"normal": bpy.data.images.new("normal", 8, 8)}
    addon.scene.bake.materials.add_maps(skin, images, "UVMap", False)
    shaders_of = addon.scene.bake.channels.shaders_of
    assert all(shader.inputs["Normal"].is_linked for _, shader in shaders_of(skin.node_tree))
    if other.node_tree is not None:
        assert not any(shader.inputs["Normal"].is_linked for _, shader in shaders_of(other.node_tree))
    if kind is without_nodes and bpy.app.version < (5, 0, 0):
        ((_, shader),) = shaders_of(skin.node_tree)
        assert shader.inputs["Base Color"].default_value[1] == pytest.approx(0.8)


def test_pictures_from_the_same_camera_show_what_came_back(addon, conversion, tmp_path: Path):
    item = sculpt()
    material = new_material("Clay")
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.8, 0.1, 0.1, 1.0)
    item.data.materials.append(material)
    figures = baked(addon, conversion, tmp_path, item, lightened(item), size=512, colors="ALWAYS")
    seen = [pixels_of(tmp_path / f"result-1-{name}.png") for name in ("before", "after", "difference")]
    assert {picture.shape for picture in seen} == {(512, 512, 4)}
    assert pixels_of(tmp_path / "result-1-pictures.png").shape == (512, 3 * 512, 4)
    before, after, _ = seen
    shown = before[..., 3] > 0.5
    assert 0.2 < shown.mean() < 0.8
    for picture in (before, after):  # the artist's material, and no map of one pass
        red, green, _, _ = picture[shown].mean(axis=0)
        assert red > 2 * green
    assert figures["picture_difference"] < 0.02
    assert np.abs(before - after)[shown].mean() == pytest.approx(figures["picture_difference"], abs=0.01)


def test_float_maps_are_openexr(addon, conversion, tmp_path: Path):
    item = sculpt()
    baked(addon, conversion, tmp_path, item, lightened(item), is_float=True)
    assert (tmp_path / "result-1-normal.exr").exists()


def test_a_mesh_that_looks_inwards_is_refused_with_a_sentence(addon, conversion, tmp_path: Path):
    item = sculpt()
    light = lightened(item)
    light.flip_normals()
    with pytest.raises(addon.scene.errors.BakeFailed, match="recalculate the normals"):
        baked(addon, conversion, tmp_path, item, light)


@pytest.mark.parametrize("how", [Matrix.Scale(0.3, 4), Matrix.Translation((5.0, 0.0, 0.0))])
def test_a_mesh_whose_transforms_were_applied_is_refused_with_a_sentence(
    addon, conversion, tmp_path: Path, how: Matrix
):
    item = sculpt()
    light = lightened(item)
    light.transform(how)
    with pytest.raises(addon.scene.errors.BakeFailed, match="undo Apply Transforms"):
        baked(addon, conversion, tmp_path, item, light)


def test_a_mesh_without_faces_is_refused_with_a_sentence(addon, conversion, tmp_path: Path):
    with pytest.raises(addon.scene.errors.BakeFailed, match="no faces"):
        baked(addon, conversion, tmp_path, sculpt(), bpy.data.meshes.new("Nothing"))


def test_a_map_that_is_too_small_for_so_many_triangles_is_refused(addon, conversion, tmp_path: Path):
    item = sculpt(uv=False)
    with pytest.raises(addon.scene.errors.BakeFailed, match="choose a larger one"):
        baked(addon, conversion, tmp_path, item, item.data.copy(), size=64)


def test_a_mesh_that_has_no_area_is_refused_with_a_sentence(addon, conversion, tmp_path: Path):
    item = sculpt(uv=False)
    light = lightened(item)
    light.transform(Matrix.Scale(0.0, 4))
    with pytest.raises(addon.scene.errors.BakeFailed, match=r"\.$"):
        baked(addon, conversion, tmp_path, item, light)


@pytest.mark.parametrize("what", ["free_memory", "free_disk"])
def test_what_there_is_no_room_for_is_refused_before_anything_is_baked(
    addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    run = importlib.import_module(f"{EXTENSION}.scene.bake.run")
    settings = addon.scene.bake.settings.BakeSettings(size=8192, is_float=True)
    monkeypatch.setattr(run, "free_memory", lambda: None)
    monkeypatch.setattr(run, "free_disk", lambda _: None)
    run.check_room(settings, 5_000_000, tmp_path)
    monkeypatch.setattr(run, what, lambda *_: 1_500_000_000)
    with pytest.raises(RuntimeError) as caught:
        run.check_room(settings, 5_000_000, tmp_path)
    told = str(caught.value.args[0])
    assert "8,192 pixels" in told
    assert "1.5 GB are free. Choose smaller maps" in told


@pytest.mark.skipif(not FULL.exists(), reason="no disk here is always full")
@pytest.mark.parametrize("name", ["normal.png", "normal.exr", "before.png", "json"])
def test_a_disk_that_is_full_meanwhile_is_told_and_the_bake_can_be_repeated(
    addon, conversion, tmp_path: Path, name: str
):
    item = sculpt()
    settings = {"is_float": name.endswith(".exr")}
    full = tmp_path / f"result-1{'.' if name == 'json' else '-'}{name}"
    full.symlink_to(FULL)
    with pytest.raises(addon.scene.errors.BakeFailed, match="cannot be written: free some disk space"):
        baked(addon, conversion, tmp_path, item, lightened(item), **settings)
    assert not (tmp_path / "result-1.blend").exists()
    full.unlink()
    assert baked(addon, conversion, tmp_path, item, lightened(item), **settings)["maps"] == ["normal"]


@pytest.mark.skipif(WINDOWS, reason="there is no such limit")
@pytest.mark.parametrize(("size", "gigabytes"), [(1024, 1.4), (4096, 2.2)])
def test_memory_that_runs_out_is_told(addon, tmp_path: Path, size: int, gigabytes: float):
    item = sculpt()
    command = addon.scene.background.here.converter_command()
    limited = ("sh", "-c", f'ulimit -v {gigabytes * 1e6:.0f}; exec "$@"', "sh", *command)
    conversion = importlib.import_module(f"{EXTENSION}.engine.conversion").Conversion(limited)
    try:
        with pytest.raises(addon.scene.errors.BakeFailed, match="close other programs"):
            baked(addon, conversion, tmp_path, item, lightened(item), size=size)
    finally:
        conversion.close()


def test_an_original_that_was_accepted_away_is_told(addon):
    item = optimized(addon, sculpt())
    addon.scene.versions.accept(item)
    with pytest.raises(addon.scene.bake.original.NoOriginal) as caught:
        addon.scene.bake.original.check(item)
    assert "neither accepted" in str(caught.value.fix)


def test_loose_parts_and_many_cornered_faces_are_baked_as_well(addon, conversion, tmp_path: Path):
    item, other = sculpt(), sculpt("Other")
    other.data.transform(Matrix.Translation((2.5, 0.0, 0.0)))
    with bpy.context.temp_override(active_object=item, selected_editable_objects=[item, other]):
        bpy.ops.object.join()
    light = lightened(item)
    work = bmesh.new()
    work.from_mesh(light)
    bmesh.ops.dissolve_limit(work, angle_limit=0.3, verts=work.verts[:], edges=work.edges[:500])
    work.to_mesh(light)
    work.free()
    assert max(len(face.vertices) for face in light.polygons) > 4
    figures = baked(addon, conversion, tmp_path, item, light, size=512)
    assert figures["misses"] < 0.02
    assert figures["with"]["mean"] < figures["without"]["mean"] / 2


def test_a_glb_gets_the_maps_of_what_it_has_lost(addon, conversion, tmp_path: Path):
    holder = bpy.data.objects.new("Holder", None)
    bpy.context.scene.collection.objects.link(holder)
    holder.scale, holder.location = (2.0, 2.0, 2.0), (1.0, 0.0, 3.0)
    item = sculpt(uv=False)
    item.parent = holder
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "heavy.glb"))
    item.data = lightened(item)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "light.glb"))
    made = tmp_path / "made.glb"
    conversion.bake_glb(tmp_path / "heavy.glb", tmp_path / "light.glb", 512, made, never)
    document, light = document_of(made), document_of(tmp_path / "light.glb")
    assert [node["name"] for node in document["nodes"]] == [node["name"] for node in light["nodes"]]
    (material,) = document["materials"]
    assert "normalTexture" in material
    assert "TANGENT" in document["meshes"][0]["primitives"][0]["attributes"]
    assert list(tmp_path.glob("*.json")) == []


# ---------------------------------------------------------------------- as a job


def bake_job(addon, item: bpy.types.Object, **options) -> Any:
    """Press the button, and wait until the maps are in the file; returns the job."""
    scenes.select(item)
    session = addon.session.current()
    engine = session.open_engine(bpy.context)
    known = {job.token for job in engine.jobs()}
    assert bpy.ops.generio.bake_detail(bake_size="512", **options) == {"FINISHED"}
    (token,) = {job.token for job in engine.jobs()} - known
    return engine.job(token)


def test_the_maps_come_into_copies_of_the_materials_and_revert_takes_them_back(addon, sandbox):
    item = sculpt()
    clay = new_material("Clay")
    item.data.materials.append(clay)
    there = {kind: {*getattr(bpy.data, kind)} for kind in ("materials", "images", "meshes", "objects")}
    optimized(addon, item)
    job = bake_job(addon, item)
    assert job.status.step == "placed"
    assert sandbox.stats()["flows"] == {}
    lines = [
        str(line) for line in addon.panels.versions_report.report_lines(addon.scene.versions.report_of(item))
    ]
    assert any(line.startswith("Baked normals of 512 pixels") for line in lines)
    assert any(line.startswith("Looks the same from") for line in lines)
    made = material_of(item)
    assert made.name == "Clay_baked"
    assert "ShaderNodeNormalMap" in node_kinds(made)
    assert "ShaderNodeNormalMap" not in node_kinds(clay)
    (image,) = {*bpy.data.images} - there["images"]
    assert image.packed_file is not None
    versions = addon.scene.versions
    figures = versions.report_of(item)["bake"]
    assert figures["with"]["mean"] < figures["without"]["mean"] / 4
    versions.toggle(item)
    assert material_of(item) == clay
    versions.toggle(item)
    assert material_of(item) == made
    versions.revert(item)
    assert material_of(item) == clay
    for kind, before in there.items():
        assert {*getattr(bpy.data, kind)} == before, kind


def test_the_pictures_of_a_bake_can_be_opened(addon):
    item = optimized(addon, sculpt())
    job = bake_job(addon, item)
    assert bpy.ops.generio.show_bake_pictures() == {"FINISHED"}
    image = next(image for image in bpy.data.images if image.name.endswith("pictures.png"))
    assert tuple(image.size) == (3 * 512, 512)
    addon.scene.bake.pictures.path_of(Path(job.placement.results[0].blend), "pictures").unlink()
    with pytest.raises(RuntimeError, match="not there any more"):
        bpy.ops.generio.show_bake_pictures()


def test_accept_keeps_the_maps(addon):
    item = sculpt()
    clay = new_material("Clay")
    item.data.materials.append(clay)
    optimized(addon, item)
    bake_job(addon, item)
    addon.scene.versions.accept(item)
    assert [material.name for material in bpy.data.materials] == ["Clay_baked"]
    assert "ShaderNodeNormalMap" in node_kinds(material_of(item))


def saved(tmp_path: Path) -> Path:
    """The open file is one on disk, with a picture beside it."""
    picture = bpy.data.images.new("Wood", 8, 8)
    picture.file_format, picture.filepath_raw = "PNG", str(tmp_path / "wood.png")
    picture.save()
    picture.source = "FILE"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "vase.blend"))
    return tmp_path / "textures" / "Vase_normal.png"


def test_maps_are_files_beside_the_blend_where_the_artists_pictures_are(addon, tmp_path: Path):
    item = optimized(addon, sculpt())
    expected = saved(tmp_path)
    job = bake_job(addon, item)
    (image,) = (image for image in bpy.data.images if image.name == "Vase_normal")
    assert image.packed_file is None
    assert image.filepath == "//textures/Vase_normal.png"
    assert Path(bpy.path.abspath(image.filepath)) == expected
    (made,) = Path(job.placement.results[0].blend).parent.glob("*-normal.png")
    assert expected.read_bytes() == made.read_bytes()
    expected.write_bytes(b"the user's own")
    bake_job(addon, item)
    assert expected.read_bytes() == b"the user's own"
    assert (expected.parent / "Vase_normal_2.png").is_file()


@pytest.mark.parametrize("why", ["autopack", "unsaved", "read-only"])
def test_else_maps_are_packed(addon, tmp_path: Path, why: str):
    item = optimized(addon, sculpt())
    if why != "unsaved":
        saved(tmp_path)
    bpy.data.use_autopack = why == "autopack"
    if why == "read-only":
        (tmp_path / "textures").write_bytes(b"no folder")
    bake_job(addon, item)
    bpy.data.use_autopack = False
    (image,) = (image for image in bpy.data.images if image.name == "Vase_normal")
    assert image.packed_file is not None


def test_to_bake_again_puts_the_new_maps_in_the_place_of_the_old_ones(addon):
    item = sculpt(uv=False)
    optimized(addon, item)
    bake_job(addon, item)
    first = material_of(item)
    images = len(bpy.data.images)
    bake_job(addon, item)
    assert len(bpy.data.images) == images
    assert len(item.data.uv_layers) == 1
    assert len([node for node in material_of(item).node_tree.nodes if node.type == "NORMAL_MAP"]) == 1
    with pytest.raises(ReferenceError):
        _ = first.name


def test_a_material_of_the_object_follows_its_versions(addon):
    item = sculpt()
    item.data.materials.append(None)
    glaze = new_material("Glaze")
    item.material_slots[0].link = "OBJECT"
    item.material_slots[0].material = glaze
    optimized(addon, item)
    bake_job(addon, item)
    made = material_of(item)
    assert made.name == "Glaze_baked"
    versions = addon.scene.versions
    versions.toggle(item)
    assert material_of(item) == glaze
    versions.toggle(item)
    assert material_of(item) == made
    versions.revert(item)
    assert material_of(item) == glaze
    assert "Glaze_baked" not in bpy.data.materials


def test_a_mesh_that_has_changed_meanwhile_is_left_as_it_is(addon):
    item = optimized(addon, sculpt())
    scenes.select(item)
    session = addon.session.current()
    jobs = addon.session.requests.bake(
        session, bpy.context, choice(addon), [item], SimpleNamespace(tell=print, by_hand=True)
    )
    item.data.transform(Matrix.Scale(2.0, 4))
    (job,) = addon.session.requests.submit(session, bpy.context, jobs)
    engine = session.open_engine(bpy.context)
    until(lambda: session.tick(bpy.context) and engine.job(job.token).placement.needs_manual_import)
    job = engine.job(job.token)
    assert job.status.step == "ready"
    assert "was changed while it was being baked" in str(job.status.problem.message)


def test_maps_of_an_original_that_was_accepted_away_meanwhile_come_all_the_same(addon):
    item = sculpt()
    clay = new_material("Clay")
    item.data.materials.append(clay)
    optimized(addon, item)
    scenes.select(item)
    session = addon.session.current()
    jobs = addon.session.requests.bake(
        session, bpy.context, choice(addon), [item], SimpleNamespace(tell=print, by_hand=True)
    )
    addon.scene.versions.accept(item)
    addon.session.requests.submit(session, bpy.context, jobs)
    finished(addon, 1)
    assert "ShaderNodeNormalMap" in node_kinds(material_of(item))
    assert [material.name for material in bpy.data.materials] == ["Clay_baked"]


def choice(addon) -> Any:
    return addon.session.requests.Choice({"bake_size": "512"}, bpy.context.window_manager.generio)


def test_without_an_original_there_is_a_sentence(addon):
    item = scenes.ball("Alone", 16, 8)
    with pytest.raises(addon.scene.bake.original.NoOriginal, match="Alone"):
        addon.session.requests.bake(
            addon.session.current(), bpy.context, choice(addon), [item], SimpleNamespace(tell=print)
        )


def test_tiles_are_refused_with_a_sentence(addon):
    item = sculpt()
    material = new_material("Tiles")
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.new("Skin", 8, 8, tiled=True)
    item.data.materials.append(material)
    optimized(addon, item)
    with pytest.raises(addon.scene.bake.original.CannotBake, match="UDIM"):
        addon.session.requests.bake(
            addon.session.current(), bpy.context, choice(addon), [item], SimpleNamespace(tell=print)
        )


def tiled(name: str) -> bpy.types.Object:
    """A sculpt with a texture in tiles."""
    item = sculpt(name)
    material = new_material(name)
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.new(name, 8, 8, tiled=True)
    item.data.materials.append(material)
    return item


def test_tiles_are_refused_before_optimizing_is_paid_for(addon, sandbox):
    scenes.select(tiled("Skin"))
    with pytest.raises(RuntimeError, match="UDIM"):
        bpy.ops.generio.optimize_selected(percent=10.0, bake=True)
    assert sandbox.stats()["flows"] == {}


def test_of_many_those_with_tiles_are_told_and_not_baked(addon):
    told: list[str] = []
    requester = addon.session.requests.Requester(lambda _level, message: told.append(str(message)))
    wish = {"percent": 10.0, "bake": True, "bake_size": "512"}
    choice = addon.session.requests.Choice(wish, bpy.context.window_manager.generio)
    items = [tiled("Skin"), sculpt()]
    jobs = addon.session.requests.optimize(addon.session.current(), bpy.context, choice, items, requester)
    assert [bool(job.request.destination.then_bake) for job in jobs] == [False, True]
    assert any('"Skin" will not be baked' in line for line in told)


def test_a_result_can_be_exported_with_its_map(addon, tmp_path: Path):
    item = optimized(addon, sculpt())
    bake_job(addon, item, bake_orm=True)
    scenes.select(item)
    path = tmp_path / "vase.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True)
    (material,) = document_of(path)["materials"]
    assert "normalTexture" in material
    assert "occlusionTexture" in material
    assert "metallicRoughnessTexture" in material["pbrMetallicRoughness"]


READERS = Path(__file__).parents[2] / "build/readers"


@pytest.mark.skipif(
    not (READERS.exists() and shutil.which("node")), reason="there is no Node here, see scripts/read_gltf.mjs"
)
@pytest.mark.parametrize("uv", [True, False])
def test_khronos_finds_an_exported_result_valid(addon, tmp_path: Path, uv: bool):
    item = optimized(addon, sculpt(uv=uv))
    bake_job(addon, item, bake_orm=True)
    scenes.select(item)
    path = tmp_path / "vase.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True, export_tangents=True)
    script = READERS.parents[1] / "scripts/read_gltf.mjs"
    command = ["node", str(script), str(path)]
    done = subprocess.run(command, cwd=READERS, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 errors, 0 warnings" in done.stdout
    assert "normalTexture" in document_of(path)["materials"][0]


# ---------------------------------------------------------------------- after optimizing, and by scripts


def test_what_is_to_be_baked_after_optimizing_is(addon):
    item = sculpt()
    scenes.select(item)
    bpy.ops.generio.optimize_selected(percent=10.0, bake=True, bake_size="512")
    jobs = finished(addon, 2)
    assert [job.request.template for job in jobs] == ["model_optimize", "bake"]
    assert "ShaderNodeNormalMap" in node_kinds(material_of(item))


def test_copies_and_levels_are_baked_from_what_they_were_made_of(addon):
    item = sculpt()
    scenes.select(item)
    bpy.context.window_manager.generio.bake = True
    bpy.context.window_manager.generio.bake_size = "512"
    bpy.ops.generio.optimize_selected(percent=10.0, placement="BESIDE")
    finished(addon, 2)
    copy = bpy.data.objects["Vase_optimized"]
    assert "ShaderNodeNormalMap" in node_kinds(material_of(copy))
    assert not item.material_slots or "ShaderNodeNormalMap" not in node_kinds(material_of(item))
    scenes.select(item)
    bpy.ops.generio.make_lods(levels=1, ratio=10.0)
    finished(addon, 4)
    assert "ShaderNodeNormalMap" in node_kinds(material_of(bpy.data.objects["Vase_LOD1"]))


def test_scripts_bake_many_at_once(addon):
    items = [optimized(addon, sculpt(name)) for name in ("One", "Other")]
    flows = importlib.import_module(f"{EXTENSION}.flows")
    models = flows.bake(items, bake_size="512", bake_normals="directx")
    assert len(models) == 2
    flows.wait(*models)
    assert [model.objects for model in models] == [[item] for item in items]
    assert [model.files for model in models] == [[], []]
    with pytest.raises(flows.Refused, match="original"):
        flows.bake(scenes.ball("Alone", 16, 8))


def test_a_bake_needs_no_key_and_no_network(addon):
    item = optimized(addon, sculpt())
    bpy.context.preferences.addons[EXTENSION].preferences.api_key = ""
    job = bake_job(addon, item)
    assert job.status.step == "placed"


def test_a_bake_goes_on_after_a_crash(tmp_path: Path, sandbox):
    home, file = tmp_path / "home", tmp_path / "vase.blend"
    with Blender(home, sandbox.url, sandbox.key) as first:
        first.do(BEGIN.format(file=str(file)))
        first.kill()
    with Blender(home, sandbox.url, sandbox.key) as second:
        found = second.do(
            f"bpy.ops.wm.open_mainfile(filepath={str(file)!r})\n"
            "engine = session.open_engine(bpy.context)\n"
            "tick_until(lambda: [job.status.step for job in engine.jobs()] == ['placed'])\n"
            "material = bpy.data.objects['Vase'].material_slots[0].material\n"
            "result = [node.type for node in material.node_tree.nodes]"
        )
    assert "NORMAL_MAP" in found
    assert sandbox.stats()["flows"] == {}


BEGIN = """
from types import SimpleNamespace
from tests.blender import sculpts
item = sculpts.optimized(addon, sculpts.sculpt())
bpy.ops.wm.save_as_mainfile(filepath={file!r})
choice = addon.session.requests.Choice({{"bake_size": "512"}}, bpy.context.window_manager.generio)
jobs = addon.session.requests.bake(session, bpy.context, choice, [item], SimpleNamespace(tell=print))
(job,) = addon.session.requests.submit(session, bpy.context, jobs)
tick_until(lambda: session.engine.job(job.token).state == "running")
result = None
"""
