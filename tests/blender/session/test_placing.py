"""A result goes where it belongs, into nothing else, and only at a good moment."""

import json
from dataclasses import replace
from types import SimpleNamespace

import bpy
import pytest
from generio_flows.core.messages import Message
from mathutils import Matrix

from tests.blender import scenes
from tests.blender.job_fixtures import submit_into_box, until, wish


def optimizing(addon, sandbox, item: bpy.types.Object, meanwhile) -> str:
    """Optimize `item` to 500 triangles, and do something `meanwhile`; returns the job's token."""
    carrier = addon.session.current().open_engine(bpy.context)
    token = "0" * 32
    snapshot = (
        addon.session.preferences.job_folder(bpy.context, token) / addon.scene.export.snapshot.snapshot_name()
    )
    addon.scene.export.snapshot.write_snapshot(item, snapshot)
    job = addon.jobs.Job(
        addon.jobs.Request(
            service=sandbox.url,
            template="model_optimize",
            name=item.name,
            source=str(snapshot),
            parameters={"polygon_count": 500},
            destination=addon.session.current().document.for_mesh(bpy.context, "replace", item),
        ),
        token=token,
    )
    carrier.submit(job)
    meanwhile()
    addon.session.waiting.run_until(bpy.context, [token])
    return token


def row():
    (only,) = bpy.context.window_manager.generio.jobs
    return only


def test_a_target_that_is_gone_leaves_the_result_ready(addon, sandbox):
    item = scenes.ball()
    token = optimizing(addon, sandbox, item, lambda: bpy.data.objects.remove(item))
    assert row().state == "ready"
    assert 'The object "Ball" is gone' in row().message
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    assert scenes.triangles(bpy.data.objects["Ball"]) <= 500


def test_another_object_of_the_same_name_is_not_touched(addon, sandbox):
    item = scenes.ball()

    def replace_by_another() -> None:
        bpy.data.objects.remove(item)
        bpy.ops.mesh.primitive_cube_add()
        bpy.context.object.name = "Ball"

    optimizing(addon, sandbox, item, replace_by_another)
    assert row().state == "ready"
    assert scenes.triangles(bpy.data.objects["Ball"]) == 12


def test_a_mesh_that_was_edited_meanwhile_is_not_overwritten(addon, sandbox):
    item = scenes.ball()

    def edit() -> None:
        scenes.select(item)
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.mesh.subdivide()
        bpy.ops.object.mode_set(mode="OBJECT")

    before = scenes.triangles(item)
    optimizing(addon, sandbox, item, edit)
    assert row().state == "ready"
    assert "was changed while it was being optimized" in row().message
    assert scenes.triangles(item) > before


@pytest.mark.parametrize(
    "change",
    [
        lambda: bpy.ops.object.transform_apply(location=False, rotation=False, scale=True),
        lambda: bpy.ops.object.origin_set(type="ORIGIN_CURSOR"),
    ],
    ids=["scale", "origin"],
)
def test_a_mesh_whose_vertices_were_moved_meanwhile_is_not_overwritten(addon, sandbox, change):
    """The result would be of another size, or stand elsewhere, though the mesh has as many corners."""
    item = scenes.ball()
    item.location.x, item.scale = 3.0, (2.0, 2.0, 2.0)
    scenes.select(item)
    before, box = scenes.triangles(item), scenes.bounds([item])
    optimizing(addon, sandbox, item, change)
    bpy.context.view_layer.update()
    assert row().state == "ready"
    assert "was changed while it was being optimized" in row().message
    assert scenes.triangles(item) == before
    assert scenes.bounds([item]) == pytest.approx(box)


def unwrap_anew(mesh: bpy.types.Mesh) -> None:
    mesh.uv_layers[0].uv.foreach_set("vector", [0.5] * (2 * len(mesh.loops)))


CHANGES = {
    "a group": lambda item: item.vertex_groups.new(name="New"),
    "weights": lambda item: item.vertex_groups["Half"].add(range(len(item.data.vertices)), 1.0, "REPLACE"),
    "UV positions": lambda item: item.data.uv_layers[0].uv.foreach_set(
        "vector", [0.5] * 2 * len(item.data.loops)
    ),
    "a name": lambda item: setattr(item.data.uv_layers[0], "name", "Other"),
    "colors": lambda item: item.data.color_attributes.new("Paint", "BYTE_COLOR", "CORNER"),
    "slots": lambda item: item.data.materials.append(scenes.textured("Late")),
    "shading": lambda item: item.data.shade_smooth(),
    "shape keys": lambda item: item.shape_key_add(name="Basis"),
    "nothing": lambda _item: None,
    "what is selected": lambda item: setattr(
        item.data.polygons[0], "select", not item.data.polygons[0].select
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_meanwhile_beside_the_shape_is_told_and_kept(addon, sandbox, change: str):
    item = scenes.ball()
    item.vertex_groups.new(name="Half").add(range(900), 0.5, "REPLACE")
    item.data.materials.append(scenes.textured("Paint"))
    scenes.select(item)
    mesh = item.data
    optimizing(addon, sandbox, item, lambda: CHANGES[change](item))
    assert item.data != mesh
    told = addon.scene.versions.report_of(item)["told"]
    harmless = change in ("nothing", "what is selected")
    assert told == ([] if harmless else [addon.scene.replace_mesh.CHANGED.to_data()])
    assert bpy.ops.generio.revert_optimized() == {"FINISHED"}
    assert item.data == mesh


def test_vertices_are_where_they_were_when_nothing_was_done_to_them(addon):
    """Leaving Edit Mode writes them anew; small meshes have fewer than are looked at."""
    for item in (scenes.ball(), scenes.ball("Small", 3, 3)):
        item.shape_key_add(name="Basis")
        item.shape_key_add(name="Moved").points[0].co.z += 0.1
        item.active_shape_key_index = 1
        scenes.select(item)
        bpy.ops.object.mode_set(mode="EDIT")
        item.update_from_editmode()
        destination = addon.session.current().document.for_mesh(bpy.context, "replace", item)
        data = json.loads(json.dumps(addon.core.destination.to_data(destination)))
        destination = addon.core.destination.from_data(data)
        bpy.ops.object.mode_set(mode="OBJECT")
        assert addon.scene.place.place._targets(destination) == [item]
        assert not addon.scene.place.place._is_changed(item, destination)
        destination = replace(destination, points=None)  # as an earlier version wrote it
        item.data.transform(Matrix.Scale(2.0, 4))
        assert addon.scene.place.place._targets(destination) == [item]


def test_in_edit_mode_a_script_gets_its_result_to_import_later(addon, sandbox):
    item = scenes.ball()
    scenes.select(item)
    before = scenes.triangles(item)
    token = optimizing(addon, sandbox, item, lambda: bpy.ops.object.mode_set(mode="EDIT"))
    assert row().state == "ready"
    assert "Object Mode" in row().message
    bpy.ops.object.mode_set(mode="OBJECT")
    assert scenes.triangles(item) == before
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    assert scenes.triangles(item) <= 500


def test_a_target_in_edit_mode_in_another_scene_is_waited_for(addon):
    item = scenes.ball()
    scenes.select(item)
    destination = addon.session.current().document.for_mesh(bpy.context, "replace", item)
    assert addon.session.current().placement.moment.placement_blocker(bpy.context, [destination]) == ""
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Object Mode" in addon.session.current().placement.moment.placement_blocker(
        bpy.context, [destination]
    )
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_render_is_waited_for(addon, monkeypatch: pytest.MonkeyPatch):
    """No render runs beside a test, so Blender is made to say that one does."""
    moment, running = addon.session.current().placement.moment, {"RENDER"}
    app = SimpleNamespace(is_job_running=running.__contains__)
    with monkeypatch.context() as patched:
        patched.setattr(addon.scene.place.moment, "bpy", SimpleNamespace(app=app, types=bpy.types))
        assert moment.placement_blocker(bpy.context, []) == "Waits for the render"
        running.clear()
        assert moment.placement_blocker(bpy.context, []) == ""


def test_what_is_edited_in_any_window_is_waited_for(addon):
    """Each may show another scene; there is but one window here, so two are made up."""
    scenes.select(scenes.ball())
    bpy.ops.object.mode_set(mode="EDIT")
    layers = (bpy.data.scenes.new("Elsewhere").view_layers[0], bpy.context.view_layer)
    windows = [SimpleNamespace(view_layer=layer, modal_operators=()) for layer in layers]
    context = SimpleNamespace(mode="OBJECT", window_manager=SimpleNamespace(windows=windows))
    assert (
        addon.session.current().placement.moment.placement_blocker(context, [])
        == 'Waits until "Ball" is in Object Mode'
    )
    bpy.ops.object.mode_set(mode="OBJECT")
    assert addon.session.current().placement.moment.placement_blocker(context, []) == ""


def test_a_target_in_edit_mode_in_another_scene_is_not_imported_into(addon, sandbox):
    """Blender ignores that another mesh is set, and the result would be lost."""
    item = scenes.ball()
    scenes.select(item)
    before = scenes.triangles(item)
    token = optimizing(addon, sandbox, item, lambda: bpy.ops.object.mode_set(mode="EDIT"))
    scene, window = bpy.context.scene, bpy.context.window_manager.windows[0]
    window.scene = bpy.data.scenes.new("Elsewhere")
    with pytest.raises(RuntimeError, match='"Ball" is not in Object Mode'):
        bpy.ops.generio.import_result(token=token)
    assert row().state == "ready"
    window.scene = scene
    bpy.ops.object.mode_set(mode="OBJECT")
    assert scenes.triangles(item) == before
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    assert scenes.triangles(item) <= 500


@pytest.mark.parametrize("sent", [True, False])
def test_a_result_comes_to_where_it_belongs_though_another_folder_was_chosen(
    addon, sandbox, tmp_path, sent: bool
):
    item = scenes.ball()
    carrier = addon.session.current().open_engine(bpy.context)

    def choose() -> None:
        if sent:
            until(lambda: all(job.state == "running" for job in carrier.jobs()))
        addon.session.preferences.preferences(bpy.context).folder = str(tmp_path / "another")
        addon.session.current().open_engine(bpy.context)

    if sent:
        sandbox.order({"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 0.5, "times": 2})
    optimizing(addon, sandbox, item, choose)
    assert (row().state, row().message) == ("done", "")
    assert scenes.triangles(item) <= 500
    # What was to be sent may have been made before that.
    assert len(list((tmp_path / "another").rglob("result-*.glb"))) == 1


@pytest.mark.parametrize("again", [True, False])
def test_a_model_whose_files_are_out_of_reach_is_said_to_be_and_can_be_fetched(addon, sandbox, again: bool):
    job = wish(
        addon,
        sandbox,
        "A chair",
        replace(addon.session.current().document.at_cursor(bpy.context), placeholder_deleted=not again),
    )
    carrier = addon.session.current().open_engine(bpy.context)
    carrier.submit(job)
    addon.session.waiting.run_until(bpy.context, [job.token])
    state = row().state
    folder = carrier.folder(job.token)
    folder.rename(folder.with_name("unplugged"))
    with pytest.raises(RuntimeError, match="model's files are missing"):
        bpy.ops.generio.import_result(token=job.token)
    addon.session.current().tick(bpy.context)
    assert row().state == state == ("done" if again else "ready")
    assert bpy.ops.generio.recover_flow(flow_id=row().flow_id) == {"FINISHED"}
    found = bpy.context.window_manager.generio.jobs[0]
    assert found.token != job.token
    assert bpy.ops.generio.import_result(token=found.token) == {"FINISHED"}


def test_nothing_but_the_mesh_and_its_materials_is_sent(addon, conversion, tmp_path):
    secret = scenes.ball("Secret")
    item = scenes.ball()
    material = scenes.textured("Paint")
    coordinates = material.node_tree.nodes.new("ShaderNodeTexCoord")
    coordinates.object = coordinates["secret"] = secret
    outer, inner = (bpy.data.node_groups.new(name, "ShaderNodeTree") for name in ("Outer", "Inner"))
    inner.nodes.new("ShaderNodeTexCoord").object = secret
    outer.nodes.new("ShaderNodeGroup").node_tree = inner
    material.node_tree.nodes.new("ShaderNodeGroup").node_tree = outer
    read_location(material, "roughness", secret)
    read_location(material.node_tree.nodes["Principled BSDF"].inputs["Roughness"], "default_value", secret)
    material["secret"] = item["secret"] = item.data["secret"] = secret
    item.data.materials.append(material)
    item.shape_key_add(name="Basis")
    item.shape_key_add(name="Bent")
    read_location(item.data.shape_keys.key_blocks["Bent"], "value", secret)
    item.parent = secret
    item.modifiers.new("Boolean", "BOOLEAN").object = secret
    snapshot, glb = tmp_path / "snapshot.blend", tmp_path / "input.glb"
    addon.scene.export.snapshot.write_snapshot(item, snapshot)
    conversion.make_input(snapshot, glb, lambda: False)
    with bpy.data.libraries.load(str(snapshot)) as (inside, _):
        assert len(inside.objects) == len(inside.meshes) == len(inside.materials) == 1
    assert b"Secret" not in glb.read_bytes()
    assert b'"Paint"' in glb.read_bytes()
    assert addon.api.check_glb(glb).triangles == scenes.triangles(item)
    assert item.data["secret"] == coordinates.object == secret


def read_location(owner, path: str, read: bpy.types.Object) -> None:
    """Drive a property by where an object stands."""
    curves = owner.driver_add(path)
    for curve in curves if isinstance(curves, list) else [curves]:
        variable = curve.driver.variables.new()
        variable.targets[0].id, variable.targets[0].data_path = read, "location.x"
        curve.driver.expression = variable.name


def test_another_file_leaves_the_result_ready_until_it_is_opened_again(addon, sandbox, tmp_path):
    first = tmp_path / "first.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(first))
    carrier = addon.session.current().open_engine(bpy.context)
    job = carrier.submit(
        addon.jobs.Job(
            addon.jobs.Request(
                service=sandbox.url,
                template="model_generate_fromprompt",
                name="A chair",
                prompt="A chair",
                destination=addon.session.current().document.at_cursor(bpy.context),
            ),
        )
    )
    bpy.ops.wm.read_homefile(use_empty=True)
    addon.session.waiting.run_until(bpy.context, [job.token])
    assert (row().state, row().message) == ("ready", "Belongs to first.blend")
    assert len(bpy.data.objects) == 0
    bpy.ops.wm.open_mainfile(filepath=str(first))
    addon.session.waiting.run_until(bpy.context, [job.token])
    assert row().state == "done"
    assert "A chair" in bpy.data.objects


@pytest.mark.parametrize("state", ["linked", "excluded"])
def test_a_collection_that_cannot_take_it_is_not_in_the_way(addon, tmp_path, state: str):
    library = tmp_path / "library.blend"
    collection = bpy.data.collections.new("Props")
    bpy.context.scene.collection.children.link(collection)
    if state == "linked":
        bpy.data.libraries.write(str(library), {collection})
        bpy.data.collections.remove(collection)
        with bpy.data.libraries.load(str(library), link=True) as (_inside, wanted):
            wanted.collections = ["Props"]
        bpy.context.scene.collection.children.link(bpy.data.collections["Props"])
    layer = bpy.context.view_layer.layer_collection.children["Props"]
    bpy.context.view_layer.active_layer_collection = layer
    layer.exclude = state == "excluded"
    assert bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW") == {"FINISHED"}
    assert bpy.ops.generio.import_result(token=row().token) == {"FINISHED"}
    assert "A chair" in bpy.data.objects


def test_the_uv_map_that_is_rendered_stays_the_one(addon):
    item = scenes.ball()
    item.data.uv_layers.new(name="Second")
    item.data.uv_layers["Second"].active_render = True
    scenes.select(item)
    bpy.ops.generio.optimize_selected(polygon_count=500)
    assert [layer.name for layer in item.data.uv_layers] == ["UVMap", "Second"]
    assert item.data.uv_layers["Second"].active_render


def test_properties_of_the_mesh_stay(addon):
    item = scenes.ball()
    item.data["level"] = 3
    scenes.select(item)
    bpy.ops.generio.optimize_selected(polygon_count=500)
    assert item.data["level"] == 3


@pytest.mark.parametrize("scale", [(1, 1, 1), (2, 0.5, 1), (-1, 1, 1), (1, -2, -0.5)])
@pytest.mark.usefixtures("sends_what_is_light")
def test_the_result_stands_exactly_where_the_object_stood(addon, scale):
    parent = scenes.ball("Parent", 8, 8, location=(1, 2, 3), rotation=(0.4, 0.5, 0.6))
    parent.scale = (1.0, 3.0, 0.7)
    item = scenes.ball(segments=32, rings=16, location=(0.3, -4, 2), rotation=(1, 0.2, -0.4))
    item.parent = parent
    item.scale = scale
    bpy.context.view_layer.update()
    matrix, box = item.matrix_world.copy(), scenes.bounds([item])
    scenes.select(item)
    bpy.ops.generio.optimize_selected(polygon_count=1_000_000)
    assert item.matrix_world == matrix
    assert abs(scenes.bounds([item]) - box).max() < 1e-4 * (box[1] - box[0]).max()


def test_another_file_leaves_what_was_typed(addon):
    panel = bpy.context.window_manager.generio
    panel.prompt, panel.quality = "A chair", "LOW"
    bpy.ops.wm.read_homefile(use_empty=True)
    panel = bpy.context.window_manager.generio
    assert (panel.prompt, panel.quality) == ("A chair", "LOW")
    assert not panel.is_property_set("texture"), "what nobody touched stays untouched"


def test_a_ledger_that_is_busy_when_a_result_is_due_only_delays_it(addon, monkeypatch: pytest.MonkeyPatch):
    carrier = addon.session.current().open_engine(bpy.context)
    once = iter([True])
    place = carrier.mark_placed

    def busy_once(token: str, document: str) -> bool:
        if next(once, False):
            raise addon.jobs.LedgerError(Message("The job list is in use."))
        return place(token, document)

    monkeypatch.setattr(carrier, "mark_placed", busy_once)
    assert bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW") == {"FINISHED"}
    assert "A chair" in bpy.data.objects
    assert [job.state for job in carrier.jobs()] == ["done"]


def test_what_could_not_be_placed_while_the_ledger_is_busy_waits_all_the_same(addon, sandbox, monkeypatch):
    carrier, jobs = addon.session.current().open_engine(bpy.context), addon.jobs

    def busy(*_what: object) -> bool:
        monkeypatch.undo()
        raise jobs.LedgerError(Message("Another program holds the job list."))

    monkeypatch.setattr(carrier, "keep_for_import", busy)
    box, token = submit_into_box(addon, sandbox)
    bpy.data.objects.remove(box)
    until(
        lambda: addon.session.current().tick(bpy.context) and carrier.job(token).placement.needs_manual_import
    )
    assert carrier.job(token).state == "ready"
    assert "is gone" in carrier.job(token).status.problem.message


def test_an_operator_of_another_addon_that_never_ends_is_not_waited_for(addon, monkeypatch):
    module, moment = addon.scene.place.moment, addon.session.current().placement.moment
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    theirs = [SimpleNamespace(as_pointer=lambda: 1)]
    manager = SimpleNamespace(windows=[SimpleNamespace(modal_operators=theirs)])
    context = SimpleNamespace(window_manager=manager)
    assert moment.is_user_interacting(context), "it may be a drag"
    now += module.LASTING + 1.0
    assert not moment.is_user_interacting(context)
    theirs.append(SimpleNamespace(as_pointer=lambda: 2))
    assert moment.is_user_interacting(context), "that is another one"
    theirs.pop()
    assert not moment.is_user_interacting(context)
