# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests in windows share: the Blenders, and the zip that a user would install."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.gui_root import RootError
from scripts.package import build
from tests.gui.rig import Rig, rig

SUITES = ("trixie", "sid")
MUST_RUN = "trixie"


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
