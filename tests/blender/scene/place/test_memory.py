"""Memory for a large model is there before Blender asks for it, and nobody keeps it."""

import importlib
import json
import struct
from pathlib import Path

import bpy
import pytest

from tests.blender import scenes
from tests.blender.another_blender import Session
from tests.blender.job_fixtures import until


@pytest.fixture
def large(conversion, tmp_path: Path) -> Path:
    """A .blend of a model with 500,000 triangles, as the child makes it, and its report."""
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=500, y_subdivisions=500)
    glb = tmp_path / "large.glb"
    bpy.ops.export_scene.gltf(filepath=str(glb))
    bpy.ops.object.delete()
    blend = glb.with_suffix(".blend")
    conversion.to_blend(glb, blend, lambda: False)
    return blend


def test_a_report_tells_how_large_the_arrays_are(large: Path):
    report = json.loads(large.with_suffix(".json").read_text())
    with bpy.data.libraries.load(str(large)) as (inside, wanted):
        wanted.objects = inside.objects
    (item,) = wanted.objects
    mesh = item.data
    wanted_sizes = {
        "positions": 12 * len(mesh.vertices),
        "corners": 4 * len(mesh.loops),
        "UV map": 8 * len(mesh.loops),
        "edges": 8 * len(mesh.edges),
    }
    assert {name: size in report["arrays"] for name, size in wanted_sizes.items()} == dict.fromkeys(
        wanted_sizes, True
    )


def test_what_is_no_plain_blend_has_no_arrays(addon, tmp_path: Path):
    path = tmp_path / "file.blend"
    sizes = importlib.import_module(f"{addon.__name__}.formats.blend_file").array_sizes
    damaged = b"BLENDER-v403" + b"DATA" + struct.pack("<i", -24) + b"\0" * 16
    zstandard, newer = b"\x28\xb5\x2f\xfd" + b"\0" * 100, b"BLENDER19-07v0900" + b"\0" * 100
    for data in (b"", b"BLENDER", zstandard, newer, damaged):
        path.write_bytes(data)
        assert sizes(path) == []


PLACE = """
import resource
from pathlib import Path

memory = addon.scene.place.memory
reserve = memory.Reserve()
model = model({glb!r}, {blend!r}, "Large", {{}})
session.open_engine(bpy.context)

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    with reserve.handed_over():
        place.place_models(bpy.context, [model], session.document.at_cursor(bpy.context))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages()  # brings the code, too
without = pages()
reserve.prepare("Large", memory.sizes_in(Path(model.blend)))
while reserve.prepare_more():
    pass
result = [without, pages(), reserve._reservation is None, len(bpy.data.objects)]
"""


def test_with_room_for_it_a_model_takes_few_pages_from_the_system(sandbox, large: Path, tmp_path: Path):
    code = PLACE.format(glb=str(large.with_suffix(".glb")), blend=str(large))
    with Session(tmp_path / "home", sandbox.url, sandbox.key) as fresh:
        without, with_room, nobody_keeps_it, objects = fresh.do(code)
    assert with_room < without / 2
    assert nobody_keeps_it
    assert objects == 3


def test_room_is_given_back_when_the_model_has_to_wait(addon, sandbox):
    session = addon.session.current()
    placement, reserve = session.placement, session.placement._reserve
    carrier = session.open_engine(bpy.context)
    scenes.ball()
    destination = addon.session.current().document.at_cursor(bpy.context)
    template = "model_generate_fromprompt"
    job = carrier.submit(
        addon.jobs.Job(
            addon.jobs.Request(sandbox.url, template, "A chair", prompt="A chair", destination=destination)
        )
    )
    until(lambda: carrier.job(job.token).status.step is addon.jobs.Step.READY)
    (result,) = carrier.job(job.token).placement.results
    report = Path(result.blend).with_suffix(".json")
    report.write_text(json.dumps(json.loads(report.read_text()) | {"arrays": [2**20]}))
    until(lambda: session.tick(bpy.context) and reserve.is_for(job.token))
    assert reserve._reservation.arrays, "the ledger is told, and the model comes with the next tick"
    bpy.ops.object.mode_set(mode="EDIT")
    until(lambda: placement.is_reserved(carrier.job(job.token)))
    session.tick(bpy.context)
    assert reserve._reservation is None
    assert "A chair" not in bpy.data.objects
    bpy.ops.object.mode_set(mode="OBJECT")
    addon.session.waiting.run_until(bpy.context, [job.token])
    assert "A chair" in bpy.data.objects


def test_a_picture_does_not_take_the_room_of_a_model_that_is_about_to_come(addon):
    session = addon.session.current()
    placement, reserve = session.placement, session.placement._reserve
    session.open_engine(bpy.context).jobs()
    bpy.data.images.new("Loose", 8, 8)[addon.scene.markers.UNPACKED] = True
    placement._may_have_unpacked = True
    placement._reserved = "token"  # while the ledger is told
    reserve.prepare("token", [2**20])
    session.tick(bpy.context)
    assert reserve.is_for("token")
    placement._reserved = ""
    session.tick(bpy.context)
    assert not reserve.is_for("token")
    assert placement._may_have_unpacked


@pytest.mark.parametrize("told", ["", "[]", "null", "{}", '{"arrays": null}', '{"arrays": ["many"]}'])
def test_an_odd_report_names_no_sizes(addon, tmp_path: Path, told: str):
    (tmp_path / "model.json").write_text(told)
    assert not addon.scene.place.memory.sizes_in(tmp_path / "model.blend")


def test_room_for_what_cannot_be_placed_is_given_back(addon, sandbox):
    session = addon.session.current()
    placement, reserve = session.placement, session.placement._reserve
    carrier = session.open_engine(bpy.context)
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    job = carrier.job(bpy.context.window_manager.generio.jobs[0].token)
    reserve.prepare(job.token, [2**20])
    destination = addon.core.destination
    where = destination.OptimizedMesh(target=destination.DatablockRef("Nobody"))
    with pytest.raises(addon.scene.errors.CannotPlace):
        placement.place_result(bpy.context, carrier, job, where, True)
    assert reserve._reservation is None


def test_a_picture_is_packed_while_a_model_waits_for_its_own_target(addon, monkeypatch: pytest.MonkeyPatch):
    session = addon.session.current()
    placement, reserve = session.placement, session.placement._reserve
    carrier = session.open_engine(bpy.context)
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    job = carrier.job(bpy.context.window_manager.generio.jobs[0].token)
    image = bpy.data.images.new("Loose", 8, 8)
    image[addon.scene.markers.UNPACKED] = True
    placement._may_have_unpacked, placement._reserved = True, job.token
    placement.pending.add(job.token)
    reserve.prepare(job.token, [2**20])
    # Its target is edited in another window: the bpy module has none.
    blocker = placement.moment.placement_blocker
    monkeypatch.setattr(
        placement.moment, "placement_blocker", lambda context, of: "Waits" if of else blocker(context, of)
    )
    until(lambda: session.tick(bpy.context) and addon.scene.markers.UNPACKED not in image)
    assert session.tick(bpy.context) >= addon.session.session.BUSY_SECONDS
    placement.pending.clear()


def test_room_is_given_back_when_the_file_is_left(addon):
    reserve = addon.session.current().placement._reserve
    reserve.prepare("token", [2**20])
    bpy.ops.wm.read_homefile(use_empty=True)
    assert reserve._reservation is None
