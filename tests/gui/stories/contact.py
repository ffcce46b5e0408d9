# SPDX-License-Identifier: GPL-3.0-or-later
"""What README and manual show: words become a model, an owl becomes light, a scene has a budget."""

import bpy

from scripts.owl import add_owl
from tests.gui import jobs, scene
from tests.gui.driver import Driver, Steps

PROMPT = "A turned red vase"
TARGET = 20_000
BUDGET = 100_000


def look_at(height: float, distance: float) -> None:
    """Look from in front, a little from above, at a point above the origin."""
    for view in scene.views():
        view.region_3d.view_perspective = "PERSP"
        view.region_3d.view_location = (0.25, 0.0, height)
        view.region_3d.view_rotation = (0.79, 0.61, 0.06, 0.08)
        view.region_3d.view_distance = distance
        view.lens = 70.0


def select(item: bpy.types.Object) -> None:
    for other in bpy.context.view_layer.objects:
        other.select_set(other == item)
    bpy.context.view_layer.objects.active = item


def a_model_from_words(blender: Driver) -> Steps[None]:
    scene.clear_view()
    look_at(0.5, 4.2)
    panel = bpy.context.window_manager.generio
    panel.random_seed, panel.seed, panel.quality = False, 24, "LOW"
    scene.show_textures()
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("contact-empty", until="Optimize")
    yield from blender.type_into("Prompt", PROMPT)
    yield from blender.picture("contact-prompt", until="Optimize")
    yield from blender.click("Generate Model")
    yield from jobs.until(blender, "Running")
    yield from blender.picture("contact-running", until="My Flows")
    yield from blender.wait_for(lambda: scene.models("vase"), "the vase")
    yield from jobs.until(blender, "Done")
    yield from blender.wait_for(lambda: jobs.newest().thumbnail, "a picture of the vase in the job list")
    yield from blender.wait_for(lambda: scene.all_packed("vase"), "its pictures being part of the file")
    yield 2.0  # Blender reads the pictures of icons when they are first drawn, beside its other work
    yield from blender.picture("contact-vase", until="My Flows")


def a_heavy_owl(blender: Driver) -> Steps[None]:
    for row in [*bpy.context.window_manager.generio.jobs]:  # of the vase, which is another picture's
        bpy.ops.generio.remove_job(token=row.token)
    scene.clear_view()
    look_at(0.52, 3.4)
    owl = add_owl()
    many = scene.triangles(owl.name)
    select(owl)
    scene.remember("an owl")
    for view in scene.views():
        view.overlay.show_stats = True
        view.overlay.show_wireframes = True
        view.overlay.wireframe_threshold = 1.0
    scene.show_textures()
    panel = bpy.context.window_manager.generio
    panel.target, panel.polygon_count = "BUDGET", TARGET
    yield from blender.open_tab("GENERIO")
    yield from blender.see(f"{many:,} triangles")
    yield from blender.picture("contact-heavy", until="My Flows")
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(lambda: scene.triangles(owl.name) <= TARGET, "the light owl", 180.0)
    yield from jobs.until(blender, "Done")
    yield from blender.picture("contact-light", until="My Flows")
    panel.bake_size = "1024"
    yield from blender.click("Generate")  # whose room the report needs
    yield from blender.click("Before and After")
    yield from blender.click("Bake Lost Detail")
    yield from blender.wait_for(lambda: jobs.newest().state == "done", "the normal map", 180.0)
    yield from blender.click("Report")
    yield from blender.see("Shading differs")
    for view in scene.views():
        view.overlay.show_wireframes = False
    yield from blender.to_top()
    yield from blender.picture("contact-baked", until="Levels of Detail")


def a_scene_within_its_budget(blender: Driver) -> Steps[None]:
    scene.clear_view()
    look_at(0.3, 9.0)
    owl = add_owl("Owl", 160, 80, 512)
    for number in range(1, 9):
        twin = bpy.data.objects.new("Owl", owl.data)
        twin.location = ((number % 3 - 1) * 1.2, (number // 3) * 1.4, 0.0)
        twin.rotation_euler.z = number * 0.7
        bpy.context.scene.collection.objects.link(twin)
    owl.location = (-1.2, 0.0, 0.0)
    for number, name in enumerate(("Pebble", "Boulder", "Rock")):
        bpy.ops.mesh.primitive_ico_sphere_add(
            subdivisions=4 + number, radius=0.25, location=(0.6 - 1.2 * number, 0.7, 0.1)
        )
        bpy.context.object.name = name
    select(owl)
    scene.remember("a scattered scene")
    for view in scene.views():
        view.overlay.show_stats = True
    scene.show_textures()
    bpy.context.window_manager.generio.scene_budget = BUDGET
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Heavy Objects")
    yield from blender.see(f"of {BUDGET:,} triangles")
    yield from blender.picture("contact-budget", until="Jobs")


ACTS = (a_model_from_words, a_heavy_owl, a_scene_within_its_budget)
