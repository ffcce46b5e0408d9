"""What a test asks for, and things for it to stand on or in."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import bpy
import pytest
from mathutils import Matrix, Vector

from tests.blender import scenes
from tests.blender.conftest import EXTENSION
from tests.systems import resume, suspend


def wish(addon, sandbox, prompt: str, destination):
    """A job that is not submitted yet."""
    return addon.jobs.Job(
        addon.jobs.Request(
            service=sandbox.url,
            template="model_generate_fromprompt",
            name=prompt,
            prompt=prompt,
            parameters={"quality": "low"},
            destination=destination,
        ),
    )


def submit_into_box(addon, sandbox):
    """A job that is to fill a new box, before any tick."""
    bpy.ops.generio.add_box(size=2.0)
    box = bpy.context.active_object
    destination = replace(
        addon.session.current().document.at_cursor(bpy.context),
        box=addon.scene.place.destination.ref_of(box),
    )
    job = wish(addon, sandbox, "A chair", destination)
    return box, addon.session.current().open_engine(bpy.context).submit(job).token


def until(condition) -> None:
    """Wait for what happens in the engine process; what it says is taken in, and nothing is made of that."""
    end = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < end
        sys.modules[EXTENSION].session.current().open_engine(bpy.context).pump()
        time.sleep(0.01)


def without_converter(addon, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no second Blender can be started."""
    monkeypatch.setattr(addon.session.session, "converter_command", lambda: ("/no/such/program",))


@contextmanager
def held_up(addon) -> Iterator[None]:
    """The engine process does nothing meanwhile, as when the disk is busy."""
    engine = addon.session.current().open_engine(bpy.context)
    suspend(engine.pid)
    try:
        yield
    finally:
        resume(engine.pid)


def tell(engine, job) -> None:
    """Let Blender's side know a job like this, as if the engine had told it."""
    engine._known.know(job, engine.is_active(job.token), engine.owns(job.token))


def panel():
    return bpy.context.window_manager.generio


def generate(prompt: str = "A brass lamp", **settings):
    settings = {"quality": "LOW", "seed": 7, **settings}
    return bpy.ops.generio.generate_from_prompt(prompt=prompt, **settings)


def slab(name: str = "Slab", size=(2.0, 4.0, 1.0), parent=None) -> bpy.types.Object:
    """A mesh box whose origin is nowhere in particular."""
    item = scenes.ball(name, 8, 8)
    low, high = (Vector(corner) for corner in scenes.bounds([item]))
    scale = Matrix.Diagonal([side / extent for side, extent in zip(size, high - low, strict=True)]).to_4x4()
    item.data.transform(Matrix.Translation((5.0, -3.0, 2.0)) @ scale)
    item.parent = parent
    item.data.update()
    bpy.context.view_layer.update()
    return item


def settle(addon, root, objects=None, **destination):
    where = addon.core.destination.NewModel(**destination)
    root = addon.scene.place.transform.transform_model(root, objects or [root], where)
    bpy.context.view_layer.update()
    return root
