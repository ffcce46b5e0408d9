"""Waits for bakes, and looks at what came of them."""

from typing import Any

import bpy

from tests.blender.job_fixtures import until


def material_of(item: bpy.types.Object, index: int = 0) -> bpy.types.Material:
    return item.material_slots[index].material


def node_kinds(material: bpy.types.Material) -> set[str]:
    return {node.bl_idname for node in material.node_tree.nodes}


def finished(addon, count: int) -> list[Any]:
    """Wait until so many jobs have been placed."""
    session = addon.session.current()
    engine = session.open_engine(bpy.context)
    until(
        lambda: (
            session.tick(bpy.context) and [job.status.step for job in engine.jobs()].count("placed") == count
        )
    )
    return engine.jobs()
