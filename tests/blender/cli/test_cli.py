"""The command line inside Blender: with its preferences, its list of jobs, and its own file format."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest
from PIL import Image

from tests.blender.sculpts import sculpt
from tests.fbx import read_fbx
from tests.sandbox.generate import from_prompt

ROOT = Path(__file__).resolve().parents[3]

LOOK = """
import bpy, json, os, sys
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
print("SEEN", json.dumps({
    "scene": [item.name for item in bpy.context.scene.objects],
    "packed": [image.packed_file is not None for image in bpy.data.images if image.source == "FILE"],
}), flush=True)
os._exit(0)
"""


@pytest.fixture
def generio(addon, capfd):
    """Runs the command as Blender does; gives the exit code and what was printed."""
    command = importlib.import_module(f"{addon.__name__}.cli.command")

    def run(*words: str) -> tuple[int, str, str]:
        code = command.execute(list(words))
        told = capfd.readouterr()
        return code, told.out, told.err

    return run


def seen(blend: Path) -> dict[str, list[object]]:
    """What another Blender sees when it opens the file."""
    told = subprocess.run(
        [sys.executable, "-c", LOOK, str(blend)], capture_output=True, text=True, check=True
    )
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("SEEN ")]
    return json.loads(line.removeprefix("SEEN "))


def test_key_and_service_are_those_of_the_preferences(generio, sandbox, tmp_path: Path):
    path = tmp_path / "lamp.glb"
    code, out, _ = generio(
        "generate", "--prompt", "lamp", "--quality", "low", "--output", str(path), "--json"
    )
    assert (code, json.loads(out.splitlines()[-1])["done"]) == (0, 1)
    assert path.exists()
    assert sandbox.stats()["run_total"] == 1


def test_a_blend_file_opens_with_the_model_in_its_scene(generio, tmp_path: Path):
    path = tmp_path / "lamp.blend"
    assert generio("generate", "--prompt", "lamp", "--quality", "low", "--output", str(path))[0] == 0
    inside = seen(path)
    assert len(inside["scene"]) == 1
    assert inside["packed"] and all(inside["packed"])


def test_plain_python_with_the_bpy_module_makes_blend_files_too(sandbox, tmp_path: Path):
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--output", "lamp.blend")
    done = subprocess.run(
        [sys.executable, str(ROOT), *words, "--service", sandbox.url],
        cwd=tmp_path,
        env={**os.environ, "GENERIO_API_KEY": sandbox.key},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(seen(tmp_path / "lamp.blend")["scene"]) == 1


@pytest.mark.parametrize("suffix", [".glb", ".blend"])
def test_what_is_lost_is_baked_into_the_result(generio, sandbox, tmp_path: Path, suffix: str):
    item = sculpt(uv=False)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "heavy.glb"))
    bpy.data.objects.remove(item)
    path = tmp_path / "light" / f"vase{suffix}"
    words = (
        "optimize",
        str(tmp_path / "heavy.glb"),
        "--ratio",
        "0.1",
        "--output",
        str(path),
        "--bake",
        "512",
    )
    code, out, err = generio(*words)
    assert code == 0, out + err
    if suffix == ".blend":
        assert seen(path)["packed"] == [True]
    else:
        data = path.read_bytes()
        (material,) = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])["materials"]
        assert "normalTexture" in material
    assert generio(*words)[0] == 0  # and nothing is done anew
    assert sandbox.stats()["run_total"] == 1


def test_a_picture_of_another_kind_becomes_a_png_first(generio, sandbox, tmp_path: Path):
    Image.new("RGB", (16, 16), (200, 30, 30)).save(tmp_path / "shoe.bmp")
    picture = str(tmp_path / "shoe.bmp")
    code, out, _ = generio("generate", "--image", picture, "--quality", "low", "--output", str(tmp_path))
    assert code == 0, out
    assert (tmp_path / "shoe.glb").exists()
    assert (tmp_path / "shoe.bmp").exists()


def test_the_scene_and_the_windows_list_stay_as_they_are(generio, addon, tmp_path: Path):
    generio("generate", "--prompt", "lamp", "--quality", "low", "--output", str(tmp_path))
    assert not bpy.data.objects
    assert addon.session.current().engine is None


def test_jobs_without_a_folder_are_those_of_the_windows(generio, sandbox):
    assert generio("jobs", "list")[0] == 2
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    code, out, _ = generio("jobs", "list")
    assert code == 0
    assert out.splitlines()[-1].split()[3:7] == ["Done", "generate", "A", "chair"]
    assert sandbox.stats()["run_total"] == 1


def test_resuming_the_windows_jobs_leaves_them_ready_for_a_window(generio, addon, sandbox):
    flows = importlib.import_module(f"{addon.__name__}.flows")
    flows.generate("A chair", quality="low")
    addon.session.current().stop()
    code, out, _ = generio("jobs", "resume")
    assert (code, out.splitlines()[-2]) == (0, "A chair: Ready")
    assert out.splitlines()[-1].startswith("1 of 1 done, after ")
    assert generio("jobs", "resume")[1].startswith("0 of 0 done"), "there is nothing left to do"
    assert sandbox.stats()["run_total"] == 1


def test_a_window_goes_on_with_nothing_of_a_folder(generio, addon, sandbox, tmp_path: Path):
    """Whoever interrupts a batch does not want the next Blender to run it."""
    sandbox.order({"status": 401, "method": "POST", "path": "/flows", "action": "status", "times": -1})
    assert generio("generate", "--prompt", "lamp", "--output", str(tmp_path))[0] == 3
    sandbox.clear_faults()
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    assert [job.request.name for job in addon.session.current().engine.jobs()] == ["A chair"]
    assert sandbox.stats()["run_total"] == 1


def test_offline_is_said_with_its_fix_and_ends_with_4(generio, addon, tmp_path: Path):
    addon.session.preferences.preferences(bpy.context).service_url = "https://flows.generio.ai"
    assert not bpy.app.online_access
    code, out, _ = generio("generate", "--prompt", "lamp", "--output", str(tmp_path))
    assert code == 4
    assert "Blender is offline. Allow online access in Preferences > System > Network." in out
    code, _, err = generio("templates")
    assert (code, err.startswith("Blender is offline.")) == (4, True)


def test_help_says_how_it_is_started(generio):
    code, out, _ = generio("--help")
    assert code == 0
    assert out.startswith("usage: blender --command generio ")


def test_levels_of_detail_become_one_file_for_a_game_engine(generio, sandbox, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("ball.glb").write_bytes(from_prompt("ball", quality="low", seed=1, texture=True))
    words = ("optimize", "ball.glb", "--lods", "0.5,0.25", "--output", "out", "--export", "unreal")
    code, out, err = generio(*words, "--collision", "hull", "--collision-triangles", "40")
    assert code == 0, out + err
    assert out.replace("\\", "/").splitlines()[-1] == "out/ball.fbx: Exported"
    nodes = read_fbx(Path("out/ball.fbx"))
    assert {*nodes} == {"SM_ball", *(f"SM_ball_LOD{level}" for level in range(3)), "UCX_SM_ball_LOD0_01"}
    counts = [nodes[f"SM_ball_LOD{level}"].triangles for level in range(3)]
    assert counts[0] > counts[1] > counts[2]
    assert nodes["UCX_SM_ball_LOD0_01"].triangles <= 40
    code, out, err = generio(*words)
    assert (code, sandbox.stats()["run_total"]) == (0, 2), "what is ours is written again, and nothing sent"
    code, out, err = generio("export", "out/*.glb", "--for", "unity", "--output", "unity", "--json")
    assert code == 0, out + err
    (event,) = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert (event["event"], event["engine"], event["code"]) == ("export", "unity", "")
    assert {*read_fbx(Path("unity/ball.fbx"))} == {"ball", "ball_LOD0", "ball_LOD1"}
    code, out, err = generio(
        "export", "ball.glb", "--for", "unity", "--separate-textures", "--output", "apart"
    )
    assert code == 0, out + err
    assert {path.parent.name for path in Path("apart").rglob("*.*")} == {"apart", "textures"}
    Path("broken.glb").write_bytes(b"glTF")
    code, out, err = generio("export", "broken.glb", "--for", "gltf")
    assert code == 1
    assert "broken_gltf.glb: The files could not be exported" in out
