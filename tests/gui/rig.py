# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's side of the rig: a root with a windowed Blender, a screen nobody sees, the built zip in it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.gui_root import RootError, ensure, entered
from tests.gui import screen_reader
from tests.gui.screen_reader import SCREEN

CHECKOUT = Path(__file__).parents[2]
PICTURES = CHECKOUT / "build/gui"
SUITES = ("trixie", "sid")
"""The Debians whose Blenders play."""

WAYLAND = ("sid",)
"""Those that build Blender for Wayland, too."""

ACT_TIMEOUT = 900.0  # seconds; an act that takes longer hangs

ENDINGS = {"quit": 0, "die": 128 + 9}
"""The last steps that an act may have, and with what exit code Blender then ends; any other is a crash."""

# Lines that neither Blender nor the add-on may write.
_COMPLAINT = re.compile(r"Traceback|\bError\b|\w+Error:|\| ERROR |Warning:.*generio")


def cache() -> Path:
    """Where roots are kept between runs, and shared by clones."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GENERIO_CACHE") or Path(home) / "generio-flows")


@dataclass
class Rig:
    """A Blender of some version, ready to play stories."""

    suite: str
    root: Path
    tmp: Path  # is /tmp inside: fresh, and shared by the screen and Blender
    version: str = ""
    screen: dict[str, str] = field(default_factory=dict)  # what a program has to know to show a window

    @property
    def out(self) -> Path:
        """Where pictures, logs and reports of this version go."""
        return PICTURES / self.version

    def command(self, *command: str, **env: str) -> list[str]:
        """The command line to run something inside."""
        binds = {self.tmp: "/tmp"}
        for room in ("gui", "blender"):  # a story may have a scene that is made there
            binds[CHECKOUT / "tests" / room] = f"/rig/tests/{room}"
        binds[CHECKOUT / "scripts"] = "/rig/scripts"  # where the owl is made that pictures show
        if self.version:
            binds[self.out] = "/out"
        settings = {"HOME": "/tmp/home", "LIBGL_ALWAYS_SOFTWARE": "1", **self.screen, **env}
        return entered(self.root, command, binds=binds, env=settings)

    @property
    def home(self) -> Path:
        """The user's folder, /tmp/home inside."""
        return self.tmp / "home"

    def fresh_home(self) -> None:
        """Start as a user who has never started Blender."""
        shutil.rmtree(self.home, ignore_errors=True)
        # Blender 5.2 loads a list of assets from the internet; what it cannot lock it leaves alone.
        (self.home / ".cache/blender/remote-assets/online-essentials/_sync.lock").mkdir(parents=True)

    def install(self, package: Path, service: str, key: str) -> None:
        """Start with a fresh home, in which Blender has the extension and knows the service and the key."""
        just_installed = self.tmp / f"home-{package.parent.name}"
        if just_installed.exists():  # an earlier story's, kept from before that began
            shutil.rmtree(self.home, ignore_errors=True)
        else:
            self.fresh_home()
            shutil.copy(package, self.home / package.name)
            install = ("extension", "install-file", "-r", "user_default", "-e", f"/tmp/home/{package.name}")
            self.succeed("blender", "--command", *install)
            self.home.rename(just_installed)
        shutil.copytree(just_installed, self.home, symlinks=True)
        self.prepare(service, key)

    def prepare(self, *settings: str) -> None:
        """Settle the preferences; `settings`: service and key, where the extension is enabled already."""
        prepare = ("--python-exit-code", "1", "--python", "/rig/tests/gui/prepare.py", "--", *settings)
        self.succeed("blender", "--background", *prepare)

    @contextmanager
    def x11(self) -> Iterator[None]:
        """Have an X server meanwhile."""
        screen = ("-screen", "0", "{}x{}x24".format(*SCREEN))
        with self._serving("Xvfb", "-displayfd", "1", *screen, "-nolisten", "tcp") as number:
            self.screen = {"DISPLAY": f":{number}"}
            yield

    @contextmanager
    def wayland(self) -> Iterator[None]:
        """Have a Wayland screen meanwhile, which one window fills; two share it.

        It has no mouse and no keyboard. So Blender cannot drag, for it would hold the mouse. And what Blender
        writes into the clipboard stays its own, so that to look at a button takes no picture away.
        """
        size = "output * resolution {}x{}".format(*SCREEN)
        (self.tmp / "sway").write_text(f"{size}\ndefault_border none\nexec echo $WAYLAND_DISPLAY\n")
        runtime = {"XDG_RUNTIME_DIR": "/tmp"}
        drawn = {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman"}
        former = self.screen
        with self._serving("sway", "-c", "/tmp/sway", **runtime, **drawn) as name:
            self.screen = {"WAYLAND_DISPLAY": name, **runtime}
            try:
                yield
            finally:
                self.screen = former

    @contextmanager
    def _serving(self, *command: str, **env: str) -> Iterator[str]:
        """Run a server meanwhile; yields the first line that it prints."""
        with subprocess.Popen(
            self.command(*command, **env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                assert server.stdout
                yield server.stdout.readline().strip()
            finally:
                server.kill()  # unshare does not hear anything softer, and takes the server along

    def succeed(self, *command: str, **env: str) -> str:
        """Run something that has to end well and without complaints; returns what it printed."""
        done = subprocess.run(
            self.command(*command, **env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0 and not complaints(done.stdout), done.stdout
        return done.stdout

    def play(
        self, story: str, act: int, sandbox: str, online: bool = True, height: int = SCREEN[1], **env: str
    ) -> dict[str, Any]:
        """Play one act of a story in a new window, check what Blender wrote, and return the act's report.

        online: whether Blender may use the network; else its preferences say so, which begin with no.
        height: of the window, pixels.
        """
        name = f"{story}-{act + 1}"
        report = self.out / f"{name}.json"
        for former in self.out.glob(f"{name}[.-]*"):
            former.unlink()
        log = self.out / f"{name}.log"
        access = ("--online-mode",) if online else ()
        blender = ("blender", *access, "--enable-event-simulate", "--window-geometry", "0", "0")
        size = (str(SCREEN[0]), str(height))
        driver = ("--python", "/rig/tests/gui/play.py", "--", story, str(act), "/out", sandbox)
        command = self.command(*blender, *size, *driver, **env)
        with (
            log.open("w") as output,
            subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as window,
        ):
            try:
                code = window.wait(ACT_TIMEOUT)
            except subprocess.TimeoutExpired:
                subprocess.run(self.command(*screen_reader.picture(Path(f"/out/{name}-hangs.png"))))
                raise AssertionError(f"{name} hangs; see {log}") from None
            finally:
                window.kill()
        assert report.is_file(), f"{name} did not begin:\n{log.read_text()}"
        told = json.loads(report.read_text())
        assert not told["error"], told["error"]
        ending = told["steps"][-1]["name"]
        assert code == ENDINGS.get(ending), f"{name}: Blender ended with {code} in {ending!r}; see {log}"
        assert not (found := complaints(log.read_text(), told["expected"])), f"{log} has complaints:\n{found}"
        return told


def complaints(log: str, expected: Sequence[str] = ()) -> str:
    """The first error in Blender's log that was not expected, with the lines after it; or nothing."""
    told = [line for line in log.splitlines() if not any(words in line for words in expected)]
    found = (at for at, line in enumerate(told) if _COMPLAINT.search(line))
    return "\n".join(told[at : at + 20]) if (at := next(found, None)) is not None else ""


@contextmanager
def rig(suite: str) -> Iterator[Rig]:
    """A rig with Debian's `suite` and a running X server. Raises RootError where it cannot be made."""
    root = ensure(suite, cache() / suite)
    with tempfile.TemporaryDirectory(prefix="generio-gui-") as folder:
        this = Rig(suite, root, Path(folder))
        named = subprocess.run(this.command("blender", "--version"), capture_output=True, text=True)
        if not (found := re.search(r"^Blender (\d+\.\d+)", named.stdout, re.MULTILINE)):
            raise RootError(f"Blender does not start: {named.stdout + named.stderr}")
        this.version = found[1]
        this.out.mkdir(parents=True, exist_ok=True)
        with this.x11():
            yield this
