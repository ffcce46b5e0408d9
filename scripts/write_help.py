"""Writes the help of the command line, as it is now, to the end of docs/cli.md."""

import argparse
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/cli.md"
COLUMNS = 100
BEGIN, END = "<!-- help -->\n```text\n", "```\n"


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


def written(page: str, parser: argparse.ArgumentParser) -> str:
    """The page with the help of all commands of `parser` at its end."""
    os.environ["COLUMNS"] = str(COLUMNS)
    text = "\n".join(each.format_help() for each in parsers(parser))
    return f"{page.partition(BEGIN)[0]}{BEGIN}{text}{END}"


def main() -> None:
    """Write the page."""
    sys.path.insert(0, str(ROOT))
    importlib.import_module("tests.conftest")  # gives the package its name
    arguments = importlib.import_module("generio_flows.cli.arguments")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(page, arguments.parser("generio")), encoding="utf-8")


if __name__ == "__main__":
    main()
