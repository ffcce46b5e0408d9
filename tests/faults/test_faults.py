"""A small part of each part of the fault suite; `make faults` plays all of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import fuzz, gateways, kills, network, pair, soak, victims
from tests.faults.table import Report
from tests.systems import needs_proc, needs_signals

pytestmark = pytest.mark.slow

SEED = 1


@pytest.mark.parametrize(
    ("run", "share"),
    [
        (kills.run, 0.05),
        pytest.param(victims.run, 0.03, marks=needs_proc),
        (network.run, 0.08),
        (gateways.run, 0.02),
        pytest.param(fuzz.run, 0.04, marks=needs_signals),
        pytest.param(pair.run, 0.2, marks=needs_signals),
        (soak.run, 0.1),
    ],
    ids=["kills", "victims", "network", "gateways", "fuzz", "pair", "soak"],
)
def test_nothing_lost_and_nothing_twice(
    run: Callable[[int, float, Path], Report], share: float, tmp_path: Path
) -> None:
    assert run(SEED, share, tmp_path).complaints == []
