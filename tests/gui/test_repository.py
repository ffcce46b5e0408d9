# SPDX-License-Identifier: GPL-3.0-or-later
"""The static repository of `make package` and the command line, with real Blenders."""

import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.package import build, repository
from tests.gui.rig import CHECKOUT, Rig
from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt

OLDER, NEWER = "0.0.1", "9.0.0"
SLOW = 12.0
"""Speed of the sandbox at which flows still run when the upgrade is over."""

RELEASED = Path(__file__).parent / "data/generio_flows-0.1.0.zip"
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


@contextmanager
def served(*folders: Path) -> Iterator[str]:
    """A folder on a loopback port, as any web server would have it; yields the address of its index.

    Whoever posts something there gets the next of the folders from then on.
    """
    following = iter(folders)
    shown = [next(following)]

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(shown[-1]))

        def do_POST(self) -> None:
            shown.append(next(following))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name in the library
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.json"
        server.shutdown()


def versioned(package: Path, version: str, folder: Path) -> Path:
    """The same extension under another version."""
    source = folder / "source"
    source.mkdir(parents=True)
    with zipfile.ZipFile(package) as inside:
        inside.extractall(source)
    manifest = source / "blender_manifest.toml"
    text = re.sub(r'^version = ".*"', f'version = "{version}"', manifest.read_text(), flags=re.MULTILINE)
    manifest.write_text(text)
    return build(folder, source)


def test_installed_upgraded_and_removed_without_a_trace(blender: Rig, package: Path, tmp_path: Path):
    shop = tmp_path / "repository"
    blender.fresh_home()
    blender.prepare()
    with Sandbox(speed=0.2) as sandbox, served(shop) as address:
        repository(versioned(package, OLDER, tmp_path), shop)
        blender.play("repository", 0, sandbox.url, REPOSITORY=address, SERVICE=sandbox.url)
        repository(package, shop)
        blender.play("repository", 1, sandbox.url, REPOSITORY=address, SERVICE=sandbox.url)
        assert list(blender.home.rglob("jobs.sqlite")), "there was something to remove"
        blender.play("repository", 2, sandbox.url, REPOSITORY=address, SERVICE=sandbox.url)
    left = [path.relative_to(blender.home) for path in blender.home.rglob("*generio*")]
    assert not left
    assert not list(blender.home.rglob("jobs.sqlite"))
    knowing = [
        path for path in blender.home.rglob("*") if path.is_file() and b"demo-key" in path.read_bytes()
    ]
    assert not knowing


@pytest.mark.parametrize(("former", "result"), [("0.1.0", "ready"), (OLDER, "done")])
def test_a_version_is_upgraded_while_its_jobs_are_under_way(
    blender: Rig, package: Path, tmp_path: Path, former: str, result: str
):
    """The package of 0.1.0 is that of then: its jobs were carried by threads of Blender itself."""
    blender.fresh_home()
    blender.prepare()
    before, present = tmp_path / "before", tmp_path / "present"
    repository(RELEASED if former == "0.1.0" else versioned(package, former, tmp_path), before)
    repository(versioned(package, NEWER, tmp_path / "newer"), present)
    with Sandbox(speed=SLOW) as sandbox, served(before, present) as address:
        around = {"REPOSITORY": address, "SERVICE": sandbox.url, "FORMER": former, "RESULT": result}
        blender.play("upgrade", 0, sandbox.url, **around)


# ---- the command line in a real Blender; what it does is tested in tests/unit/cli, here is how it is called


def blender_command(blender: Rig, *words: str) -> list[str]:
    return blender.command("blender", "--online-mode", "--command", "generio", *words)


def test_the_command_of_a_real_blender(blender: Rig, package: Path):
    with Sandbox(speed=0.05) as sandbox:
        blender.install(package, sandbox.url, sandbox.key)
        told = re.findall(r"^blender --online-mode --command generio .*", README, re.MULTILINE)
        (blender.tmp / "models").mkdir(exist_ok=True)
        (blender.tmp / "models/ball.glb").write_bytes(
            from_prompt("ball", quality="low", seed=1, texture=False)
        )
        for line in told:
            blender.succeed("sh", "-c", f"cd /tmp && {line}")
        assert (blender.tmp / "lamp.glb").exists() and (blender.tmp / "light/ball.glb").exists()
        assert sandbox.stats()["run_total"] == len(told) == 2
        words = ("generate", "--prompt", "A brass lamp", "--quality", "low", "--output", "/tmp/out", "--json")
        done = subprocess.run(blender_command(blender, *words), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert (events[-1]["event"], events[-1]["done"]) == ("summary", 1)
        assert (blender.tmp / "out/a-brass-lamp.glb").read_bytes()[:4] == b"glTF"
        blend = ("generate", "--prompt", "A chair", "--quality", "low", "--output", "/tmp/out/chair.blend")
        assert subprocess.run(blender_command(blender, *blend), capture_output=True).returncode == 0
        assert (blender.tmp / "out/chair.blend").stat().st_size > 10_000
        assert subprocess.run(blender_command(blender, "generate"), capture_output=True).returncode == 2
        assert sandbox.stats()["run_total"] == 4
        blender.prepare(sandbox.url, "wrong-key")
        other = ("generate", "--prompt", "Another", "--output", "/tmp/out")
        assert subprocess.run(blender_command(blender, *other), capture_output=True).returncode == 3


def test_blender_itself_builds_the_zip(blender: Rig):
    """As README has it, for whoever has no make; what comes out can be installed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        copy = blender.tmp / "checkout" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, copy)
    blender.fresh_home()
    told = re.findall(r"^blender --command extension build$", README, re.MULTILINE)
    blender.succeed("sh", "-c", f"cd /tmp/checkout && {told[0]}")
    (built,) = (blender.tmp / "checkout").glob("generio_flows-*.zip")
    install = f"extension install-file -r user_default -e /tmp/checkout/{built.name}"
    blender.succeed("sh", "-c", f"blender --command {install}")
    assert list(blender.home.rglob("generio_flows/flows.py"))


def test_a_background_script_of_a_real_blender(blender: Rig, package: Path):
    """As docs/scripting.md starts one."""
    scripting = (CHECKOUT / "docs/scripting.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"`(blender --background [^`]*)`", scripting)
    script = """
import bpy
from bl_ext.user_default.generio_flows import flows
chair = flows.generate("A chair", quality="low")
flows.wait(chair)
assert len(chair.objects) == 1
bpy.ops.wm.save_mainfile()
"""
    (blender.tmp / "script.py").write_text(script)
    make = "import bpy; bpy.ops.wm.save_as_mainfile(filepath='/tmp/scene.blend')"
    with Sandbox(speed=0.05) as sandbox:
        blender.install(package, sandbox.url, sandbox.key)
        blender.succeed("blender", "--background", "--python-expr", make)
        empty = (blender.tmp / "scene.blend").stat().st_size
        blender.succeed(
            "sh", "-c", f"cd /tmp && {line}".replace("--python ", "--python-exit-code 1 --python ")
        )
        assert (blender.tmp / "scene.blend").stat().st_size > empty
        assert sandbox.stats()["run_total"] == 1


def test_ctrl_c_in_a_real_blender(blender: Rig, package: Path):
    shutil.rmtree(blender.tmp / "out", ignore_errors=True)
    with Sandbox(speed=0.05) as sandbox:
        blender.install(package, sandbox.url, sandbox.key)
        sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
        words = ("generate", "--prompt", "lamp", "--quality", "low", "--output", "/tmp/out")
        with subprocess.Popen(blender_command(blender, *words), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = ""
            while "Running" not in told:
                told += (line := process.stdout.readline())
                assert line, told
            interrupt(process.pid)
            told += process.stdout.read()
            assert process.wait(60) == 130
        assert "Interrupted." in told
        assert "blender --online-mode --command generio jobs resume --output" in told


def interrupt(parent: int) -> None:
    """Send what Ctrl-C sends to the Blender somewhere below a process."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if Path(f"/proc/{child}/comm").read_text().strip() == "blender":
            os.kill(int(child), signal.SIGINT)
        else:
            interrupt(int(child))
