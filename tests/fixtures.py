"""What the tests of several folders share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.sandbox.optimizer import Optimizer

# How long one example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def optimizer() -> Iterator[Optimizer]:
    """The Blender of all sandboxes, since starting one takes longer than most tests."""
    optimizer = Optimizer()
    yield optimizer
    optimizer.close()
