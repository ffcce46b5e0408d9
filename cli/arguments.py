# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line understands."""

import argparse
import math
from pathlib import Path
from typing import Any

from ..api.parameters import (
    GENERATORS,
    POLYGON_COUNT,
    BooleanParameter,
    EnumParameter,
    Parameter,
    parameters_of,
)

EPILOG = """\
exit codes: 0 done, 1 some failed, 2 wrong usage, 3 no valid key, 4 no connection, 75 not finished yet,
130 interrupted.
Run the same command again to go on where it stopped; what is done is never done again."""


def parser(program: str) -> argparse.ArgumentParser:
    """The parser; `program` is how the user starts it."""
    top = argparse.ArgumentParser(
        prog=program,
        description="Models from prompts and pictures, and lighter meshes, through the GENERIO Flows API.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    generate = _command(commands, "generate", "make models from prompts, pictures or sketches")
    generate.add_argument(
        "--prompt", action="append", default=[], help="what to make, in words; may be given several times"
    )
    generate.add_argument(
        "--image", nargs="+", action="extend", default=[], metavar="FILE", help="pictures; patterns are fine"
    )
    for parameter in parameters_of(*GENERATORS):
        _parameter(generate, parameter)
    generate.add_argument("--optimize", metavar="N", help="reduce each model to N polygons afterwards")
    _work(generate)

    optimize = _command(commands, "optimize", "reduce the polygons of GLB models")
    optimize.add_argument("model", nargs="*", help="GLB files; patterns are fine")
    target = optimize.add_mutually_exclusive_group()
    target.add_argument("--polygons", metavar="N", help=_help(POLYGON_COUNT, "to so many"))
    target.add_argument("--ratio", type=float, metavar="R", help="to this part of what each has, 0..1")
    _work(optimize)

    jobs = _command(commands, "jobs", "see what became of jobs, and go on with them")
    actions = jobs.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text, ids in (
        ("list", "all jobs, oldest first", None),
        ("show", "all that is known about jobs", "+"),
        ("resume", "go on with what is unfinished, or with the jobs that are named, failed ones too", "*"),
        ("cancel", "stop jobs, here and at the service", "+"),
        ("delete", "forget jobs that are over, and delete their files; outputs stay", "*"),
    ):
        action = actions.add_parser(name, help=text, description=_sentence(text))
        if ids:
            action.add_argument("id", nargs=ids, metavar="ID", help="a job's id, or how it begins")
        if name == "delete":
            action.add_argument("--finished", action="store_true", help="all that are done")
            action.add_argument(
                "--at-service", action="store_true", help="delete them at the service, too, with what it made"
            )
        action.add_argument(
            "--output", type=Path, metavar="FOLDER", help="where the command wrote whose jobs are meant"
        )
        _common(action)
        if name == "resume":
            _pace(action)

    _common(_command(commands, "templates", "what the service offers"))
    _common(_command(commands, "doctor", "what stands between this computer and the service"))
    return top


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=_sentence(text))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _parameter(command: argparse.ArgumentParser, parameter: Parameter) -> None:
    """The option of a parameter. What it says is checked with what lists say, see `items`."""
    keywords: dict[str, Any] = {"metavar": "N"}
    if isinstance(parameter, EnumParameter):
        keywords = {"choices": [value.value for value in parameter.values]}
    elif isinstance(parameter, BooleanParameter):
        keywords = {"action": argparse.BooleanOptionalAction}
    purpose = parameter.help.partition(". ")[0]
    option = parameter.name.replace("_", "-")
    command.add_argument(
        f"--{option}",
        dest=parameter.name,
        help=_help(parameter, purpose[0].lower() + purpose[1:]),
        **keywords,
    )


def _help(parameter: Parameter, purpose: str) -> str:
    return f"{purpose} (the service's default: {parameter.default_text})"


def _work(command: argparse.ArgumentParser) -> None:
    """What the commands that make files have in common."""
    command.add_argument(
        "--output",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="a .glb or .blend file, or a folder (default: .)",
    )
    command.add_argument("--format", choices=("glb", "blend"), help="of files in a folder (default: glb)")
    command.add_argument(
        "--list", type=Path, metavar="FILE", help="a CSV or JSONL file with one model on each line"
    )
    command.add_argument("--shard", metavar="I/N", help="only the I-th of N shares of the work")
    _common(command)
    _pace(command)


def _pace(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jobs", type=_positive, default=4, metavar="N", help="how many at once (default: 4)"
    )
    command.add_argument(
        "--force", action="store_true", help="write over files that are in the way of outputs"
    )
    command.add_argument(
        "--patience",
        type=_minutes,
        default=10.0,
        metavar="MINUTES",
        help="give up after so long without any news (default: 10)",
    )


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--service", metavar="URL", help="another service than the one that is set")
    command.add_argument(
        "--ledger",
        type=Path,
        metavar="FOLDER",
        help="where jobs are kept (default: .generio beside the output)",
    )
    command.add_argument("--json", action="store_true", help="one JSON object on each line")


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.0 < minutes < math.inf:  # which is false of what is no number, too
        raise argparse.ArgumentTypeError("must be more than 0")
    return minutes


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
