"""The account's flows are listed when the user asks for that, and one is fetched by a click."""

import bpy
import pytest

from tests.blender.job_fixtures import generate, panel


def test_flows_are_listed_and_one_is_fetched(addon, sandbox):
    generate()
    (row,) = panel().jobs
    flow_id, token = row.flow_id, row.token
    assert bpy.ops.generio.list_flows() == {"FINISHED"}
    (flow,) = panel().flows
    assert (flow.name, flow.template, flow.state) == (flow_id, "model_generate_fromprompt", "completed")
    assert flow.is_listed
    assert flow.created
    assert bpy.ops.generio.remove_job(token=token) == {"FINISHED"}
    assert bpy.ops.generio.list_flows() == {"FINISHED"}
    assert not panel().flows[0].is_listed
    assert bpy.ops.generio.recover_flow(flow_id=panel().flows[0].name) == {"FINISHED"}
    assert [job.flow_id for job in panel().jobs] == [flow_id]
    assert sandbox.stats()["run_total"] == 1, "what is fetched is not made again"


def test_the_newest_come_first(addon, sandbox):
    for prompt in ("A chair", "A table", "A lamp"):
        bpy.ops.generio.generate_from_prompt(prompt=prompt, quality="LOW", variants=1)
    bpy.ops.generio.list_flows()
    assert [flow.name for flow in panel().flows] == [job.flow_id for job in panel().jobs]


def test_a_service_without_a_list_says_so(addon, sandbox):
    sandbox.order({"method": "GET", "path": "/flows", "action": "status", "status": 403, "times": -1})
    with pytest.raises(RuntimeError):
        bpy.ops.generio.list_flows()
    assert addon.session.flow_list.flow_list().problem is not None
    assert not panel().flows
