"""Outputs: the file that is there is the one that was asked for, and nobody else's file is written over."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from generio_flows.cli import outputs
from generio_flows.cli.job_directory import JobDirectory
from generio_flows.cli.outputs import InTheWay, Outputs, ResultGone, numbered_path
from generio_flows.core.destination import OutputFile
from generio_flows.core.errors import NoChildBlender
from generio_flows.jobs import Job, Request, Result, Settings, Step
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.process_id import new_owner
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt
from tests.systems import WINDOWS, needs_links, needs_pipes

from .conftest import Here


def lamp(*more: str, seed: int = 1, output: str = "lamp.glb") -> tuple[str, ...]:
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--no-texture")
    return (*words, "--seed", str(seed), "--output", output, *more)


def last(told: str) -> str:
    """How the only item of a command ended."""
    ends = [line.partition(": ")[2] for line in told.splitlines() if ": " in line]
    return ends[-1]


# ---- the same output again


def test_another_seed_and_the_first_one_again(here: Here):
    out = here.folder / "lamp.glb"
    assert last(here(*lamp(seed=1)).out) == "Done"
    first = out.read_bytes()
    assert last(here(*lamp(seed=3)).out) == "Done"
    third = out.read_bytes()
    assert third != first
    for seed, content in ((1, first), (3, third), (1, first)):
        answer = here(*lamp(seed=seed))
        assert (answer.code, last(answer.out), out.read_bytes() == content) == (0, "Done", True)
    assert last(here(*lamp(seed=1)).out) == "Already Done"
    assert here.runs() == [1, 1]


def test_an_input_that_changes_and_changes_back(here: Here, models: Path):
    source, out = models / "00.glb", here.folder / "out/00.glb"
    first, second = source.read_bytes(), from_prompt("table", quality="low", seed=2, texture=False)
    results = []
    for content in (first, second, first):
        source.write_bytes(content)
        assert here("optimize", "models/00.glb", "--polygons", "300", "--output", "out").code == 0
        results.append(out.read_bytes())
    assert results[0] == results[2] != results[1]
    assert here.runs() == [1, 1]


def test_a_chain_and_a_model_alone_take_turns(here: Here):
    out = here.folder / "lamp.glb"
    contents = []
    for more in ((), ("--optimize", "300"), (), ("--optimize", "300")):
        assert here(*lamp(*more)).code == 0
        contents.append(out.read_bytes())
    assert contents[:2] == contents[2:]
    assert here.runs() == [1, 1, 1]


@pytest.mark.parametrize("left", ["nothing", "half", "zeros", "a page of zeros"])
def test_what_a_power_cut_leaves_is_mended(here: Here, left: str):
    out = here.folder / "lamp.glb"
    here(*lamp())
    whole = out.read_bytes()
    page = outputs.PAGE
    out.write_bytes(
        {
            "nothing": b"",
            "half": whole[: len(whole) // 2],
            "zeros": bytes(len(whole)),
            "a page of zeros": whole[:page] + bytes(page) + whole[2 * page :],
        }[left]
    )
    answer = here(*lamp())
    assert (answer.code, last(answer.out), out.read_bytes() == whole) == (0, "Done", True)
    assert here.runs() == [1]


def test_a_file_that_the_user_has_changed_is_kept_unless_it_is_forced(here: Here):
    out = here.folder / "lamp.glb"
    here(*lamp())
    made = out.read_bytes()
    out.write_bytes(b"my own work")
    answer = here(*lamp())
    assert (answer.code, out.read_bytes()) == (1, b"my own work")
    assert last(answer.out).startswith(
        "Failed (lamp.glb already exists, and was changed since it was written."
    )
    assert "--force" in answer.out
    assert (here(*lamp("--force")).code, out.read_bytes()) == (0, made)
    assert here.runs() == [1]


# ---- files of others


def test_a_file_of_somebody_else_stops_one_model_before_anything_is_sent(here: Here):
    (here.folder / "out").mkdir()
    (here.folder / "out/lamp.glb").write_bytes(b"somebody else's")
    words = ("--prompt", "chair", "--json")
    answer = here(*lamp(*words, output="out"))
    assert answer.code == 1
    (refused,) = [event for event in answer.events if event.get("state") == "Failed"]
    assert (refused["item"], refused["code"], refused["job"]) == ("out/lamp.glb", "in_the_way", "")
    assert here.runs() == [1]
    assert (here.folder / "out/lamp.glb").read_bytes() == b"somebody else's"
    assert (here.folder / "out/chair.glb").stat().st_size
    assert here(*lamp(*words, "--force", output="out")).code == 0
    assert (here.folder / "out/lamp.glb").read_bytes().startswith(b"glTF")
    assert here.runs() == [1, 1]


@pytest.mark.skipif(not WINDOWS, reason="elsewhere a file is replaced as its folder allows")
@pytest.mark.parametrize("whose", ["ours", "somebody else's"])
def test_a_write_protected_file_is_refused_before_anything_is_sent(here: Here, whose: str):
    """As Perforce and Git LFS leave files that nobody has checked out."""
    out = here.folder / "lamp.glb"
    if whose == "ours":
        assert here(*lamp(seed=1)).code == 0
    else:
        out.write_bytes(b"somebody else's")
    before, runs = out.read_bytes(), here.runs()
    out.chmod(stat.S_IREAD)
    answer = here(*lamp("--force", seed=2))
    assert (answer.code, out.read_bytes(), here.runs()) == (1, before, runs)
    assert last(answer.out).startswith("Failed (lamp.glb is write-protected.")
    out.chmod(stat.S_IREAD | stat.S_IWRITE)
    assert here(*lamp("--force", seed=2)).code == 0
    assert out.read_bytes() != before


def test_one_that_came_while_the_model_was_made_is_kept_and_the_model_too(
    here: Here, monkeypatch: pytest.MonkeyPatch
):
    write = Outputs.write

    def late(self: Outputs, job: Job) -> object:
        monkeypatch.setattr(Outputs, "write", write)
        (here.folder / "lamp.glb").write_bytes(b"somebody else's")
        return write(self, job)

    monkeypatch.setattr(Outputs, "write", late)
    assert here(*lamp()).code == 1
    assert (here.folder / "lamp.glb").read_bytes() == b"somebody else's"
    resume = ("jobs", "resume", "--output", ".")
    assert here(*resume).code == 1
    assert here(*resume, "--force").code == 0
    assert (here.folder / "lamp.glb").read_bytes().startswith(b"glTF")
    assert here.runs() == [1]


@needs_links
@needs_pipes
def test_a_link_to_nowhere_and_a_pipe_are_files_of_others(here: Here):
    (here.folder / "lamp.glb").symlink_to("/not/mounted/lamp.glb")
    os.mkfifo(here.folder / "pipe.glb")
    for name in ("lamp.glb", "pipe.glb"):
        answer = here(*lamp(output=name))
        assert (answer.code, "already exists" in answer.out) == (1, True)
    assert here.runs() == []


def test_without_its_ledger_a_command_does_not_know_what_it_wrote(here: Here):
    """Whoever has deleted everything must not pay for what is there."""
    here(*lamp())
    made = (here.folder / "lamp.glb").read_bytes()
    shutil.rmtree(here.folder / ".generio")
    assert here(*lamp(seed=2)).code == 1
    assert (here.folder / "lamp.glb").read_bytes() == made
    assert here.runs() == [1]


@needs_links
def test_an_output_is_the_same_whichever_way_leads_to_it(here: Here):
    (here.folder / "real").mkdir()
    (here.folder / "link").symlink_to("real")
    ledger = ("--ledger", "jobs")
    contents = []
    for seed, folder in ((1, "real"), (3, "link"), (1, "real")):
        answer = here(*lamp(*ledger, seed=seed, output=f"{folder}/lamp.glb"))
        assert answer.code == 0, answer.out
        contents.append((here.folder / "real/lamp.glb").read_bytes())
    assert contents[0] == contents[2] != contents[1]
    assert here.runs() == [1, 1]


@pytest.mark.skipif(not WINDOWS, reason="elsewhere a path has no such prefix")
@pytest.mark.parametrize("first", ["", "\\\\?\\"])
def test_a_path_without_a_limit_leads_to_the_same_output(here: Here, first: str):
    """As other programs hand them on, which had them from Windows itself."""
    plain = str(here.folder / "lamp.glb")
    assert last(here(*lamp(output=first + plain)).out) == "Done"
    for output in ("\\\\?\\" + plain, plain):
        assert last(here(*lamp(output=output)).out) == "Already Done"
    assert here.runs() == [1]


# ---- two for one


@pytest.mark.parametrize(
    "names",
    [
        ("lamp.glb", "lamp.glb"),
        ("lamp.glb", "lamp"),
        ("lamp.glb", "a/../lamp.glb"),
        pytest.param(("real/lamp.glb", "link/lamp.glb"), marks=needs_links),
        ("lamp.glb", "Lamp.GLB"),
        ("caf\u00e9.glb", "cafe\u0301.glb"),
    ],
)
def test_two_models_for_one_output_are_refused_before_anything_is_sent(here: Here, names: tuple[str, str]):
    (here.folder / "out/real").mkdir(parents=True)
    if "link/lamp.glb" in names:
        (here.folder / "out/link").symlink_to("real")
    rows = [{"prompt": f"lamp {number}", "output": name} for number, name in enumerate(names)]
    answer = here("generate", "--list", here.list(*rows), "--output", "out")
    assert (answer.code, "two models have the output" in answer.err) == (2, True)
    assert here.sandbox.stats()["flows"] == {}
    shares = here("generate", "--list", "list.jsonl", "--output", "out", "--shard", "1/2")
    assert shares.code == 2, "also where another share has the other one"


# ---- killed at any moment


class Killed(BaseException):
    """Stands for the end of the process."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> Iterator[None]:
    """The process ends where this is called first."""

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, kill)
        with pytest.raises(Killed):
            yield


@pytest.mark.parametrize("moment", [(Engine, "mark_delivered"), (Outputs, "_copy"), (Engine, "mark_placed")])
def test_killed_between_the_file_and_the_ledger(
    here: Here, monkeypatch: pytest.MonkeyPatch, moment: tuple[type, str]
):
    out = here.folder / "lamp.glb"
    here(*lamp(seed=1))
    first = out.read_bytes()
    with killed_at(monkeypatch, *moment):
        here(*lamp(seed=3))
    assert here(*lamp(seed=1)).code == 0, "whichever of them is there, it is known as ours"
    assert out.read_bytes() == first
    assert here("jobs", "resume", "--output", ".").code == 0, "which is unfinished business"
    assert out.read_bytes() != first
    assert last(here(*lamp(seed=3)).out) == "Already Done"
    assert here.runs() == [1, 1]


def stray(folder: Path, process: int, machine: str = "") -> Path:
    """What a process leaves in a folder that is killed while it writes an output."""
    place, _, engine = new_owner().split(":")
    mark = outputs._owner_mark(f"{machine or place}:{process}:{engine}")
    path = folder / f".generio-{mark}-1.part"
    path.write_bytes(b"half a model")
    return path


def test_whether_a_path_is_too_long_is_tried_with_its_own_length(
    tmp_path: Path, directory: JobDirectory, engine: Engine
):
    """On Windows 260 characters are too many, and the name of what is on its way may be shorter."""
    outputs_ = Outputs(directory, engine, [], force=False)
    for length in (10, 100, 250):
        part = outputs_._part_path(tmp_path / "lamp.glb", length)
        assert len(part.name) == max(length, len(outputs_._part_path(tmp_path / "lamp.glb").name))
        assert outputs._PART.fullmatch(part.name), "what a crash leaves of it is swept"


def test_what_killed_processes_left_is_swept(here: Here):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here(*lamp())
    left = [stray(here.folder, dead.pid), stray(here.folder, os.getpid())]
    old = stray(here.folder, 1, "another machine")
    os.utime(old, (time.time() - 2 * outputs.DAY,) * 2)
    alive = stray(here.folder, os.getppid())
    far = stray(here.folder, 2, "another machine")
    own = here.folder / ".generio-notes.part"
    own.write_text("not ours")
    assert last(here(*lamp()).out) == "Already Done"
    assert not [path for path in (*left, old) if path.exists()]
    assert [path for path in (alive, far, own) if not path.exists()] == []


# ---- what was received is gone


@pytest.mark.parametrize("gone", ["deleted", "emptied", "damaged"])
def test_what_is_not_here_any_more_is_fetched_and_not_made_again(here: Here, gone: str):
    here(*lamp())
    out = here.folder / "lamp.glb"
    made = out.read_bytes()
    out.unlink()
    (kept,) = (here.folder / ".generio/results").glob("*/*.glb")
    if gone == "deleted":
        shutil.rmtree(here.folder / ".generio/results")
    else:
        kept.write_bytes(b"" if gone == "emptied" else made[:-4] + b"1234")
    answer = here(*lamp())
    assert (answer.code, out.read_bytes() == made) == (0, True), answer.out
    assert here.runs() == [1]


def test_a_generated_model_that_is_gone_is_fetched_to_be_optimized(here: Here, sandbox: Sandbox):
    sandbox.order({"flow": {"template": "model_optimize", "outcome": "fail"}, "times": 1})
    assert here(*lamp("--optimize", "300")).code == 1
    shutil.rmtree(here.folder / ".generio/results")
    assert here(*lamp("--optimize", "300")).code == 0
    assert sorted(here.runs()) == [1, 1, 1], "the one that failed ran, too"


# ---- several results


@pytest.fixture
def directory(tmp_path: Path) -> JobDirectory:
    return JobDirectory(tmp_path / ".generio")


@pytest.fixture
def engine(directory: JobDirectory) -> Iterator[Engine]:
    def nothing(*_: object) -> None:
        raise NoChildBlender

    ledger = JobStore(directory.store_path, shared=True)
    ledger.mark_recovery_done()
    engine = Engine(
        ledger, Settings(folder=directory.results, base_url="http://127.0.0.1:9"), nothing, nothing
    )
    yield engine
    engine.close()


def received(directory: JobDirectory, engine: Engine, *contents: bytes, output: str = "lamp.glb") -> Job:
    """A finished job with these results."""
    job = Job(
        Request(
            service="http://127.0.0.1:9", template="t", name="lamp", destination=OutputFile(f"../{output}")
        )
    )
    folder = directory.results / job.token
    folder.mkdir(parents=True)
    paths = [folder / f"result-{number}.glb" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return engine.submit(job.changed(step=Step.READY, results=tuple(Result(str(path)) for path in paths)))


def test_more_results_get_numbers_that_nobody_else_wants(
    tmp_path: Path, directory: JobDirectory, engine: Engine
):
    job = received(directory, engine, b"one", b"two", b"three")
    write = Outputs(directory, engine, [tmp_path / "lamp-2.glb"], force=False).write
    names = ["lamp.glb", "lamp-3.glb", "lamp-4.glb"]
    assert write(job) == [tmp_path / name for name in names]
    assert [(tmp_path / name).read_bytes() for name in names] == [b"one", b"two", b"three"]
    again = Outputs(directory, engine, [], force=False)
    assert again.intact_outputs(engine.job(job.token)) == [tmp_path / name for name in names], (
        "as it was noted"
    )
    (tmp_path / "lamp-4.glb").unlink()
    assert again.intact_outputs(engine.job(job.token)) is None


def test_none_of_several_is_written_where_one_is_in_the_way(
    tmp_path: Path, directory: JobDirectory, engine: Engine
):
    job = received(directory, engine, b"one", b"two")
    (tmp_path / "lamp-2.glb").write_bytes(b"somebody else's")
    with pytest.raises(InTheWay, match=r"lamp-2\.glb already exists"):
        Outputs(directory, engine, [], force=False).write(job)
    assert not (tmp_path / "lamp.glb").exists()
    assert Outputs(directory, engine, [], force=True).write(job) == [
        tmp_path / "lamp.glb",
        tmp_path / "lamp-2.glb",
    ]
    assert (tmp_path / "lamp-2.glb").read_bytes() == b"two"


def test_a_blend_file_that_could_not_be_made_is_not_written(directory: JobDirectory, engine: Engine):
    job = received(directory, engine, b"one", output="lamp.blend")
    with pytest.raises(ResultGone, match="There was no Blender"):
        Outputs(directory, engine, [], force=False).write(job)


@pytest.mark.parametrize("stem", ["x" * 250, "é" * 124, "茶" * 83])
def test_a_number_leaves_a_name_that_disks_take(tmp_path: Path, stem: str):
    path = numbered_path(tmp_path / f"{stem}.glb", 12)
    assert path.name.endswith("-12.glb") and path.name.startswith(stem[:70])
    path.touch()


def test_another_process_tells_what_it_has_written(tmp_path: Path, directory: JobDirectory, engine: Engine):
    ours, theirs = (received(directory, engine, content) for content in (b"ours", b"theirs"))
    writes = Outputs(directory, engine, [], force=False)
    writes.write(ours)
    (tmp_path / "lamp.glb").unlink()
    other = Outputs(directory, engine, [], force=False)
    assert other.write(theirs) == [tmp_path / "lamp.glb"]
    told = engine.job(theirs.token)
    assert told is not None
    writes.record_written(told.placement.delivered)
    writes.write(ours.changed(step=Step.READY))
    assert (tmp_path / "lamp.glb").read_bytes() == b"ours"
    assert json.loads(told.to_json())["delivered"][0]["size"] == len(b"theirs")
