"""Textures that are too large to come back are sent as smaller copies, and the originals stay."""

import json
from io import BytesIO
from pathlib import Path

import bpy
import pytest
from PIL import Image

from tests.blender import scenes

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def pictures(glb: Path) -> dict[str, tuple[int, int]]:
    """The sizes of the pictures in a GLB, by their names."""
    content = glb.read_bytes()
    length = int.from_bytes(content[12:16], "little")
    document = json.loads(content[20 : 20 + length])
    found = {}
    for image in document.get("images", ()):
        view = document["bufferViews"][image["bufferView"]]
        start = 28 + length + view.get("byteOffset", 0)
        found[image["name"]] = Image.open(BytesIO(content[start : start + view["byteLength"]])).size
    return found


def painted(folder: Path) -> bpy.types.Object:
    """A ball with a packed square, and, in a node group, a wide JPEG in a file."""
    item = scenes.ball("Ball", 16, 8)
    item.data.materials.append(scenes.textured("Square"))  # 64 x 64
    Image.new("RGB", (128, 32), (200, 30, 30)).save(folder / "wide.jpg")
    group = bpy.data.node_groups.new("Inside", "ShaderNodeTree")
    group.interface.new_socket("Color", in_out="OUTPUT", socket_type="NodeSocketColor")
    texture, out = group.nodes.new("ShaderNodeTexImage"), group.nodes.new("NodeGroupOutput")
    texture.image = bpy.data.images.load(str(folder / "wide.jpg"))
    group.links.new(texture.outputs[0], out.inputs[0])
    tree = item.data.materials[0].node_tree
    node = tree.nodes.new("ShaderNodeGroup")
    node.node_tree = group
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    tree.links.new(node.outputs[0], shader.inputs["Emission Color"])
    shader.inputs["Emission Strength"].default_value = 1.0
    return item


@pytest.mark.parametrize(
    ("side", "texels", "square", "wide"),
    [
        (0, 64 * 64 + 128 * 32, (64, 64), (128, 32)),
        (32, 1 << 29, (32, 32), (32, 8)),
        (64, 1 << 29, (64, 64), (64, 16)),
    ],
)
def test_textures_are_made_as_small_as_is_wanted(
    addon, tmp_path: Path, side: int, texels: int, square: tuple[int, int], wide: tuple[int, int]
):
    scene = addon.scene
    item = painted(tmp_path)
    snapshot = tmp_path / scene.export.snapshot.snapshot_name()
    limit = scene.export.texture_limit.TextureLimit(side, texels)
    scene.export.snapshot.write_snapshot(item, snapshot, textures=limit)
    scene.background.make_glb.make_glb(str(snapshot), str(tmp_path / "input.glb"))
    assert pictures(tmp_path / "input.glb") == {"Square": square, "wide": wide}
    assert [tuple(image.size) for image in scenes.base_colour_images(item)] == [(64, 64)]


def test_where_nothing_is_said_all_together_have_to_come_back(addon, monkeypatch: pytest.MonkeyPatch):
    textures = addon.scene.export.texture_limit
    sizes = {"a": (64, 64), "b": (128, 32), "c": (16, 16)}
    for texels, side in ((9000, 128), (64 * 64 + 64 * 16 + 256, 64), (2000, 32)):
        limit = textures.TextureLimit(0, texels)
        monkeypatch.setattr(textures, "SIDES", (64, 32, 16))
        assert textures.side_of(limit, sizes) == side


def test_the_panel_limits_what_is_sent_and_the_file_keeps_its_textures(addon):
    item = scenes.ball()
    item.data.materials.append(scenes.textured("Paint"))
    (image,) = scenes.base_colour_images(item)
    image.scale(512, 512)
    image.pack()
    bpy.context.window_manager.generio.texture_limit = "256"
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=1000) == {"FINISHED"}
    (job,) = addon.session.current().open_engine(bpy.context).jobs()
    assert pictures(addon.session.preferences.job_folder(bpy.context, job.token) / "input.glb") == {
        "Paint": (256, 256)
    }
    assert [tuple(image.size) for image in scenes.base_colour_images(item)] == [(512, 512)]


@pytest.mark.parametrize(("limit", "is_told"), [("AS_NEEDED", True), ("256", False)])
def test_that_smaller_copies_are_sent_is_told(
    addon, tmp_path: Path, capfd, monkeypatch: pytest.MonkeyPatch, limit: str, is_told: bool
):
    """What is chosen in the panel is known."""
    item = painted(tmp_path)
    sending = addon.session.requests.mesh_request
    for texels, is_needed in ((64 * 64 + 128 * 32, False), (4000, True)):
        monkeypatch.setattr(sending, "MOST_TEXELS", texels)
        monkeypatch.setattr(addon.scene.export.texture_limit, "SIDES", (64, 32))
        scenes.select(item)
        bpy.ops.generio.optimize_selected(polygon_count=100, texture_limit=limit)
        told = 'The textures of "Ball" are sent with at most 32 pixels per side' in capfd.readouterr().out
        assert told == (is_told and is_needed)
