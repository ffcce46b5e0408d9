"""Many small models: killed half way, spread over shards, and in little memory; each is run once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from generio_flows.api import check_glb

from tests.sandbox import Sandbox
from tests.systems import needs_sh

from .conftest import LONGEST, MODELS, ROOT, Program, write_models

MANY = 64
"""So many models that what is kept of each would show in the memory of the whole."""
MEMORY = 300  # MiB, with 8 at once


def outputs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.glb"))


def test_a_batch_that_is_killed_half_way_runs_each_model_once(
    program: Program, models: Path, sandbox: Sandbox
):
    outputs_of_all = {"method": "GET", "path": "/flows/*/outputs", "after": MODELS - 8}
    sandbox.order({**outputs_of_all, "action": "status", "times": -1})  # it cannot end before it is killed
    words = ("optimize", "models/*.glb", "--ratio", "0.5", "--output", "out", "--jobs", "8")
    process = program.start(*words)
    assert process.stdout is not None
    done = 0
    while done < MODELS // 2:
        line = process.stdout.readline()
        assert line, "it ended"
        done += line.strip().endswith(": Done")
    process.kill()
    process.communicate()
    sandbox.clear_faults()
    kept = {
        name: (program.folder / "out" / name).stat().st_mtime_ns for name in outputs(program.folder / "out")
    }
    assert MODELS // 2 <= len(kept) < MODELS
    answer = program(*words, "--json")
    assert answer.code == 0, answer.out
    summary = answer.events[-1]
    assert (summary["done"], summary["failed"]) == (MODELS, 0)
    assert (
        len(kept) - 1 <= summary["already_done"] <= len(kept)
    )  # one may have been killed between its file and its mark
    assert program.runs() == [1] * MODELS
    assert outputs(program.folder / "out") == outputs(models)
    for path in (program.folder / "out").glob("*.glb"):
        check_glb(path)
    assert not list((program.folder / "out").glob("*.part"))


PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(used.ru_maxrss // 1024)
sys.exit(process.returncode)
"""
"""Prints the peak of a command's memory in MiB; small itself, since a process inherits its parent's peak."""


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="Windows tells no peak of a child's memory so")
def test_the_client_stays_small(program: Program):
    """Peak resident memory of the whole process, Python and its libraries included."""
    write_models(program.folder / "models", MANY)
    command = [sys.executable, str(ROOT), "optimize", "models/*.glb", "--ratio", "0.5", "--output", "out"]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *command, "--jobs", "8", "--service", program.sandbox.url],
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert int(done.stdout) < MEMORY
    assert program.runs() == [1] * MANY


# ---- farms; the commands are those of docs/farm.md

SHARDS = 8


@needs_sh
def test_an_array_of_shards_as_slurm_starts_them(program: Program, models: Path):
    """Each task knows only its number; all write into one folder, with one ledger."""
    script = program.folder / "generio.sh"
    text = in_documentation("farm.md", "generio.sh")
    assert f"--array=1-{SHARDS}\n" in text
    script.write_text(text)
    environment = {**program.environment, "PYTHON": sys.executable, "GENERIO": str(ROOT)}
    environment |= {"SERVICE": program.sandbox.url}
    tasks = [
        subprocess.Popen(
            ["bash", script],
            cwd=program.folder,
            env={**environment, "SLURM_ARRAY_TASK_ID": str(number)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(1, SHARDS + 1)
    ]
    told = [task.communicate(timeout=LONGEST)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0] * SHARDS, told
    assert program.runs() == [1] * MODELS
    assert outputs(program.folder / "small") == outputs(models)


@needs_sh
def test_shards_as_parallel_starts_them(program: Program, models: Path):
    """GNU parallel runs one command for each number, a few at a time; without it xargs does the same here."""
    line = in_documentation("farm.md", "parallel")
    assert line.startswith("seq 8 | parallel -j 4 ")
    command = line.removeprefix("seq 8 | parallel -j 4 ").strip().strip("'")
    environment = {**program.environment, "PYTHON": sys.executable, "GENERIO": str(ROOT)}
    parallel = shutil.which("parallel")
    runner = [parallel, "-j", "4", command] if parallel else ["xargs", "-P", "4", "-I{}", "sh", "-c", command]
    process = subprocess.run(
        runner,
        input="\n".join(str(number) for number in range(1, SHARDS + 1)),
        cwd=program.folder,
        env={**environment, "SERVICE": program.sandbox.url},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert program.runs() == [1] * MODELS
    assert outputs(program.folder / "small") == outputs(models)


def test_two_machines_with_the_same_work_and_one_folder_share_it(program: Program, models: Path):
    """Without shards both want everything: what one has begun the other waits for."""
    words = ("optimize", "models/*.glb", "--ratio", "0.5", "--output", "out", "--json")
    processes = [program.start(*words) for _ in range(2)]
    answers = [process.communicate(timeout=LONGEST) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert [json.loads(out.splitlines()[-1])["done"] for out, _ in answers] == [MODELS, MODELS]
    assert program.runs() == [1] * MODELS


def in_documentation(name: str, mark: str) -> str:
    """The block of code in docs/`name` that follows the comment <!-- test: `mark` -->."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"<!-- test: {mark} -->\n")
    if not found:
        pytest.fail(f"docs/{name} has no block {mark}")
    return rest.split("```", 2)[1].partition("\n")[2]
