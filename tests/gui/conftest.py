# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests in windows share: the Blenders, and the zip that a user would install."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scripts.gui_root import RootError
from scripts.package import build
from tests.gui.programme import STORIES
from tests.gui.rig import SUITES, WAYLAND, Rig, rig

MUST_RUN = "trixie"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A story on a Wayland screen is no test of a Blender that knows none."""
    items[:] = [item for item in items if not _is_for_another(getattr(item, "callspec", None))]


def _is_for_another(call: Any) -> bool:
    story = STORIES.get(call.params.get("story")) if call else None
    return story is not None and story.wayland and call.params["blender"] not in WAYLAND


@pytest.fixture(scope="module", params=SUITES)
def blender(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with ExitStack() as stack:
        try:
            ready = stack.enter_context(rig(request.param))
        except RootError as reason:
            if request.param == MUST_RUN:
                raise
            pytest.skip(f"Debian {request.param}: {reason}")
        yield ready


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("package"))
