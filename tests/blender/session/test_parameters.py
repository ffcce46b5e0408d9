"""Panel, operators and scripts have each parameter, as it is described, and send the same."""

import importlib
from typing import Any

import bpy
import pytest


@pytest.fixture
def flows(addon) -> Any:
    return importlib.import_module(f"{addon.__name__}.flows")


def panel() -> Any:
    return bpy.context.window_manager.generio


def sent(addon) -> dict[str, Any]:
    """What the newest job sends."""
    return dict(addon.session.current().engine.jobs()[-1].request.parameters)


def choice(addon, **given: Any) -> Any:
    options = addon.session.options.GenerateOptions
    return addon.session.requests.Choice.of_script(given, options, bpy.context)


def test_panel_and_operators_have_what_is_described(addon):
    described = addon.api.parameters
    operator = bpy.ops.generio.generate_from_prompt.get_rna_type().properties
    for parameter in described.parameters_of(*described.GENERATORS):
        for properties in (operator, panel().bl_rna.properties):
            found = properties[parameter.name]
            assert (found.name, found.description) == (parameter.label, parameter.help)
        found = operator[parameter.name]
        if isinstance(parameter, described.EnumParameter):
            assert [item.identifier.lower() for item in found.enum_items] == [
                value.value for value in parameter.values
            ]
            assert found.default.lower() == parameter.default
        else:
            assert found.default == parameter.default
    assert (operator["seed"].hard_min, panel().bl_rna.properties["seed"].hard_min) == (-1, 0)
    count = panel().bl_rna.properties["polygon_count"]
    assert (count.default, count.hard_min, count.soft_min, count.hard_max) == (100_000, 1, 100, 100_000_000)


def test_what_nobody_touched_is_not_sent(addon):
    template = addon.api.TEXT_TO_MODEL
    assert choice(addon).parameters(template) == {}
    panel().random_seed = False
    assert choice(addon).parameters(template) == {"seed": 0}
    panel().quality, panel().texture, panel().seed = "LOW", True, 7
    assert choice(addon).parameters(template) == {"quality": "low", "texture": True, "seed": 7}
    given = choice(addon, quality="high", seed=-1)
    assert given.parameters(template) == {"quality": "high", "texture": True, "seed": -1}


@pytest.mark.parametrize(
    "parameters", [{}, {"quality": "low", "texture": False, "seed": 7}, {"texture": True, "seed": 0}]
)
def test_the_panel_takes_what_a_job_sent(addon, parameters: dict[str, Any]):
    described, session = addon.api.parameters, addon.session
    known = described.parameters_of(*described.GENERATORS)
    panel().quality, panel().texture, panel().random_seed, panel().seed = "LOW", False, False, 5
    session.parameter_properties.fill_in(panel(), known, parameters)
    assert session.parameter_properties.touched(panel(), known) == parameters


def test_the_panel_leaves_what_it_cannot_have(addon):
    described, session = addon.api.parameters, addon.session
    known = described.parameters_of(*described.GENERATORS)
    other = {"quality": "ultra", "texture": "perhaps", "seed": 2**40, "colour": "red"}
    for parameters in (other, {"seed": -1}):
        session.parameter_properties.fill_in(panel(), known, parameters)
        assert session.parameter_properties.touched(panel(), known) == {}


def test_scripts_and_operators_ask_for_the_same(addon, flows, sandbox):
    flows.wait(flows.generate("A lamp", quality="low", seed=7, texture=False))
    first = sent(addon)
    bpy.ops.generio.generate_from_prompt(prompt="A lamp", quality="LOW", seed=7, texture=False)
    assert first == sent(addon) == {"quality": "low", "seed": 7, "texture": False}
    one, other = addon.session.current().engine.jobs()
    assert one.request.destination == other.request.destination


def test_options_of_scripts_are_checked_and_lead_to_the_same_properties(flows, addon):
    for given, reason in (
        ({"colour": "red"}, "no option colour; the options are"),
        ({"where": "ABOVE"}, "where must be CURSOR, SURFACE or BOX, not ABOVE"),
        ({"then_count": 0, "where": "cursor"}, "then_count is 0; it must be from 1 to"),
        ({"seed": "often"}, "seed must be a number, not often"),
        ({"quality": "best"}, "quality must be low or high, not best"),
    ):
        with pytest.raises(flows.Refused, match=reason):
            flows.generate("A lamp", **given)
    assert flows.models() == []
    with pytest.raises(flows.Refused, match="There is no box"):
        flows.generate("A lamp", where="box")


def test_what_there_is_to_know_of_meshes_is_told_to_scripts(flows, capsys):
    bpy.ops.mesh.primitive_uv_sphere_add(segments=8, ring_count=4)
    ball = bpy.context.object
    points = bpy.data.objects.new("Points", bpy.data.meshes.new("Points"))
    bpy.context.collection.objects.link(points)
    (model,) = flows.optimize([ball, points], triangles=20, placement="beside")
    flows.wait(model)
    assert '"Points" is left out: it has no faces' in capsys.readouterr().out
    assert len(ball.data.polygons) > 20
    with pytest.raises(flows.Refused, match=r'^Nothing to optimize\. "Points" is left out'):
        flows.optimize(points, triangles=20)
