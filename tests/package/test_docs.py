"""The documentation says what is true: commands that run, every error, files and pictures that are there."""

import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import generio_flows
import pytest
from generio_flows.api import FlowsError
from generio_flows.cli import arguments

from scripts import write_help

ROOT = Path(__file__).resolve().parents[2]
DOCS = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]
SHELLS = r"```(?:sh|powershell)\n(.*?)```"
TROUBLE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")

OF_NO_CLASS = {
    "aborted",
    "closed_unsaved",
    "deleted",
    "defect",
    "goes_on",
    "missing",
    "files",
    "ledger",
    "not_now",
    "nothing_new",
    "only_files",
    "put_aside",
}
"""Codes of problems that are no exceptions."""


def error_classes() -> list[type[FlowsError]]:
    """Every public class of the exception tree, wherever in the package it is defined."""
    for module in pkgutil.walk_packages(generio_flows.__path__, "generio_flows."):
        if module.name.split(".")[1] in (
            "api",
            "core",
            "formats",
            "jobs",
            "scene",
            "session",
            "operators",
            "cli",
        ):
            importlib.import_module(module.name)

    def below(kind: type[FlowsError]) -> list[type[FlowsError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    return [kind for kind in below(FlowsError) if not kind.__name__.startswith("_")]


def rows() -> dict[str, str]:
    """The table rows of the guide, by code."""
    found = {}
    for line in TROUBLE.splitlines():
        if match := re.search(r"\| `(\w+)` \|$", line):
            assert match[1] not in found, match[1]
            found[match[1]] = line
    return found


@pytest.mark.slow
def test_every_error_is_in_the_troubleshooting_guide_with_its_words():
    told, missing = rows(), []
    for kind in error_classes():
        row = told.get(kind.code, "")
        own = kind.message if "message" in vars(kind) else ""
        if not row or own not in row or kind.fix not in row:
            missing.append(f"| {own or '…'} | {kind.fix} | `{kind.code}` |")
    assert not missing, "missing in docs/troubleshooting.md:\n" + "\n".join(missing)


@pytest.mark.slow
def test_the_guide_knows_no_error_that_does_not_exist():
    assert rows().keys() - {kind.code for kind in error_classes()} == OF_NO_CLASS


def test_problems_that_are_no_exceptions_are_in_the_guide_with_their_words():
    sources = [
        path.read_text(encoding="utf-8")
        for room in ("jobs", "scene", "session")
        for path in (ROOT / room).rglob("*.py")
    ]
    codes = {code for text in sources for code in re.findall(r'Problem\(\s*"(\w+)"', text)}
    assert codes
    assert codes <= rows().keys()


# ---- commands


def commands() -> list[str]:
    """The commands of the command line in all documents, from the words after its name on."""
    blocks = [
        block for path in DOCS for block in re.findall(SHELLS, path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    lines = [line for block in blocks for line in block.replace("\\\n", "").splitlines()]
    names = "generate|optimize|inspect|jobs|templates|doctor"
    call = rf"(?:^generio|--command generio|generio_flows\S?| \.) ((?:{names})\b.*)"
    return [found[1] for line in lines if (found := re.search(call, line))]


@pytest.mark.parametrize("command", commands())
def test_each_command_of_the_documentation_is_understood(command: str):
    """Who runs them, the next test says."""
    arguments.parser("generio").parse_args(shlex.split(command))


UNIT, GUI = "tests/unit/cli/test_documentation.py::", "tests/gui/test_repository.py::"
BATCH, RELEASE = "tests/unit/cli/test_batch.py::", "tests/package/test_release.py::"
SERVICE, FETCHES = "needs the real service", "fetches from the internet"

WHO_RUNS = {
    r"generio .*": UNIT + "test_the_commands_of_the_documentation_run",
    r"blender --command extension build": GUI + "test_blender_itself_builds_the_zip",
    r"blender --online-mode --command generio .*": GUI + "test_the_command_of_a_real_blender",
    r"python ~/\S+/generio_flows generate .*": UNIT + "test_the_commands_of_other_documents_run",
    r"GENERIO_API_KEY=demo-key \.venv/bin/python \. .*": UNIT + "test_the_commands_of_other_documents_run",
    r"#!/bin/bash|#SBATCH .*|exec .*": BATCH + "test_an_array_of_shards_as_slurm_starts_them",
    r"seq 8 \| parallel .*": BATCH + "test_shards_as_parallel_starts_them",
    r"\.venv/bin/python scripts/release\.py .*": RELEASE
    + "test_a_release_sets_the_version_packages_commits_and_tags",
    r"\.venv/bin/pip install pre-commit|\.venv/bin/pre-commit install": FETCHES,
    r"make (demo|test)": ".ci/run",
    r"make demo PROMPT=.*": ".ci/run",
    r"make demo SERVICE=cloud .*the real service.*": SERVICE,
}
"""Patterns of the lines in the documents' blocks, and what runs them."""


def lines_to_type() -> list[str]:
    blocks = [
        block
        for path in DOCS
        for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    ]
    return [line for block in blocks for line in block.replace("\\\n", "").splitlines() if line]


@pytest.mark.parametrize("line", lines_to_type())
def test_each_line_to_type_is_run_by_somebody(line: str):
    (who,) = [who for pattern, who in WHO_RUNS.items() if re.fullmatch(pattern, line)]
    if who in (SERVICE, FETCHES):
        return
    file, _, test = who.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert (
        f"def {test}(" in text if test else re.search(rf"^{line.split(' PROMPT')[0]}\b", text, re.MULTILINE)
    )


def test_there_are_commands():
    assert len(commands()) > 15


def test_every_option_is_documented_and_every_documented_option_exists():
    text, _, _ = (ROOT / "docs/cli.md").read_text(encoding="utf-8").partition("## The whole help")
    help_texts = "".join(parser.format_help() for parser in write_help.parsers(arguments.parser("generio")))
    existing = set(re.findall(r"--[a-z][\w-]*", help_texts)) - {"--help"}
    documented = set(re.findall(r"--[a-z][\w-]*", text))
    assert existing - documented == set()
    assert documented - existing <= {"--command", "--online-mode"}


def test_the_help_is_what_the_command_says(monkeypatch: pytest.MonkeyPatch):
    """Whoever changes an option runs `scripts/write_help.py`. Versions of Python break lines differently."""
    monkeypatch.setenv("COLUMNS", "")
    now = write_help.PAGE.read_text(encoding="utf-8")
    assert now.split() == write_help.written(now, arguments.parser("generio")).split()


def test_every_preference_is_in_the_guide():
    names = re.findall(
        r'Property\(\s*name="([^"]+)"', (ROOT / "session/preferences.py").read_text(encoding="utf-8")
    )
    guide = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    assert len(names) > 10
    rows = [rf"^\| .*(?<!\w){re.escape(name)}(?!\w).* \|$" for name in names]
    assert not [row for row in rows if not re.search(row, guide, re.MULTILINE)]


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for path in DOCS:
        named = set(re.findall(r"`make ([a-z-]+)", path.read_text(encoding="utf-8")))
        named |= set(re.findall(r"^make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, path.name


# ---- links


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings_that_are_there(path: Path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, heading = target.partition("#")
        file = (path.parent / name) if name else path
        assert file.exists(), target
        if heading:
            lines = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}, (
                target
            )
