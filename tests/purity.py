"""Knows which tests are pure: they listen on no port, start no program and import no bpy.

`make check` runs these only, with `-m "not slow"`. The marker `slow` is on what is not pure; whatever asks
for a fixture of IMPURE gets it by itself. A test that does what its missing marker rules out fails: so the
quick ones stay quick, and run where there is no Blender.
"""

import sys
from collections.abc import Iterator

import pytest

IMPURE = {"addon", "blender", "installed", "optimizer", "other", "sandbox", "secure_server", "server"}
"""Fixtures that listen on a port, start a program or need bpy."""
FORBIDDEN = {"socket.bind", "subprocess.Popen", "os.fork", "os.posix_spawn"}
"""Audit events; that of an import is looked at more closely."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not IMPURE.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


class Guard:
    """Raises where a pure test does what it must not; an audit hook cannot be removed, so it has a switch."""

    def __init__(self) -> None:
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and (event in FORBIDDEN or (event == "import" and arguments[0] == "bpy")):
            raise AssertionError(f"{event} in a test that is not marked as slow")


@pytest.fixture(scope="session")
def guard() -> Guard:
    return Guard()


@pytest.fixture(autouse=True)
def guarded(request: pytest.FixtureRequest, guard: Guard) -> Iterator[None]:
    guard.on = request.node.get_closest_marker("slow") is None
    yield
    guard.on = False
