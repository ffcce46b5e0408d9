# SPDX-License-Identifier: GPL-3.0-or-later
"""How a background Blender draws pictures of models: from the front right and above, in even light."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

DIRECTION = Vector((0.45, -1.0, 0.4)).normalized()
"""Where the camera stands, seen from the middle of the model."""


def set_up(scene: Any, low: Vector, high: Vector, pixels: int, samples: int) -> None:
    """Let `scene` be rendered as a square picture of `pixels` a side, with a clear background.

    low, high: corners of what is drawn, world space. It needs no graphics card, and no screen.
    """
    middle, radius = (low + high) / 2, max((high - low).length / 2, 1e-6)
    lens = bpy.data.cameras.new("Camera")
    lens.type = "ORTHO"
    lens.ortho_scale = 1.8 * radius  # a sphere around a box has air at its rim
    lens.clip_start, lens.clip_end = radius * 0.01, radius * 20
    camera = bpy.data.objects.new("Camera", lens)
    camera.location = middle + DIRECTION * radius * 4
    camera.rotation_euler = (-DIRECTION).to_track_quat("-Z", "Y").to_euler()
    light: Any = bpy.data.lights.new("Sun", "SUN")
    light.energy = 2.5
    sun = bpy.data.objects.new("Sun", light)
    sun.rotation_euler = (0.7, 0.3, 0.5)
    for item in (camera, sun):
        scene.collection.objects.link(item)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("Neutral")
    scene.world.color = (0.5, 0.5, 0.5)
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = False  # not every build has a denoiser
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x = scene.render.resolution_y = pixels
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.use_file_extension = False


def draw(scene: Any, path: Path | str) -> None:
    """Write the picture as a PNG."""
    scene.render.filepath = str(path)
    with bpy.context.temp_override(scene=scene):
        bpy.ops.render.render(write_still=True)
