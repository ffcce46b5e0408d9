from collections.abc import Iterator

import pytest

from tests.sandbox import Sandbox
from tests.unit.sandbox.caller import Caller

SPEED = 0.01


@pytest.fixture(scope="package")
def _reference() -> Iterator[Sandbox]:
    with Sandbox("reference", speed=SPEED, expired_key="old-key") as sandbox:
        yield sandbox


@pytest.fixture
def reference(_reference: Sandbox) -> Iterator[Sandbox]:
    yield _reference
    _reference.clear_faults()


@pytest.fixture
def caller(reference: Sandbox) -> Iterator[Caller]:
    with Caller(reference.url, reference.key) as caller:
        yield caller


@pytest.fixture(scope="package")
def quickstart() -> Iterator[Sandbox]:
    with Sandbox("quickstart", speed=SPEED) as sandbox:
        yield sandbox
