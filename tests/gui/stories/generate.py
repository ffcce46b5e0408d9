# SPDX-License-Identifier: GPL-3.0-or-later
"""From a prompt to a model in the scene, back by Ctrl-Z, and there again."""

import bpy

from tests.gui.driver import Driver, Steps


def models() -> list[bpy.types.Object]:
    return [item for item in bpy.data.objects if "chair" in item.name.lower()]


def generate_from_prompt(blender: Driver) -> Steps[None]:
    yield from blender.open_tab("GENERIO")
    yield from blender.picture("generate")
    yield from blender.type_into("Prompt", "A modern office chair")
    yield from blender.click("High")
    yield from blender.click("Generate Model")
    yield from blender.see("Running")
    yield from blender.picture("generate-running")
    yield from blender.wait_for(models, "the model in the scene")
    yield from blender.see("Done")
    yield from blender.picture("generate-done")

    yield from blender.press("Z", ctrl=True)
    yield from blender.wait_for(lambda: not models(), "the model being undone")
    yield from blender.press("Z", ctrl=True, shift=True)
    yield from blender.wait_for(models, "the model being redone")


ACTS = (generate_from_prompt,)
