"""The key goes to the service and nowhere else: no file, no output, no child, no other host gets it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import bpy
import pytest

from tests.blender import scenes
from tests.blender.conftest import EXTENSION, HOME
from tests.unit.api.scripted import Server, answer


@pytest.fixture
def other() -> Iterator[Server]:
    """Another host: another port is another origin."""
    server = Server()
    yield server
    server.close()


def files_with(secret: bytes, *folders: Path) -> list[Path]:
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and secret in path.read_bytes()
    ]


def children(addon) -> dict[int, bytes]:
    """The engine process of this Blender, and its converters: how each was started, by process id."""
    engine = addon.session.current().engine
    found: dict[int, bytes] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if engine is not None and engine.pid in (parent, int(path.name)):
                found[int(path.name)] = (path / "cmdline").read_bytes()
    return found


def converters(addon) -> set[int]:
    script = addon.scene.background.here.converter_command()[-1].encode()
    return {process for process, command in children(addon).items() if script in command}


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("source", ["PREFERENCES", "SESSION", "ENVIRONMENT"])
def test_a_whole_run_leaves_the_key_nowhere(
    addon, sandbox, other: Server, tmp_path: Path, capfd, monkeypatch: pytest.MonkeyPatch, source: str
):
    key = sandbox.key
    chosen = addon.session.preferences.preferences(bpy.context)
    if source == "SESSION":
        chosen.session_only = True
        assert chosen.session_key == key
    if source == "ENVIRONMENT":
        chosen.api_key = ""
        monkeypatch.setenv("GENERIO_API_KEY", key)
    # A result that lies at another host, an answer that repeats the key, and a flow that fails with it.
    other.on("GET", "/elsewhere", answer({"detail": f"no {key}"}, 404, Connection="close"))
    sandbox.order(
        {"method": "GET", "path": "/flows/*", "action": "status", "status": 503, "body": f"down {key}"},
        {
            "method": "GET",
            "path": "/flows/*/outputs/*",
            "action": "redirect",
            "location": f"{other.url}/elsewhere",
            "times": addon.jobs.limits.LOOKUPS,
        },
        {"flow": {"outcome": "fail", "reason": f"no credit for {key}", "template": "model_optimize"}},
    )
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.ops.generio.generate_from_prompt(prompt="A lamp", quality="LOW")
    scenes.select(scenes.ball())
    with pytest.raises(RuntimeError, match="no credit for •••"):
        bpy.ops.generio.optimize_selected(polygon_count=500)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"), compress=False)
    carrier = addon.session.current().open_engine(bpy.context)
    assert converters(addon), "they stay for a while"
    about = [
        command + Path(f"/proc/{process}/environ").read_bytes()
        for process, command in children(addon).items()
    ]
    said = [
        *capfd.readouterr(),
        repr(carrier.jobs()),
        repr(vars(carrier.connection)),
        repr(vars(carrier.connection._process)),
    ]
    said += [str(tuple(row.values())) for row in bpy.context.window_manager.generio.jobs]
    assert len(about) >= 2, "the processes were looked at"
    assert other.asked, "the other host was asked"
    assert "A lamp" in bpy.data.objects
    assert key not in "".join(said)
    assert key.encode() not in b"".join(about)
    assert key not in repr(other.asked)
    assert files_with(key.encode(), HOME, tmp_path) == []
    addon.session.current().stop()


def test_a_key_for_this_session_is_not_in_the_preferences_file(addon, sandbox, tmp_path: Path):
    chosen = addon.session.preferences.preferences(bpy.context)
    file = Path(bpy.utils.user_resource("CONFIG", create=True)) / "userpref.blend"
    bpy.ops.wm.save_userpref()
    assert sandbox.key.encode() in _content(file), "where Blender keeps it otherwise"
    chosen.session_only = True
    assert (chosen.api_key, chosen.session_key) == ("", sandbox.key)
    bpy.ops.wm.save_userpref()
    assert sandbox.key.encode() not in _content(file)
    assert bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW") == {"FINISHED"}
    chosen.session_key = "another"
    assert addon.session.preferences.api_key(bpy.context) == "another"
    chosen.session_only = False
    assert (chosen.api_key, chosen.session_key) == ("another", "")
    file.unlink()


def _content(path: Path) -> bytes:
    """A .blend, unpacked where Blender has compressed it."""
    content = path.read_bytes()
    assert content.startswith((b"BLENDER", b"\x28\xb5\x2f\xfd")), "a .blend, or compressed by Zstandard"
    if content.startswith(b"BLENDER"):
        return content
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj().decompress(content)


# ---- quitting

HELD = 60.0
"""Seconds for which what is under way stands still: far more than quitting takes on any machine."""


@pytest.mark.parametrize("moment", ["preparing", "uploading", "running", "downloading"])
def test_quitting_waits_for_nothing_and_leaves_no_process(addon, sandbox, moment: str):
    sandbox.order(
        {"flow": {"outcome": "hang"} if moment == "running" else {"outcome": "slow_outputs", "reads": 1}},
        {"method": "POST", "path": "/flows/*/inputs", "action": "stall", "seconds": 2 * HELD, "times": -1}
        if moment == "uploading"
        else {"method": "GET", "path": "/flows/*/nothing", "action": "delay"},
    )
    carrier = addon.session.current().open_engine(bpy.context)
    item = scenes.ball(segments=256, rings=128)
    for number in range(3):
        token = f"{number:032x}"
        snapshot = addon.session.preferences.job_folder(bpy.context, token) / "snapshot.blend"
        addon.scene.export.snapshot.write_snapshot(item, snapshot)
        carrier.submit(
            addon.jobs.Job(
                addon.jobs.Request(
                    service=sandbox.url,
                    template="model_optimize",
                    name="Ball",
                    source=str(snapshot),
                    parameters={"polygon_count": 500},
                    destination=addon.session.current().document.for_mesh(bpy.context, "beside", item),
                ),
                token=token,
            )
        )
    wait_until(lambda: any(job.state == moment for job in carrier.jobs()))
    if moment == "uploading":  # what still goes out ends anyway
        wait_until(lambda: any(flow["uploaded"] for flow in sandbox.stats()["flows"].values()))
    frozen: set[int] = set()
    if moment in ("preparing", "downloading"):
        wait_until(lambda: frozen.update(told(converters(addon), signal.SIGSTOP)) or frozen)
    processes = children(addon)
    assert processes
    waited = threading.Event()

    def let_go() -> None:
        waited.set()
        told(frozen, signal.SIGCONT)

    held = threading.Timer(HELD, let_go)
    held.start()
    addon.session.current().stop()
    held.cancel()
    assert not waited.is_set(), "quitting lasted until there was nothing to wait for"
    wait_until(lambda: not any(map(lives, processes)))


def told(processes: set[int], what: signal.Signals) -> set[int]:
    """Send it to the processes; returns those that were there to hear it."""
    heard: set[int] = set()
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, what)
            heard.add(process)
    return heard


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "this never came"
        session = sys.modules[EXTENSION].session.current()
        if session.engine is not None:
            session.engine.pump()
        time.sleep(0.01)
