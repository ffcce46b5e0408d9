"""The commands of docs/cli.md and docs/pipeline.md, run one after the other in one folder."""

import argparse
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from generio_flows.cli import arguments, standalone
from PIL import Image

from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt

from .conftest import ROOT, Here, Program

GUIDE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
PIPELINE = (ROOT / "docs/pipeline.md").read_text(encoding="utf-8")
ID = "3f2a"  # stands for the id of a job


def block(mark: str, language: str) -> list[str]:
    """The blocks of code that follow the comment <!-- `mark` -->."""
    return re.findall(rf"<!-- {mark} -->\n```{language}\n(.*?)```", GUIDE + PIPELINE, re.DOTALL)


def elsewhere() -> list[str]:
    """What other documents, and the beginning of this one, start otherwise: the words from the command on."""
    text = (
        GUIDE
        + PIPELINE
        + "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    )
    start = (
        r"blender --online-mode --command generio|python \S+/generio_flows|GENERIO_API_KEY=demo-key \S+ \."
    )
    return re.findall(rf"^(?:{start}) (.+)$", text, re.MULTILINE)


def test_the_commands_of_other_documents_run(program: Program, models: Path):
    for path in sorted(models.glob("*.glb"))[3:]:
        path.unlink()
    assert len(elsewhere()) == 6
    for line in elsewhere():
        words = line.replace("/tmp/", "").replace("http://127.0.0.1:8377", program.sandbox.url)
        answer = program(*shlex.split(words))
        assert answer.code == 0, line + answer.out + answer.err
    outputs = {path.relative_to(program.folder).as_posix() for path in program.folder.rglob("*.glb")}
    assert {"lamp.glb", "light/00.glb", "light/02.glb"} <= outputs


def test_the_commands_of_the_documentation_run(program: Program, models: Path):
    here = program.folder
    (here / "sketches").mkdir()
    Image.new("RGB", (16, 16), (200, 30, 30)).save(here / "sketches/shoe.png")
    (here / "wishes.csv").write_text(*block("test: wishes.csv", "csv"))
    shutil.copy(models / "00.glb", here / "heavy.glb")
    for path in sorted(models.glob("*.glb"))[3:]:
        path.unlink()
    ran = 0
    for line in "".join(block("test", "sh")).splitlines():
        words = shlex.split(line)[1:]
        if ID in words:
            listed = program("jobs", "list", "--output", "models/").out.splitlines()
            words[words.index(ID)] = next(row for row in listed if "Done" in row).split()[0]
        answer = program(*words, *(["--service", program.sandbox.url] if words[0] == "jobs" else []))
        # A job that is done cannot be cancelled; that is said, and is no success.
        assert answer.code == (1 if words[:2] == ["jobs", "cancel"] else 0), line + answer.out + answer.err
        ran += 1
    assert ran > 10
    assert {path.name for path in (here / "models").glob("*.glb")} >= {
        "shoe.glb",
        "lamp.glb",
        "a-clay-vase.glb",
    }
    assert program("jobs", "list", "--output", "models/").out == ""


def same(text: str) -> str:
    """What of a line is the same on every computer and each day: no figures, ids or blanks."""
    text = re.sub(r"\b[0-9a-f]{8}\b|\d[\d,.:-]*", "#", text)
    return " ".join(text.split())


def lines_of(text: str) -> list[str]:
    """The lines of an output, but for those that a fast service leaves out."""
    passing = re.compile(r".*: (Preparing|Uploading|Running|Downloading|Queued)$")
    return [same(line) for line in text.splitlines() if not passing.match(line)]


def test_the_transcripts_are_what_happens(here: Here):
    (here.folder / "heavy.glb").write_bytes(from_prompt("ball", quality="low", seed=1, texture=True))
    transcripts = "".join(block("transcript", "console"))
    steps = re.findall(r"^\$ generio (.*)\n((?:(?!\$ ).*\n)*)", transcripts, re.MULTILINE)
    assert len(steps) > 5
    for command, told in steps:
        answer = here(*shlex.split(command))
        assert lines_of(answer.out) == lines_of(told), command + answer.err


def helps(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The help of a parser and of those below it."""
    yield parser.format_help()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from helps(below)


def test_the_whole_help_is_in_the_guide(monkeypatch: pytest.MonkeyPatch):
    """Versions of Python break its lines at other places."""
    monkeypatch.setenv("COLUMNS", "100")
    parser = arguments.parser("generio")
    whole = "\n".join(helps(parser))
    (written,) = block("help", "text")
    assert written.split() == whole.split(), f"the help in docs/cli.md is to be:\n{whole}"


def test_the_help_is_what_the_program_prints(here: Here):
    assert here("--help").out == arguments.parser("generio").format_help()
    assert here("jobs", "show", "--help").out in "\n".join(helps(arguments.parser("generio")))


@pytest.mark.parametrize("example", block("test", "python"))
def test_the_examples_in_python_run(
    tmp_path: Path,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    example: str,
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENERIO_API_KEY", sandbox.key)
    monkeypatch.setattr(standalone, "PRODUCTION_URL", sandbox.url)
    Path("in.glb").write_bytes(from_prompt("ball", quality="high", seed=1, texture=False))
    exec(compile(example, "cli.md", "exec"), {})
    assert len(list(tmp_path.glob("*.glb"))) == 2
    assert sum(flow["run"] for flow in sandbox.stats()["flows"].values()) == 1
    assert capsys.readouterr().out
