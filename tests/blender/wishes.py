"""Jobs that a test submits itself, and waiting for what threads do."""

import time

import bpy


def wish(addon, sandbox, prompt: str, destination):
    """A job that is not submitted yet."""
    return addon.jobs.Job(
        service=sandbox.url,
        template="model_generate_fromprompt",
        name=prompt,
        prompt=prompt,
        destination=destination,
    )


def submit_into_box(addon, sandbox):
    """A job that is to fill a new box, before any tick."""
    bpy.ops.generio.add_box(size=2.0)
    box = bpy.context.active_object
    place = addon.scene.place
    job = wish(
        addon,
        sandbox,
        "A chair",
        {**place.here(bpy.context, place.BOX), "box": box.name, "uid": box.session_uid},
    )
    return box, addon.bridge.engine(bpy.context).submit(job).token


def until(condition) -> None:
    """Wait for what happens in threads."""
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
