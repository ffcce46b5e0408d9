"""A real Blender (the bpy module) with the checkout installed as an extension, and a sandbox to talk to."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp(prefix="generio-test-"))
EXIT_STATUS = pytest.StashKey[int]()
EXTENSION = "bl_ext.user_default.generio_flows"

os.environ["BLENDER_USER_RESOURCES"] = str(HOME)  # before bpy looks for the user's own settings
os.environ.pop("GENERIO_API_KEY", None)

import bpy  # noqa: E402

# isort: split
import addon_utils  # noqa: E402 - comes with bpy

from tests.sandbox import Sandbox  # noqa: E402
from tests.sandbox.optimizer import Optimizer  # noqa: E402
from tests.systems import WINDOWS, install  # noqa: E402


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End without Blender's teardown, which as a module may wait for ever once glTF went through it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash.get(EXIT_STATUS, 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--models", default="", help="a folder with more GLB files to bring in")


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    """The checkout stands where Blender looks for extensions."""
    extensions = HOME / "extensions" / "user_default"
    install(ROOT, extensions)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield
    addon_utils.disable(EXTENSION)
    shutil.rmtree(HOME, ignore_errors=WINDOWS)  # where the log is still open


@pytest.fixture(params=["reference"])
def sandbox(request: pytest.FixtureRequest, optimizer: Optimizer) -> Iterator[Sandbox]:
    """A fast service; tests that should hold for both sides of the contract ask for both profiles."""
    with Sandbox(profile=request.param, speed=0.01, optimizer=optimizer) as service:
        yield service


@pytest.fixture
def addon(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The add-on, enabled in an empty file and pointed at the sandbox; yields its package."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    addon_utils.enable(EXTENSION, default_set=True)
    preferences = bpy.context.preferences.addons[EXTENSION].preferences
    preferences.service_url = sandbox.url
    preferences.api_key = sandbox.key
    package = sys.modules[EXTENSION]
    monkeypatch.setattr(package.jobs.polling, "SHORTEST", 0.05)  # the sandbox's flows take that long
    monkeypatch.setattr(package.jobs.limits, "LOOKUP_SECONDS", 0.05)  # and so does what it may say in error
    yield package
    addon_utils.disable(EXTENSION, default_set=True)
    shutil.rmtree(HOME / "extensions" / ".user", ignore_errors=True)
