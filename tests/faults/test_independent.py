"""Each call of the client, and each trick of the independent service: the truth, or an error of that call."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api import (
    TEXT_TO_MODEL,
    CallFailed,
    Flow,
    FlowsClient,
    Prompt,
    ResultUnusable,
    RetryPolicy,
)

from .independent import Account, Manners, Service, running
from .tricks import BROKEN, SHAPES, Trick

pytestmark = pytest.mark.slow

HARMLESS = [
    *(Trick(act) for act in SHAPES),
    *(Trick("interim", status=status, pause=pause) for status in (102, 103, 199) for pause in (0.0, 0.05)),
    Trick("until close"),
    Trick("slow", pause=0.05),
]
"""What has the whole answer in it, whatever else comes."""

HARMFUL = [
    *(Trick(act) for act in BROKEN),
    *(
        Trick("refuse", status=status, page=page)
        for status, page in ((404, "html"), (403, "html"), (502, "text"))
    ),
    Trick("reset"),
    Trick("reset after"),
    Trick("late 408"),
    Trick("twice"),
    Trick("other flow"),
]
"""What has no answer in it, or somebody else's."""


class Calls:
    """A client with two flows that have ended, and every call of it with what must come of that."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.account: Account = service.open("key", Manners(run_seconds=0.0), [])
        self.client = FlowsClient(service.url, "key", policy=RetryPolicy(attempts=1), timeout=(2, 2))
        self._path = folder / "model.glb"
        self.flow, self.other = self._ended("one"), self._ended("two")

    def _ended(self, what: str) -> Flow:
        return self.client.create_flow(TEXT_TO_MODEL, {}, [Prompt(what)], {"token": what})

    def _download(self) -> bytes:
        self._path.unlink(missing_ok=True)
        self.client.download_output(self.flow.flow_id, "model", self._path)
        return self._path.read_bytes()

    def all(self) -> dict[str, tuple[Callable[[], Any], Any]]:
        """By name: the call, and the truth."""
        client, flow_id = self.client, self.flow.flow_id
        return {
            "templates": (lambda: len(client.templates()), 3),
            "list": (lambda: {flow.flow_id for flow in client.flows()} >= {flow_id}, True),
            "create": (
                lambda: client.create_flow(TEXT_TO_MODEL, additional={"token": "x"}).additional,
                {"token": "x"},
            ),
            "poll": (lambda: client.flow(flow_id).flow_id, flow_id),
            "inputs": (lambda: [asset.asset_id for asset in client.inputs(flow_id)], ["0"]),
            "outputs": (lambda: [asset.asset_id for asset in client.outputs(flow_id)], ["model"]),
            "download": (self._download, self.account.flows[flow_id].model()),
        }

    def order(self, *tricks: Trick) -> None:
        """Let these happen, and no others."""
        self.account.tricks = [trick.begin() for trick in tricks]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running() as service:
        yield service


@pytest.fixture
def calls(service: Service, tmp_path: Path) -> Iterator[Calls]:
    calls = Calls(service, tmp_path)
    with calls.client:
        yield calls


@pytest.mark.parametrize("trick", HARMLESS, ids=lambda trick: f"{trick.act} {trick.status} {trick.pause}")
def test_what_comes_besides_a_whole_answer_changes_nothing(calls: Calls, trick: Trick) -> None:
    calls.order(trick)
    for _ in range(2):
        assert {name: call() for name, (call, _) in calls.all().items()} == {
            name: truth for name, (_, truth) in calls.all().items()
        }


@pytest.mark.parametrize("trick", HARMFUL, ids=lambda trick: f"{trick.act} {trick.status}")
def test_what_is_no_answer_is_an_error_of_that_call_alone(calls: Calls, trick: Trick) -> None:
    for name, (call, truth) in calls.all().items():
        calls.order(trick)
        assert (name, told(call)) in ((name, truth), (name, None))
        calls.order()
        # The end of a connection may come to light only with the next call.
        assert truth in (told(call), told(call)), name


def test_a_late_answer_to_another_call_is_not_taken_for_that_of_a_create_that_runs(calls: Calls) -> None:
    """Above all no refusal is, after which it would be sent once more."""
    for number in range(3):
        calls.order(Trick("twice", ("create",), pause=0.05))
        calls.client.create_flow(TEXT_TO_MODEL, additional={"token": "empty"})
        calls.order()
        flow = calls.client.create_flow(TEXT_TO_MODEL, {}, [Prompt("three")], {"token": f"run {number}"})
        assert flow.additional == {"token": f"run {number}"}


def told(call: Callable[[], Any]) -> Any:
    """What a call brings, None where it fails as calls may."""
    try:
        return call()
    except (CallFailed, ResultUnusable):
        return None
