# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders what docs/images shows of the scene that the last `make demo` left: part of `make pictures`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCENE = ROOT / "build/demo/scene.blend"
OUT = ROOT / "build/pictures"

os.environ.setdefault("BLENDER_USER_RESOURCES", str(OUT / "home"))  # no settings of the user's own
sys.path.insert(0, str(ROOT))

import bpy  # noqa: E402
from mathutils import Vector  # noqa: E402

from scripts.studio import camera, render  # noqa: E402

SHOTS = {
    "demo": (Vector((0.15, 0.0, 0.48)), 9.0, 58.0, (1280, 560), 9.0),
    "before-after": (Vector((0.0, 0.0, 0.41)), 4.9, 70.0, (1000, 640), 0.9),
    "levels": (Vector((2.2, 0.6, 0.44)), 7.3, 70.0, (1000, 500), 1.3),
}
"""What the camera looks at, from how far, through which lens; the size; how far aside models are shown."""

ALONE = {"empty": "", "model": "Generated", "before": "Owl", "after": "Owl Optimized"}
"""Of the moving picture: the object, or the collection whose first it is, that stands alone in the middle."""


def show_only(scene: bpy.types.Scene, middle: float, reach: float) -> None:
    """Hide models and captions that stand farther aside."""
    for item in scene.objects:
        if item.type in ("MESH", "FONT") and item.name != "Backdrop":
            item.hide_render = abs(item.matrix_world.translation.x - middle) > reach or item.hide_get()


def show_alone(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
    """Have only this object in the picture, in the middle."""
    group = bpy.data.collections.get(name)
    alone = group.objects[0] if group else bpy.data.objects.get(name)
    for item in scene.objects:
        if item.type in ("MESH", "FONT") and item.name != "Backdrop":
            item.hide_render = item != alone
    if alone is not None:
        alone.location.xy = (0.0, 0.0)
    return alone


def moving(scene: bpy.types.Scene) -> None:
    """Render what the moving picture is made of, with the figures that belong to it."""
    camera(scene, Vector((0.0, 0.0, 0.5)), 4.6)
    figures: dict[str, object] = {}
    for name, shown in ALONE.items():
        item = show_alone(scene, shown)
        render(scene, OUT / f"moving/{name}.png", (800, 450), 12)
        if item is not None:
            count = len(item.data.loops) - 2 * len(item.data.polygons)
            figures[name] = {"name": item.name, "triangles": count}
    (OUT / "moving/figures.json").write_text(json.dumps(figures), "utf-8")


def main() -> None:
    """Render all of them, as PNG files in build/pictures."""
    if not SCENE.is_file():
        raise SystemExit("There is no scene yet; run make demo.")
    bpy.ops.wm.open_mainfile(filepath=str(SCENE))
    scene = bpy.context.scene
    for name, (aim, distance, lens, size, reach) in SHOTS.items():
        show_only(scene, aim.x, reach)
        camera(scene, aim, distance, lens=lens)
        render(scene, OUT / f"{name}.png", size, 16)
    moving(scene)


if __name__ == "__main__":
    main()
