"""The main job from end to end without a window: prompt, picture and heavy mesh become models in one scene.

Builds the extension's zip, installs it into an empty Blender (the bpy module), and uses nothing but the
add-on's own operators. Against the sandbox, or with `--service cloud` and GENERIO_API_KEY the real service.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "demo"
DEMO_KEY = "demo-key"

os.environ["BLENDER_USER_RESOURCES"] = str(BUILD / "home")  # before bpy looks for the user's own settings
sys.path.insert(0, str(ROOT))

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from scripts.package import build  # noqa: E402

started = time.monotonic()


def say(text: str) -> None:
    """One line of the story, with the seconds since the start."""
    print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)


@contextmanager
def sandbox(profile: str) -> Iterator[str]:
    """The service double in a process of its own; yields its address."""
    command = [sys.executable, "-m", "tests.sandbox", "--port", "0", "--key", DEMO_KEY]
    process = subprocess.Popen(
        [*command, "--profile", profile, "--speed", "0.25"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit("The sandbox did not start.")
        yield line.removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Blender itself prints away from the story."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def install(package: Path, url: str, key: str) -> None:
    """Install and enable the zip as a user would, allow the network, and set the address and the key."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.system.use_online_access = url.startswith("https:")
    bpy.ops.extensions.package_install_files(
        filepath=str(package), repo="user_default", enable_on_install=True
    )
    preferences = bpy.context.preferences.addons["bl_ext.user_default.generio_flows"].preferences
    preferences.service_url = url
    preferences.api_key = key


def drawn_picture() -> Path:
    """A picture to make a model from, when the user gives none: a round badge with a star."""
    size = 512
    picture = Image.new("RGB", (size, size), (236, 233, 224))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 40, size - 40, size - 40), fill=(32, 84, 120))
    draw.ellipse((70, 70, size - 70, size - 70), fill=(52, 128, 164))
    points = [
        (
            size / 2 + radius * math.sin(math.pi * corner / 5),
            size / 2 - radius * math.cos(math.pi * corner / 5),
        )
        for corner, radius in enumerate([170, 70] * 5)
    ]
    draw.polygon(points, fill=(250, 203, 86))
    path = BUILD / "badge.png"
    picture.save(path)
    return path


def heavy_mesh() -> bpy.types.Object:
    """A bumpy ball of more than 100,000 triangles with a texture and UVs, turned, scaled and off-centre."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=400, ring_count=150, location=(2.4, 0.0, 0.9))
    ball = bpy.context.object
    ball.name = "Heavy Ball"
    ball.rotation_euler = (0.2, 0.1, 0.6)
    ball.scale = (0.8, 0.8, 0.9)
    mesh = ball.data
    points = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    bumps = 1 + 0.06 * np.sin(8 * points[:, :1]) * np.sin(8 * points[:, 1:2]) * np.sin(8 * points[:, 2:])
    mesh.vertices.foreach_set("co", (points * bumps).ravel())
    mesh.shade_smooth()
    image = bpy.data.images.new("Checks", 256, 256)
    rows, columns = np.mgrid[0:256, 0:256] // 16
    pixels = np.ones((256, 256, 4), dtype=np.float32)
    pixels[..., :3] = np.where(((rows + columns) % 2)[..., None], (0.85, 0.3, 0.2), (0.95, 0.9, 0.8))
    image.pixels.foreach_set(pixels.ravel())
    image.pack()
    material = bpy.data.materials.new("Checks")
    if material.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        material.use_nodes = True
    nodes = material.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    mesh.materials.append(material)
    return ball


def imported(model: Path) -> list[bpy.types.Object]:
    """The user's own model to optimize."""
    bpy.ops.import_scene.gltf(filepath=str(model))
    return [item for item in bpy.context.selected_objects if item.type == "MESH"]


def triangles(objects: list[bpy.types.Object]) -> int:
    """Triangles of all meshes, shared ones once."""
    return sum(len(mesh.loops) - 2 * len(mesh.polygons) for mesh in {item.data for item in objects})


def bounds() -> tuple[Vector, Vector]:
    """Lowest and highest corner of all meshes, world space."""
    bpy.context.view_layer.update()
    corners = [
        item.matrix_world @ Vector(corner)
        for item in bpy.context.scene.objects
        if item.type == "MESH"
        for corner in item.bound_box
    ]
    axes = range(3)
    low = Vector([min(corner[axis] for corner in corners) for axis in axes])
    return low, Vector([max(corner[axis] for corner in corners) for axis in axes])


def light_and_camera() -> None:
    """Three-quarter view of everything, with a floor."""
    scene = bpy.context.scene
    low, high = bounds()
    size = (high - low).length
    bpy.ops.mesh.primitive_plane_add(size=size * 20, location=(*((low + high) / 2).xy, low.z - 0.001))
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.2, 0.4))
    bpy.context.object.data.energy = 3.5
    scene.world = bpy.data.worlds.new("Demo")
    if scene.world.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.75, 0.82, 0.9, 1.0)
    direction = Vector((0.25, -1.0, 0.45)).normalized()
    bpy.ops.object.camera_add(location=(low + high) / 2 + direction * size * 1.4)
    camera = bpy.context.object
    camera.rotation_euler = (-direction).to_track_quat("-Z", "Y").to_euler()
    scene.camera = camera


def render(path: Path) -> None:
    """A picture of the scene, on the CPU."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 16
    scene.render.resolution_x, scene.render.resolution_y = 960, 480
    scene.render.filepath = str(path)
    with quiet():
        bpy.ops.render.render(write_still=True)


def run(options: argparse.Namespace, url: str, key: str) -> None:
    """The demonstration itself. Raises RuntimeError with the add-on's own words where a job fails."""
    package = build(BUILD / "package")
    say(f"Built {package.name}")
    install(package, url, key)
    say(f"Installed and enabled it in Blender {bpy.app.version_string}, service {url}")
    generio = bpy.ops.generio

    heavy = imported(Path(options.model)) if options.model else [heavy_mesh()]
    left = bounds()[0].x
    say(f'Prompt: "{options.prompt}"')
    bpy.context.scene.cursor.location = (left - 1.2, 0.0, 0.0)
    generio.generate_from_prompt(prompt=options.prompt, quality="LOW", seed=7)
    picture = Path(options.image).resolve() if options.image else drawn_picture()
    say(f"Image: {picture.name}")
    bpy.context.scene.cursor.location = (left - 3.4, 0.0, 0.0)
    generio.generate_from_image(filepath=str(picture), quality="LOW", seed=7)

    for item in bpy.context.scene.objects:
        item.select_set(item in heavy)
    before = triangles(heavy)
    places = {item.name: item.matrix_world.copy() for item in heavy}
    target = min(10_000, before // 2)
    say(f"Optimize: {before:,} triangles to {target:,}")
    generio.optimize_selected(polygon_count=target)
    moved = [name for name, matrix in places.items() if bpy.data.objects[name].matrix_world != matrix]
    say(f"Now {triangles(heavy):,} triangles; objects moved: {len(moved)}")

    for number, glb in enumerate(
        sorted((BUILD / "home").rglob("result-*.glb"), key=lambda path: path.stat().st_mtime)
    ):
        shutil.copy(glb, BUILD / f"model-{number + 1}.glb")
    light_and_camera()
    bpy.ops.wm.save_as_mainfile(filepath=str(BUILD / "scene.blend"))
    say("Rendering a picture")
    render(BUILD / "preview.png")
    for path in sorted(BUILD.glob("*.*")):
        say(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")


def main() -> None:
    """Run the demonstration that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    given = os.environ.get
    parser.add_argument("--prompt", default=given("PROMPT") or "A modern office chair")
    parser.add_argument("--image", default=given("IMAGE") or "", help="a picture to make a model from")
    parser.add_argument("--model", default=given("MODEL") or "", help="a GLB to optimize")
    services, profiles = ("sandbox", "cloud"), ("reference", "quickstart")
    parser.add_argument("--service", choices=services, default=given("SERVICE") or "sandbox")
    parser.add_argument("--profile", choices=profiles, default=given("PROFILE") or "reference")
    options = parser.parse_args()
    for file in (options.image, options.model):
        if file and not Path(file).is_file():
            raise SystemExit(f"There is no file {file}. Name one that exists, seen from {Path.cwd()}.")
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    if options.service == "cloud":
        if not os.environ.get("GENERIO_API_KEY"):
            raise SystemExit("Set GENERIO_API_KEY to run against the real service.")
        run(options, "https://flows.generio.ai", "")
    else:
        os.environ.pop("GENERIO_API_KEY", None)
        with sandbox(options.profile) as url:
            run(options, url, DEMO_KEY)


if __name__ == "__main__":
    main()
