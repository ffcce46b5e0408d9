"""The main job from end to end without a window: a heavy mesh becomes light, a prompt and a picture models.

Builds the extension's zip, installs it into an empty Blender (the bpy module), and uses nothing but the
add-on's own Python API. Against the sandbox, or with `--service cloud` and GENERIO_API_KEY the real service.
The sandbox makes no AI models; it is asked for what it can turn on its lathe. That it reduces is real.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import re
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
from mathutils import Matrix, Vector  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from scripts.owl import add_owl  # noqa: E402
from scripts.package import build  # noqa: E402
from scripts.studio import camera, caption, render, studio  # noqa: E402

ADDON = "bl_ext.user_default.generio_flows"
LEVELS = (2.5, 0.625, 0.15)
"""Of the owl, in percent of its triangles; other models get halves."""

PLACES = {"before": (-0.47, 0.0), "after": (0.47, 0.0), "prompt": (-1.40, 0.40), "image": (-2.3, 0.9)}
LEVEL_PLACES = ((1.36, 0.40), (2.22, 1.0), (3.08, 1.8))
"""Where models stand, seen from above; farther levels are farther away."""

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
    preferences = bpy.context.preferences.addons[ADDON].preferences
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


def subject(model: str) -> list[bpy.types.Object]:
    """What is to become lighter: the meshes of the user's own model, made one meter high, or an owl."""
    if not model:
        return [add_owl()]
    with quiet():
        bpy.ops.import_scene.gltf(filepath=str(model))
    chosen = [item for item in bpy.context.selected_objects if item.type == "MESH"]
    low, high = bounds(chosen)
    fit = Matrix.Scale(1.0 / max(high - low), 4) @ Matrix.Translation(
        (-(low + high).x / 2, -(low + high).y / 2, -low.z)
    )
    for item in bpy.context.selected_objects:
        if item.parent is None:
            item.matrix_world = fit @ item.matrix_world
    return chosen


def triangles(objects: list[bpy.types.Object]) -> int:
    """Triangles of all meshes, shared ones once."""
    return sum(len(mesh.loops) - 2 * len(mesh.polygons) for mesh in {item.data for item in objects})


def bounds(objects: list[bpy.types.Object]) -> tuple[Vector, Vector]:
    """Lowest and highest corner of the objects, world space."""
    bpy.context.view_layer.update()
    corners = np.array([item.matrix_world @ Vector(corner) for item in objects for corner in item.bound_box])
    return Vector(corners.min(axis=0)), Vector(corners.max(axis=0))


def move(objects: list[bpy.types.Object], x: float, y: float) -> None:
    """Shift objects, wherever they hang, over the ground."""
    for item in objects:
        item.matrix_world = Matrix.Translation((x, y, 0.0)) @ item.matrix_world


def collect(name: str, objects: list[bpy.types.Object]) -> None:
    """Have objects in a collection of this name, and in no other."""
    collection = bpy.data.collections.get(name) or bpy.data.collections.new(name)
    if collection.name not in bpy.context.scene.collection.children:
        bpy.context.scene.collection.children.link(collection)
    for item in objects:
        for former in item.users_collection:
            former.objects.unlink(item)
        collection.objects.link(item)


def copies(objects: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """The objects once more, with meshes of their own."""
    made: list[bpy.types.Object] = []
    for item in objects:
        twin = item.copy()
        twin.data = item.data.copy()
        twin.name = twin.data.name = f"{item.name} Optimized"
        bpy.context.scene.collection.objects.link(twin)
        twin.parent, twin.matrix_world = None, item.matrix_world.copy()
        made.append(twin)
    return made


def run(options: argparse.Namespace, url: str, key: str) -> None:
    """The demonstration itself. Raises flows.Error with the add-on's own words where a job fails."""
    package = build(BUILD / "package")
    say(f"Built {package.name}")
    install(package, url, key)
    flows = importlib.import_module(f"{ADDON}.flows")
    say(f"Installed and enabled it in Blender {bpy.app.version_string}, service {url}")
    scene = bpy.context.scene

    before = subject(options.model)
    after, many = copies(before), triangles(before)
    target = min(20_000, many // 2)
    say(f"Optimize: {many:,} triangles to {target:,}")
    lighter = flows.optimize(after, budget=target)
    say(f'Prompt: "{options.prompt}"')
    scene.cursor.location = (*PLACES["prompt"], 0.0)
    vase = flows.generate(options.prompt, quality="low", seed=24)
    picture = Path(options.image).resolve() if options.image else drawn_picture()
    say(f"Image: {picture.name}")
    scene.cursor.location = (*PLACES["image"], 0.0)
    badge = flows.generate(image=picture, quality="low", seed=7)

    flows.wait(*lighter)
    say(f"Optimized: {triangles(after):,} triangles; now detail is baked, and levels of detail are made")
    reduced = [
        item for model in lighter for item in model.objects
    ]  # of the user's, some may be light already
    baked = flows.bake(reduced, bake_size="2048") if reduced else []
    levels = flows.lods(before, percents=None if options.model else LEVELS, show="beside")
    flows.wait(*baked)
    say("Baked: a normal map has the detail of the mesh before")
    flows.wait(vase, badge, *levels)
    counts = [triangles([item]) for item in scene.objects if re.search(r"_LOD[1-9]$", item.name)]
    say(f"Levels of detail: {', '.join(f'{count:,}' for count in sorted(counts, reverse=True))} triangles")

    for number, glb in enumerate(path for model in (vase, badge, *lighter, *levels) for path in model.files):
        shutil.copy(glb, BUILD / f"model-{number + 1}.glb")
    arrange(before, after, {"prompt": vase.objects, "image": badge.objects}, options.prompt)
    bpy.ops.wm.save_as_mainfile(filepath=str(BUILD / "scene.blend"), compress=True)
    say("Rendering a picture")
    with quiet():
        render(scene, BUILD / "preview.png", (1280, 560), 6)
    for path in sorted(BUILD.glob("*.*")):
        say(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")


def arrange(
    before: list[bpy.types.Object],
    after: list[bpy.types.Object],
    made: dict[str, list[bpy.types.Object]],
    prompt: str,
) -> None:
    """Before and after side by side, levels in a row behind them, what was asked for on the other side."""
    scene = bpy.context.scene
    set_up = studio(scene)
    for objects, name, text in (
        (before, "before", f"Before\n{triangles(before):,} triangles"),
        (after, "after", f"After, detail baked\n{triangles(after):,} triangles"),
    ):
        move(objects, *PLACES[name])
        caption(set_up, text, (PLACES[name][0], PLACES[name][1] - 0.88))
        collect("Before and After", objects)
    for level, place in enumerate(LEVEL_PLACES, 1):
        members = [item for item in scene.objects if item.name.endswith(f"_LOD{level}")]
        if members:
            low, high = bounds(members)
            move(members, place[0] - (low + high).x / 2, place[1] - (low + high).y / 2)
            caption(set_up, f"LOD{level}\n{triangles(members):,}", (place[0], place[1] - 0.92), 0.09)
    for name, text in (("prompt", f"\u201c{prompt}\u201d"), ("image", "From a picture")):
        caption(set_up, text, (PLACES[name][0], PLACES[name][1] - 0.86), 0.09)
        collect("Generated", [item for item in made[name] if item.parent is None or item.type == "MESH"])
    camera(scene, Vector((0.15, 0.0, 0.48)), 9.0)


def main() -> None:
    """Run the demonstration that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    given = os.environ.get
    parser.add_argument("--prompt", default=given("PROMPT") or "A turned red vase")
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
    sys.stdout.flush()
    os._exit(0)  # as a module Blender may wait for ever when it is torn down
