"""Makes constraints.txt anew: the exact version of every package that a checkout needs beside bpy.

`make lock`. For each Python that Blender has, pip says what it would install now for that Python's bpy and
all dependency groups; nothing is installed. What only another system needs (colorama on Windows) is asked for
as well. bpy itself is left out, since the Makefile and noxfile.py choose it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "constraints.txt"
BPY = {"3.11": "4.5.*", "3.13": "5.2.*"}
SYSTEMS = (
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
)
HEAD = """\
# The exact packages that this checkout was tested with. Made by `make lock`; a change by hand is lost.
"""


def interpreter(version: str) -> str:
    """The path of that Python. Raises CalledProcessError where it is missing."""
    command = ["sh", str(ROOT / "scripts/find_python.sh"), version]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def resolve(version: str, more: set[str]) -> list[dict[str, Any]]:
    """The metadata of what pip would install for Python `version`. Raises CalledProcessError."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "--python", interpreter(version), "install", "--quiet"]
        command += ["--dry-run", "--ignore-installed", "--report", str(report), f"bpy=={BPY[version]}", "pip"]
        command += [word for group in groups for word in ("--group", group)]
        subprocess.run([*command, *sorted(more)], cwd=ROOT, check=True)
        return [found["metadata"] for found in json.loads(report.read_text("utf-8"))["install"]]


def needed_elsewhere(packages: list[dict[str, Any]]) -> set[str]:
    """The names of what these packages need on another system than this one, and on this one not."""
    here = {str(canonicalize_name(package["name"])) for package in packages}
    needs = [Requirement(text) for package in packages for text in package.get("requires_dist", ())]
    return {
        str(canonicalize_name(need.name))
        for need in needs
        for system in SYSTEMS
        if need.marker is not None and need.marker.evaluate({**system, "extra": ""})
    } - here


def versions(python: str) -> dict[str, str]:
    """The version of each package that Python `python` needs, on any system."""
    more: set[str] = set()
    while missing := needed_elsewhere(packages := resolve(python, more)):
        more |= missing
    return {canonicalize_name(package["name"]): package["version"] for package in packages}


def lines(found: dict[str, dict[str, str]]) -> list[str]:
    """One line for each package, or one for each Python where their versions differ."""
    made: list[str] = []
    for name in sorted({name for packages in found.values() for name in packages} - {"bpy"}):
        by_python = {python: packages[name] for python, packages in found.items() if name in packages}
        if len(set(by_python.values())) == 1:
            made.append(f"{name}=={next(iter(by_python.values()))}")
        else:
            made += [
                f'{name}=={version} ; python_version == "{python}"' for python, version in by_python.items()
            ]
    return made


def main() -> None:
    """Write the lock."""
    found = {python: versions(python) for python in BPY}
    LOCK.write_text(HEAD + "\n".join(lines(found)) + "\n", "utf-8")
    print(LOCK)


if __name__ == "__main__":
    main()
