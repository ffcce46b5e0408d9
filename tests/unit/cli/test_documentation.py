"""The commands of docs/cli.md, run one after the other in a folder with what they need."""

import re
import shlex
import shutil
from pathlib import Path

from PIL import Image

from .conftest import ROOT, Program

GUIDE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
ID = "3f2a"  # stands for the id of a job


def block(mark: str, language: str) -> list[str]:
    """The blocks of code that follow the comment <!-- `mark` -->."""
    return re.findall(rf"<!-- {mark} -->\n```{language}\n(.*?)```", GUIDE, re.DOTALL)


def elsewhere() -> list[str]:
    """What other documents, and the beginning of this one, start otherwise: the words from the command on."""
    text = GUIDE + "".join(
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
    )
    start = (
        r"blender --online-mode --command generio|python \S+/generio_flows|GENERIO_API_KEY=demo-key \S+ \."
    )
    return re.findall(rf"^(?:{start}) (.+)$", text, re.MULTILINE)


def test_the_commands_of_other_documents_run(program: Program, models: Path):
    for path in sorted(models.glob("*.glb"))[3:]:
        path.unlink()
    assert len(elsewhere()) == 5
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
