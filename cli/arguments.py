# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line understands."""

import argparse
import math
from itertools import pairwise
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
from ..api.transport import version
from ..core.destination import MAP_SIZES
from ..scene.game.profiles import PROFILES

EPILOG = """\
exit codes: 0 done, 1 some failed, 2 wrong usage, 3 no valid key, 4 no connection, 5 done, but not as asked
(--check, --strict), 75 not finished yet, 130 interrupted.
Run the same command again to continue where it stopped; what is done is never done again."""


def parser(program: str) -> argparse.ArgumentParser:
    """The parser; `program` is how the user starts it."""
    top = argparse.ArgumentParser(
        prog=program,
        description="Models from prompts and pictures, and lighter meshes, through the GENERIO Flows API.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"generio_flows {version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    generate = _add_command(commands, "generate", "make models from prompts, pictures, or sketches")
    generate.add_argument(
        "--prompt", action="append", default=[], help="what to make, in words; repeat it for more models"
    )
    generate.add_argument(
        "--image",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="pictures or sketches; wildcards are expanded",
    )
    for parameter in parameters_of(*GENERATORS):
        _add_parameter(generate, parameter)
    generate.add_argument("--optimize", metavar="N", help="then reduce each model to N triangles")
    _add_work_options(generate)

    optimize = _add_command(commands, "optimize", "reduce the triangles of GLB models")
    optimize.add_argument("model", nargs="*", help="GLB files; wildcards are expanded")
    target = optimize.add_mutually_exclusive_group()
    target.add_argument(
        "--polygons", metavar="N", help=_help(POLYGON_COUNT, "reduce each model to N triangles")
    )
    target.add_argument(
        "--ratio", type=float, metavar="R", help="keep this share of each model's triangles, 0 to 1"
    )
    target.add_argument(
        "--budget",
        type=_positive,
        metavar="N",
        help="reduce all models together to N triangles, in proportion to their sizes",
    )
    target.add_argument(
        "--lods",
        type=_lods,
        metavar="R[,R...]",
        help="make levels of detail, one for each of these ratios: NAME_LOD1.glb, NAME_LOD2.glb",
    )
    optimize.add_argument(
        "--bake",
        nargs="?",
        type=_map_size,
        const=2048,
        metavar="PIXELS",
        help="bake the lost detail into maps of this size (default: 2048), here, with Blender, at no cost",
    )
    _add_work_options(optimize)

    other = _add_command(commands, "run", "run another template of the service, see templates")
    other.add_argument("template", help="its name")
    sent = other.add_mutually_exclusive_group(required=True)
    sent.add_argument("--prompt", metavar="TEXT", help="what is sent: a text")
    sent.add_argument("--image", type=Path, metavar="FILE", help="or a picture")
    sent.add_argument("--model", type=Path, metavar="FILE", help="or a GLB model")
    other.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter; a value that is JSON is sent as such, anything else as a text",
    )
    _add_work_options(other)

    export = _add_command(commands, "export", "write GLB models for a game engine; nothing is sent")
    export.add_argument("model", nargs="+", help="GLB files; NAME_LOD1.glb and so on are levels of NAME.glb")
    export.add_argument(
        "--for", dest="engine", required=True, choices=tuple(PROFILES), help="game engine or format to write"
    )
    export.add_argument(
        "--output", type=Path, default=Path(), metavar="FOLDER", help="folder to write to (default: .)"
    )
    export.add_argument("--force", action="store_true", help="overwrite files that are in the way")
    _add_shape_options(export)
    _add_output_style(export, quiet=True)

    inspect = _add_command(commands, "inspect", "show the figures of GLB files; nothing is sent")
    inspect.add_argument("model", nargs="+", help="GLB files; wildcards are expanded")
    _add_figure_options(inspect)
    _add_output_style(inspect, quiet=True)

    jobs = _add_command(commands, "jobs", "list, show, resume, cancel, or delete jobs")
    actions = jobs.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text, ids in (
        ("list", "list all jobs, oldest first", None),
        ("show", "show all that is known about jobs", "+"),
        ("resume", "continue all unfinished jobs, or the jobs with these IDs even if they failed", "*"),
        ("cancel", "stop jobs, here and at the service", "+"),
        ("delete", "forget jobs that are over, and delete their files; outputs are kept", "*"),
    ):
        action = actions.add_parser(name, help=text, description=_sentence(text))
        if ids:
            action.add_argument("id", nargs=ids, metavar="ID", help="a job's ID, or its first characters")
        if name == "delete":
            action.add_argument("--finished", action="store_true", help="all jobs that are done")
            action.add_argument(
                "--at-service",
                action="store_true",
                help="also delete them, and their results, at the service",
            )
        action.add_argument(
            "--output", type=Path, metavar="FOLDER", help="output folder of the command that started the jobs"
        )
        _add_common_options(action, quiet=name == "resume")
        if name == "resume":
            _add_pace_options(action)

    _add_common_options(_add_command(commands, "templates", "list what the service offers"))
    _add_common_options(
        _add_command(commands, "doctor", "check everything between this computer and the service")
    )
    return top


def _add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=_sentence(text))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _add_parameter(command: argparse.ArgumentParser, parameter: Parameter) -> None:
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


def _add_work_options(command: argparse.ArgumentParser) -> None:
    """What the commands that make files have in common."""
    command.add_argument(
        "--output",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="a .glb or .blend file, or a folder (default: .)",
    )
    command.add_argument(
        "--format", choices=("glb", "blend"), help="format of the files in a folder (default: glb)"
    )
    command.add_argument(
        "--list", type=Path, metavar="FILE", help="a CSV or JSONL file with one model per line"
    )
    command.add_argument("--shard", metavar="I/N", help="do only the I-th of N shares of the work")
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="show what would be sent, and how many flows would run; needs no key",
    )
    command.add_argument(
        "--export",
        choices=tuple(PROFILES),
        metavar="ENGINE",
        help=f"also write each model for a game engine, with its levels of detail: {', '.join(PROFILES)}",
    )
    _add_shape_options(command)
    _add_figure_options(command)
    command.add_argument(
        "--strict",
        action="store_true",
        help="treat a result more than 20 %% off the requested triangles as an error (5)",
    )
    _add_common_options(command, quiet=True)
    _add_pace_options(command)


def _add_shape_options(command: argparse.ArgumentParser) -> None:
    """What is said of files for game engines."""
    command.add_argument(
        "--collision",
        choices=("none", "hull", "box"),
        default="none",
        help="collision shape for Unreal, Unity, and Godot (default: none)",
    )
    command.add_argument(
        "--collision-triangles",
        type=_positive,
        default=64,
        metavar="N",
        help="maximum number of triangles of a hull (default: 64)",
    )
    command.add_argument(
        "--separate-textures", action="store_true", help="put textures beside an FBX file instead of into it"
    )


def _add_figure_options(command: argparse.ArgumentParser) -> None:
    """What the commands that show figures have in common."""
    command.add_argument(
        "--check", action="store_true", help="treat a model over one of the limits as an error (5), for CI"
    )
    command.add_argument("--max-triangles", type=_positive, metavar="N", help="limit: number of triangles")
    command.add_argument(
        "--max-texture", type=_positive, metavar="PIXELS", help="limit: longest side of any texture"
    )
    command.add_argument("--max-bytes", type=_positive, metavar="N", help="limit: file size in bytes")
    command.add_argument("--csv", type=Path, metavar="FILE", help="also write the figures to a CSV file")


def _add_pace_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jobs", type=_positive, default=4, metavar="N", help="number of jobs at once (default: 4)"
    )
    command.add_argument(
        "--force", action="store_true", help="overwrite files that are in the way of outputs"
    )
    command.add_argument(
        "--patience",
        type=_minutes,
        default=10.0,
        metavar="MINUTES",
        help="give up after this time without news (default: 10)",
    )


def _add_common_options(command: argparse.ArgumentParser, quiet: bool = False) -> None:
    command.add_argument(
        "--service", metavar="URL", help="address of the service, instead of the one that is set"
    )
    command.add_argument(
        "--ledger",
        type=Path,
        metavar="FOLDER",
        help="where the jobs are kept (default: .generio beside the output)",
    )
    _add_output_style(command, quiet)


def _add_output_style(command: argparse.ArgumentParser, quiet: bool) -> None:
    style = command.add_mutually_exclusive_group()
    style.add_argument("--json", action="store_true", help="write one JSON object per line")
    if quiet:
        style.add_argument("--quiet", action="store_true", help="report only problems")


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number of minutes, not {text!r}") from None
    if not 0.0 < minutes < math.inf:  # which is false of what is no number, too
        raise argparse.ArgumentTypeError("must be more than 0")
    return minutes


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, not {text!r}") from None
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _map_size(text: str) -> int:
    size = _positive(text)
    if size not in MAP_SIZES:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(map(str, MAP_SIZES))}")
    return size


def _lods(text: str) -> tuple[float, ...]:
    try:
        ratios = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected ratios such as 0.5,0.25, not {text!r}") from None
    falling = all(larger > smaller for larger, smaller in pairwise((1.0, *ratios)))
    if not falling or not ratios[-1] > 0.0:
        raise argparse.ArgumentTypeError(
            "each ratio must be smaller than the one before, such as 0.5,0.25,0.1"
        )
    return ratios
