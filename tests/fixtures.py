"""What the tests of several folders share."""

from collections.abc import Iterator

import pytest

from tests.sandbox.optimizer import Optimizer


@pytest.fixture(scope="session")
def optimizer() -> Iterator[Optimizer]:
    """The Blender of all sandboxes, since starting one takes longer than most tests."""
    optimizer = Optimizer()
    yield optimizer
    optimizer.close()
