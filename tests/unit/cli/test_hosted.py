"""The command line that a Blender runs in a process of its own."""

import json
import subprocess
import sys

from .conftest import LONGEST, ROOT, Program, until_told


def hosted(program: Program, *words: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, str(ROOT), "--hosted", *words],
        cwd=program.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None
    window = program.folder / "window"
    host = {
        "program": "blender --command generio",
        "service": program.sandbox.url,
        "api_key": program.sandbox.key,
        "online": True,
        "window": [str(window), str(window / "results")],
        "converter": ["/no/such/program"],
    }
    process.stdin.write(json.dumps(host) + "\n")
    process.stdin.flush()
    return process


def test_it_does_what_blender_would_with_what_blender_knows(program: Program):
    process = hosted(program, "generate", "--prompt", "lamp", "--quality", "low", "--output", "lamp.glb")
    code = process.wait(LONGEST)  # with its libraries loaded while it waits for Blender's end
    assert code == 0, process.stdout.read()  # type: ignore[union-attr]
    assert (program.folder / "lamp.glb").read_bytes().startswith(b"glTF")
    process.communicate()
    listed = hosted(program, "jobs", "list")
    assert listed.wait(LONGEST) == 2
    told = listed.stdout.read()  # type: ignore[union-attr]
    assert "there are no jobs in window" in told
    listed.communicate()


def test_when_blender_ends_it_is_interrupted_and_can_be_gone_on_with(program: Program):
    program.sandbox.order({"flow": {"outcome": "hang"}})
    process = hosted(program, "generate", "--prompt", "lamp", "--quality", "low", "--output", "lamp.glb")
    until_told(process, "lamp.glb: Running")
    process.stdin.close()  # type: ignore[union-attr]
    told = process.stdout.read()  # type: ignore[union-attr]
    assert process.wait(LONGEST) == 130, told
    assert "blender --command generio jobs resume" in told
    process.stdout.close()  # type: ignore[union-attr]
