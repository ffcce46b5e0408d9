"""A real Blender (the bpy module) with the checkout installed as an extension, and a sandbox to talk to."""

import importlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

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
from tests.systems import KILL, WINDOWS, install  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An engine that is let go may take a moment to end, and nobody waits for it."""
    mark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(mark)


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
    panel = bpy.context.window_manager.generio  # which Blender keeps, whatever file is open
    for name in panel.bl_rna.properties.keys():  # noqa: SIM118 - it has no other way
        panel.property_unset(name)
    package = sys.modules[EXTENSION]
    monkeypatch.setattr(package.jobs.polling, "SHORTEST", 0.05)  # the sandbox's flows take that long
    monkeypatch.setattr(package.jobs.limits, "LOOKUP_SECONDS", 0.05)  # and so does what it may say in error
    yield package
    kill_engine(package)
    addon_utils.disable(EXTENSION, default_set=True)
    shutil.rmtree(HOME / "extensions" / ".user", ignore_errors=True)


def kill_engine(package: ModuleType) -> None:
    """End the engine at once, which a test need not wait for; its converters end when they notice."""
    if package.session.is_running():
        engine = package.session.current().engine
        if engine is not None and engine.pid:
            with suppress(OSError):  # it has ended already, which Windows has other words for
                os.kill(engine.pid, KILL)


@pytest.fixture(scope="session")
def conversions() -> Iterator[dict[type, Any]]:
    """What converts, of each life of the add-on's modules: its converters stay warm from test to test."""
    made: dict[type, Any] = {}
    yield made
    for conversion in made.values():
        conversion.close()


@pytest.fixture
def conversion(addon: ModuleType, conversions: dict[type, Any]) -> Any:
    """A Conversion of the add-on's own package."""
    kind = importlib.import_module(f"{EXTENSION}.engine.conversion").Conversion
    if kind not in conversions:
        conversions[kind] = kind(addon.scene.background.here.converter_command())
    return conversions[kind]


THREADED = tuple(f"{EXTENSION}.engine.{name}" for name in ("conversion", "converters"))
"""What tests use here, and Blender does not: it belongs to the engine process."""


@pytest.fixture(autouse=True)
def no_thread_of_ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python threads are not supported in Blender: the add-on starts none."""
    start, started = threading.Thread.start, []

    def noting(thread: threading.Thread) -> None:
        module = starter(sys._getframe(1))
        if module.startswith(EXTENSION) and module not in THREADED:
            started.append(f"{thread.name}, by {module}")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noting)
    yield
    assert started == []


def starter(frame: FrameType | None) -> str:
    """The module that starts a thread, by itself or by what Python has for that."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in (
            "threading",
            "concurrent",
            "multiprocessing",
            "asyncio",
            "socketserver",
        ):
            return module
        frame = frame.f_back
    return ""


@pytest.fixture
def sends_what_is_light(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mesh that has no more triangles than it is to have is sent all the same.

    So a test sees what becomes of a mesh from which nothing was taken away.
    """
    mesh_request = importlib.import_module(f"{addon.__name__}.session.requests.mesh_request")
    monkeypatch.setattr(mesh_request, "is_light_enough", lambda _present, _count: False)
