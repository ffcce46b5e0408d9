"""Flamenco's job type, executed by a JavaScript engine against the interface that Flamenco documents."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from py_mini_racer import JSEvalException, MiniRacer

from tests.systems import WINE

from .conftest import LONGEST, MODELS, ROOT, Program

SCRIPT = ROOT / "extras/flamenco/generio.js"

TYPES = {"string": str, "int32": int, "float": float, "bool": bool}
SUBTYPES = {"file_path", "dir_path", "file_name", "hashed_file_path", "byte_string"}
KNOWN = {
    "key",
    "type",
    "subtype",
    "choices",
    "default",
    "required",
    "description",
    "visible",
    "editable",
    "eval",
}

# What a manager gives to a job compiler script: `author`, and a job with settings and addTask().
MANAGER = """
const author = {
    Task: (name, type) => ({
        name, type, commands: [], dependencies: [],
        addCommand(command) { this.commands.push(command); },
        addDependency(task) { this.dependencies.push(task.name); },
    }),
    Command: (name, parameters) => ({name, parameters}),
};
function compiled(settings) {
    const job = {settings, tasks: [], addTask(task) { this.tasks.push(task); }};
    compileJob(job);
    return JSON.stringify(job.tasks);
}
"""


class Manager:
    """Loads the script as Flamenco's manager does, and compiles jobs with it."""

    def __init__(self) -> None:
        self._engine = MiniRacer()
        self._engine.eval(MANAGER + SCRIPT.read_text(encoding="utf-8"))
        self.job_type: dict[str, Any] = json.loads(self._engine.eval("JSON.stringify(JOB_TYPE)"))

    def compiled(self, **given: Any) -> list[dict[str, Any]]:
        """The tasks of a job with these settings, and the defaults of the others."""
        settings = {entry["key"]: entry.get("default") for entry in self.job_type["settings"]}
        return json.loads(self._engine.eval(f"compiled({json.dumps({**settings, **given})})"))


@pytest.fixture
def manager() -> Manager:
    if WINE:
        pytest.skip("V8 does not run under Wine")
    return Manager()


def test_the_settings_are_of_documented_form(manager: Manager):
    assert manager.job_type["label"] == "GENERIO Flows"
    keys = [entry["key"] for entry in manager.job_type["settings"]]
    assert len(set(keys)) == len(keys)
    for entry in manager.job_type["settings"]:
        assert entry.keys() <= KNOWN, entry
        assert entry.get("subtype", "file_path") in SUBTYPES
        assert entry.get("required") or isinstance(entry["default"], TYPES[entry["type"]]), entry
        assert "default" not in entry or "choices" not in entry or entry["default"] in entry["choices"]


def test_each_shard_is_a_task_of_one_blender(manager: Manager):
    tasks = manager.compiled(models="/share/*.glb", output="/share/out", polygons=500, shards=3)
    assert [task["name"] for task in tasks] == ["generio-1", "generio-2", "generio-3"]
    assert {task["type"] for task in tasks} == {"blender"}
    (command,) = tasks[1]["commands"]
    assert command["name"] == "exec"
    assert command["parameters"]["exe"] == "{blender}"
    words = "--online-mode --command generio optimize /share/*.glb --polygons 500"
    rest = "--output /share/out --shard 2/3 --jobs 4"
    assert command["parameters"]["args"] == [*words.split(), *rest.split()]


def test_generating_from_pictures_and_a_list(manager: Manager):
    (task,) = manager.compiled(
        task="generate", models="/in/*.png", list="/in/list.csv", output="/out", polygons=900, shards=1
    )
    words = task["commands"][0]["parameters"]["args"][2:]
    assert words[:2] == ["generio", "generate"]
    assert words[2:8] == ["--image", "/in/*.png", "--list", "/in/list.csv", "--optimize", "900"]


@pytest.mark.parametrize("given", [{}, {"models": "*.glb", "shards": 0}])
def test_a_job_without_work_is_refused(manager: Manager, given: dict[str, Any]):
    with pytest.raises(JSEvalException, match=r"Give a pattern|cannot be split"):
        manager.compiled(output="/out", **given)


def test_the_tasks_do_the_work_each_model_once(manager: Manager, program: Program, models: Path):
    """The words after `--command generio` are the same for Blender and for plain Python."""
    tasks = manager.compiled(models=str(models / "*.glb"), output=str(program.folder / "out"), polygons=400)
    processes: list[subprocess.Popen[str]] = []
    for task in tasks:
        words = task["commands"][0]["parameters"]["args"]
        processes.append(program.start(*words[words.index("generio") + 1 :]))
    told = [process.communicate(timeout=LONGEST) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, told
    assert program.runs() == [1] * MODELS
    assert len(list((program.folder / "out").glob("*.glb"))) == MODELS
