# SPDX-License-Identifier: GPL-3.0-or-later
"""Roots with a windowed Blender: a small Debian in a folder, with Blender, an unseen screen, and eyes.

`python scripts/gui_root.py trixie DIR` makes the root, or finds it made. Debian trixie brings Blender 4.3,
sid 5.2. It takes about 75 seconds and 2 GB, needs root rights, and uses the Debian mirror of this machine.

What is mounted for a root lives in a mount namespace of its own and dies with the command that needed it:
nothing is left mounted, and nothing can be deleted through a forgotten mount.
"""

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES = (
    "blender",
    "python3-numpy",
    "python3-requests",
    "python3-cattr",
    "python3-zstandard",
    "libgl1-mesa-dri",  # OpenGL in software
    "xvfb",
    "sway",  # a Wayland screen, for what Blender cannot do on X11
    "libwayland-egl1",  # Blender loads it by itself, so its package does not depend on it
    "wl-clipboard",
    "grim",  # takes the pictures there
    "fonts-dejavu-core",
    "imagemagick",  # `import` takes the pictures of X11; Blender's own screenshot is black under software GL
    "tesseract-ocr",  # reads the labels, so that a story can click what it sees
)
ENGINES = {"sid": ("godot",)}
"""Game engines that read what is exported for them, by the suites that have them."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# $1 is the root, then pairs of (folder outside, folder inside), then "--" and the command.
_ENTER = """
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do mkdir -p "$root$2"; mount --bind "$1" "$root$2"; shift 2; done
shift
chroot "$root" "$@"
exit  # keeps the shell as the first process, for that one could not even kill itself
"""


class RootError(Exception):
    """The root cannot be made on this machine; the message says why."""


def entered(
    root: Path,
    command: Sequence[str],
    *,
    binds: Mapping[Path, str] | None = None,
    env: Mapping[str, str] | None = None,
) -> list[str]:
    """The command line that runs `command` inside `root`, where each folder of `binds` appears at its path.

    The environment inside is `env` alone, with a PATH. Killing the process ends all that it started, for they
    share a process namespace.
    """
    pairs = [part for outside, inside in (binds or {}).items() for part in (str(outside), inside)]
    settings = [f"{name}={value}" for name, value in {"PATH": PATH, "LANG": "C.UTF-8", **(env or {})}.items()]
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return [
        *namespaces,
        *("sh", "-ec", _ENTER, "enter", str(root), *pairs, "--"),
        *("/usr/bin/env", "-i", *settings, *command),
    ]


def ensure(suite: str, root: Path) -> Path:
    """Make the root of Debian's `suite` in the folder `root` unless it is there already, and return it.

    Raises RootError with the reason when it cannot be made.
    """
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with root.with_name(root.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _make(suite, root)
    except OSError as error:
        raise RootError(f"a Debian root cannot be made: {error}") from error
    return root


def _make(suite: str, root: Path) -> None:
    stamp = root / "generio-root"
    packages = (*PACKAGES, *ENGINES.get(suite, ()))
    wanted = "\n".join((suite, *packages))
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if os.geteuid() != 0:
        raise RootError("making a Debian root needs root rights")
    if not root.exists():
        _debootstrap(suite, root)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    # A mirror that is a snapshot may be older than the week for which sid's index is valid.
    _run(*entered(root, ["apt-get", "-o", "Acquire::Check-Valid-Until=false", "update"]))
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    _run(*entered(root, install, env={"DEBIAN_FRONTEND": "noninteractive"}))
    _run(*entered(root, ["apt-get", "clean"]))
    stamp.write_text(wanted)


def _debootstrap(suite: str, root: Path) -> None:
    """Unpack Debian's `suite`, under a temporary name so that a half-made root is never taken for whole."""
    if not shutil.which("debootstrap"):
        _run("apt-get", "update")
        _run("apt-get", "install", "-y", "--no-install-recommends", "debootstrap")
    unfinished = root.with_name(root.name + ".part")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    _run("unshare", "--mount", "debootstrap", "--variant=minbase", suite, str(unfinished), *_mirror())
    unfinished.rename(root)


def _mirror() -> list[str]:
    """The Debian mirror of this machine's apt; nothing where it has none, for debootstrap knows one."""
    apt = Path("/etc/apt")
    for sources in (apt / "sources.list", *sorted(apt.glob("sources.list.d/*"))):
        text = sources.read_text() if sources.suffix in {".list", ".sources"} and sources.is_file() else ""
        if found := re.search(r"^(?:deb|URIs:)\s.*?(https?://\S+/debian)/?(?:\s|$)", text, re.MULTILINE):
            return [found[1]]
    return []


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise RootError(f"`{' '.join(command[-8:])}` failed:\n{last}")


def main() -> int:
    """Make the root that the arguments ask for; the exit code is 1 when that is impossible here."""
    parser = argparse.ArgumentParser(description="Make a Debian root with a windowed Blender.")
    parser.add_argument("suite", help="Debian's suite: trixie, sid")
    parser.add_argument("root", type=Path, help="the folder to make it in")
    args = parser.parse_args()
    try:
        root = ensure(args.suite, args.root.absolute())
    except RootError as reason:
        print(reason, file=sys.stderr)
        return 1
    subprocess.run(entered(root, ["blender", "--version"]), check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
