# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exported for Godot, read by Godot."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.gui.rig import CHECKOUT, Rig
from tests.sandbox.generate import from_prompt

DATA = Path(__file__).parent / "data/godot"
QUALITIES = {"rock": "high", "rock_LOD1": "low"}


def godot(blender: Rig, *options: str) -> str:
    """What Godot prints, which complains of what it leaves in memory when it ends."""
    command = blender.command("godot", "--headless", "--path", "/tmp/project", *options)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("blender", ["sid"], indirect=True)
def test_godot_has_the_levels_and_a_body(blender: Rig, package: Path) -> None:
    project = blender.tmp / "project"
    shutil.copytree(DATA, project)
    shutil.copy(CHECKOUT / "extras/godot/generio_lods.gd", project)
    levels = blender.tmp / "levels"
    levels.mkdir()
    for name, quality in QUALITIES.items():
        (levels / f"{name}.glb").write_bytes(from_prompt("A rock", quality=quality, seed=1, texture=True))
    blender.install(package, "", "")
    files = (f"/tmp/levels/{name}.glb" for name in QUALITIES)
    options = ("--for", "godot", "--collision", "hull", "--output", "/tmp/project")
    blender.succeed("blender", "--command", "generio", "export", *files, *options)
    godot(blender, "--import")
    lines = godot(blender, "--script", "list.gd").splitlines()
    nodes = [json.loads(line.removeprefix("NODE ")) for line in lines if line.startswith("NODE ")]
    by_name = {node["name"]: node for node in nodes}
    assert nodes[0]["name"] == "rock_scene"
    near, far = by_name["rock_LOD0"], by_name["rock_LOD1"]
    assert near["triangles"] > far["triangles"] > 0
    assert near["range"][0] == 0.0 < near["range"][1] == far["range"][0]
    assert far["range"][1] == 0.0  # which is Godot's word for no end
    assert [node["class"] for node in nodes if node["name"] == "rock_01"] == ["StaticBody3D"]
    assert [node["shape"] for node in nodes if "shape" in node] == ["ConvexPolygonShape3D"]
