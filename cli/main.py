# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command: from its arguments to its exit code."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from ..api import BadParameter, CallFailed, FlowsError, NetworkError
from ..api.credentials import ApiKey
from ..api.forms import Field, TemplateForm, shown
from ..api.parameters import GENERATORS, parameters_of
from ..core.errors import NoChildBlender
from ..core.text import tidy
from ..core.urls import check_base
from ..jobs import LedgerError
from . import arguments, dry_run, game_files, items, lists
from .batch import Batch
from .budget import share_budget
from .console import prepare
from .exit_codes import (
    BLOCKING_PROBLEMS,
    INPUT_PROBLEMS,
    INTERRUPTED,
    KEY,
    NETWORK,
    NOT_AS_ASKED,
    SOME_FAILED,
    SUCCESS,
    USAGE,
    Stopped,
)
from .items import Item
from .job_directory import FOLDER, Host, JobDirectory
from .lists import UsageError
from .measures import Inspector, Limits
from .outputs import display_path, name_problem
from .report import OutputLost, Report, report_for, write
from .shell import join_arguments
from .table import write_csv

EXPORT_RECORD = "exported.json"
"""The file beside a store that records which files for game engines its commands have written."""

if TYPE_CHECKING:
    from ..engine.conversion import Conversion


INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGBREAK) if sys.platform == "win32" else (signal.SIGINT,)
"""The signals of Ctrl-C and Ctrl-Break."""


def run(host: Host, words: Sequence[str]) -> int:
    """Run the command with the arguments `words`, and return its exit code. It raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        prepare(stream)
    if sys.stdout is None:
        return _print_error("There is no standard output. Redirect it, for instance to /dev/null.", USAGE)
    try:
        with _ending_on_ctrl_c():
            code = _run(host, words)
        write(sys.stdout, "")  # This raises if buffered output cannot be written.
    except OutputLost as lost:
        _discard_output(sys.stdout)
        code = INTERRUPTED
        if lost.reason:
            _print_error(f"The output cannot be written: {lost.reason}.", code)
    return code


def _run(host: Host, words: Sequence[str]) -> int:
    """Run the command with the arguments `words`, and return its exit code. Raises OutputLost."""
    parser = arguments.parser(host.program)
    try:
        options = parser.parse_args(words)
    except SystemExit as end:  # --help, or an error that argparse has already printed
        return int(end.code or 0)
    try:
        if getattr(options, "service", None):
            host = host._replace(service=options.service.strip().rstrip("/"))
        return _COMMANDS[options.command](host, options)
    except KeyboardInterrupt:
        return _print_error("Interrupted.", INTERRUPTED)
    except Stopped as stop:
        return _print_error(str(stop), stop.code)
    except UsageError as error:
        return _print_error(f"{host.program}: {error}", USAGE)
    except LedgerError as error:
        return _print_error(f"{error} {error.fix}", SOME_FAILED)
    except NetworkError as error:
        return _print_error(str(error), NETWORK)
    except FlowsError as error:
        code = BLOCKING_PROBLEMS.get(error.code, SOME_FAILED)
        return _print_error(f"{error} {host.key_hint if code == KEY else ''}".strip(), code)
    except OSError as error:  # an error of a folder that the arguments name
        return _print_error(f"{host.program}: {error.strerror}: {error.filename}", SOME_FAILED)


def _print_error(text: str, code: int) -> int:
    if sys.stderr is not None:
        try:
            write(sys.stderr, text + "\n")
        except OutputLost:
            _discard_output(sys.stderr)
    return code


def _discard_output(stream: TextIO) -> None:
    """Discard what a stream could not write, so that Python does not try again when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _ending_on_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end every command, even one that a script started in the background, ignoring it.

    Ctrl-Break does the same on Windows, where it would otherwise kill the process.
    """
    defaults = (signal.SIG_IGN, signal.SIG_DFL)
    before = {
        number: handler for number in INTERRUPT_SIGNALS if (handler := signal.getsignal(number)) in defaults
    }
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---------------------------------------------------------------------- generate and optimize


def _generate(host: Host, options: argparse.Namespace) -> int:
    common = _output_options(options)
    for name in (*(parameter.name for parameter in parameters_of(*GENERATORS)), "optimize"):
        if (value := getattr(options, name)) is not None:
            common[name] = value
    rows = lists.read_list(options.list) if options.list else []
    return _make_items(host, options, items.items_to_generate(options.prompt, options.image, rows, common))


def _optimize(host: Host, options: argparse.Namespace) -> int:
    common = _output_options(options)
    rows = lists.read_list(options.list) if options.list else []
    if options.ratio is not None:
        common["ratio"] = options.ratio
    if options.polygons is not None:
        common["polygons"] = options.polygons
    if options.lods is not None:
        common["lods"] = options.lods
    if options.bake is not None:
        common["bake"] = options.bake
    todo = items.items_to_optimize(options.model, rows, common)
    return _make_items(host, options, share_budget(todo, options.budget) if options.budget else todo)


def _run_template(host: Host, options: argparse.Namespace) -> int:
    if options.list:
        raise UsageError("run makes one thing; lists are for generate and optimize")
    todo = items.items_to_run(
        options.template,
        options.prompt,
        options.image or options.model,
        options.set,
        _output_options(options),
    )
    if not options.dry_run:
        _check_values(host, todo[0])
    return _make_items(host, options, todo)


def _check_values(host: Host, item: Item) -> None:
    """Raise UsageError for values that a template cannot have, where the service says what it can.

    A service that cannot be reached now, or says nothing, keeps nobody from going on with what was begun.
    """
    with suppress(CallFailed), host.client() as client:
        for template in client.templates():
            if item.template not in (template.name, template.template_id):
                continue
            form = TemplateForm.of(template)
            if form.obstacle:
                raise UsageError(f"{item.template} cannot be run: {form.obstacle}")
            try:
                wanted = form.read(item.parameters)
            except BadParameter as error:
                raise UsageError(error.message.removesuffix(".")) from None
            for name, value in wanted.items():
                if type(value) is not type(item.parameters[name]) and isinstance(value, str):
                    raise UsageError(f"{name} is a text: write --set '{name}={json.dumps(value)}'")
            kind = items.kind_of(item)
            if kind not in form.inputs:
                inputs = " or ".join(_OPTIONS[each] for each in form.inputs)
                raise UsageError(f"{item.template} takes {inputs}")
            return
        raise UsageError(f"the service offers no template {item.template}; see {host.program} templates")


_OPTIONS = {"TEXT": "--prompt", "IMAGE": "--image", "MODEL": "--model"}


def _output_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return what --output and --format mean: a folder and a suffix, or one file. Raises UsageError."""
    path: Path = options.output
    if path.suffix.lower() in items.OTHER_MODELS and not path.is_dir():
        raise UsageError(f"models are .glb or .blend files, and {path} is neither")
    file = path if path.suffix.lower() in items.SUFFIXES and not path.is_dir() else None
    if file and options.format:
        raise UsageError(f"--format is for folders, and {file} already says what it is")
    return {"folder": path, "file": file, "suffix": f".{options.format or 'glb'}"}


def _make_items(host: Host, options: argparse.Namespace, todo: list[Item]) -> int:
    """Make the items, or those of this shard, and return the exit code."""
    inspector = _inspector(options)
    check_base(host.service)  # This and the next check raise before anything is written.
    if not options.dry_run:
        ApiKey(host.api_key)
    wanted = [item.output for item in todo]
    exports = game_files.files_of_items(todo, options.export) if options.export else []
    if options.shard:
        todo = items.shard(todo, options.shard)
    files = _output_options(options)
    directory = _job_directory(options, files["file"].parent if files["file"] else files["folder"])
    if reason := name_problem(directory.folder):
        raise UsageError(
            f"{display_path(directory.folder.parent)} cannot be written: {reason}. Give it another name"
        )
    if options.dry_run:
        return dry_run.print_plans(host, directory, todo, options.json)
    converter = _converter(host, todo)
    writer = _writer(host, options, directory.folder / EXPORT_RECORD) if options.export else None
    if writer is not None:
        writer.check(exports)
    report = report_for(sys.stdout, len(todo), options.json, options.quiet)
    if options.csv:
        write_csv(options.csv, ())  # This raises before anything is paid for if the file cannot be written.
    with (
        _interruptible() as interrupted,
        Batch(
            host,
            directory,
            report,
            concurrent_jobs=options.jobs,
            patience=options.patience * 60.0,
            interrupted=interrupted,
            converter=converter,
            all_outputs=wanted,
            force=options.force,
            inspector=inspector,
            measure_deviations=options.csv is not None,
        ) as batch,
    ):
        code = batch.run(
            [batch.task_for(item) for item in todo],
            lambda code: _advice(code, report, host, directory, options),
        )
        if writer is not None and code in (SUCCESS, SOME_FAILED, NOT_AS_ASKED):
            mine = {item.level_of or item.output for item in todo}  # of this shard
            written = writer.write([file for file in exports if file.base in mine], interrupted.is_set)
            code = SOME_FAILED if SOME_FAILED in (code, written) else code
    if options.csv:
        write_csv(options.csv, report.rows)
    return code


def _writer(host: Host, options: argparse.Namespace, record_path: Path | None) -> game_files.GameFileWriter:
    """Return the writer of files for the game engine that `options` name."""
    export_options = game_files.ExportOptions(
        engine=options.export if record_path else options.engine,
        collision=options.collision,
        triangles=options.collision_triangles,
        embed=not options.separate_textures,
    )
    return game_files.GameFileWriter(
        host.converter,
        export_options,
        record_path=record_path,
        force=options.force,
        as_json=options.json,
        quiet=options.quiet,
    )


def _export(host: Host, options: argparse.Namespace) -> int:
    models = items.expand_patterns(options.model)
    wanted = game_files.files_of_models(models, options.output, options.engine)
    for name in models:
        if not Path(name).is_file():
            raise UsageError(f"there is no file {name}")
    writer = _writer(host, options, None)
    writer.check(wanted)
    with _interruptible() as interrupted:
        code = writer.write(wanted, interrupted.is_set)
        return INTERRUPTED if interrupted.is_set() else code


def _inspector(options: argparse.Namespace) -> Inspector:
    """Return what --check, its limits, and --strict mean. Raises UsageError."""
    limits = Limits(options.max_triangles, options.max_texture, options.max_bytes)
    if options.check and limits == Limits():
        raise UsageError("--check needs a limit: --max-triangles, --max-texture or --max-bytes")
    return Inspector(limits, options.check, getattr(options, "strict", False))


def _advice(
    code: int, report: Report, host: Host, directory: JobDirectory, options: argparse.Namespace
) -> str:
    """Return what the user can do after a command that makes files has ended with `code`."""
    if code in (SUCCESS, USAGE, NOT_AS_ASKED):
        return ""
    if code == SOME_FAILED and report.problems <= INPUT_PROBLEMS:
        return "Correct these inputs, and run the same command again. What is done is not made again."
    if code == SOME_FAILED:
        return "Run the same command again to retry those."
    where = (
        ["--ledger", display_path(directory.folder)]
        if options.ledger
        else ["--output", display_path(directory.folder.parent)]
    )
    where += ["--service", host.service] if options.service else []
    resume = f"{host.program} jobs resume {join_arguments(where)}"
    hint = f"{host.key_hint} " if code == KEY and host.key_hint else ""
    return f"{hint}Run the same command again to continue, or, to finish only what was started: {resume}"


def _job_directory(options: argparse.Namespace, folder: Path) -> JobDirectory:
    """Return where the jobs of outputs in `folder` are stored."""
    return JobDirectory((options.ledger or folder / FOLDER).absolute())


def _converter(host: Host, todo: Sequence[Item]) -> Conversion | None:
    """Return a converter if any item needs one, for .blend files, maps, or pictures. Raises UsageError."""
    blends = any(item.output.suffix.lower() == ".blend" for item in todo)
    pictures = any(item.source and item.template != items.OPTIMIZE for item in todo)
    bakes = any(item.bake for item in todo)
    try:
        return host.converter() if blends or pictures or bakes else None
    except NoChildBlender as error:
        if blends:
            raise UsageError(f".blend files need Blender: {error}") from None
        if bakes:
            raise UsageError(f"--bake needs Blender: {error}") from None
        return None


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, or SIGTERM from a cluster, sets instead of ending the process.

    A second signal interrupts whatever the process waits for.
    """
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    numbers = (*INTERRUPT_SIGNALS, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield interrupted
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


# ---------------------------------------------------------------------- templates


def _templates(host: Host, options: argparse.Namespace) -> int:
    with host.client() as client:
        for template in client.templates():
            about = {
                "name": template.name,
                "description": template.description,
                "inputs": list(template.input_types),
                "parameters": dict(template.parameters),
            }
            lines = [f"{template.name}  {template.description}".rstrip()]
            lines += [f"  takes {', '.join(template.input_types)}"] if template.input_types else []
            lines += [f"  {_described(field)}" for field in TemplateForm.of(template).fields]
            write(sys.stdout, (json.dumps(about) if options.json else "\n".join(lines)) + "\n")
    return SUCCESS


def _described(field: Field) -> str:
    """A parameter of a template in one line."""
    about = [field.kind, "required" if field.is_required else "", str(field.limits)]
    about += [" | ".join(map(shown, field.choices[:16]))] if field.choices else []
    about += [f"default {tidy(shown(field.default), 40)}"] if field.default is not None else []
    return f"{field.name}: {', '.join(filter(None, about))}{f'. {field.help}' if field.help else ''}"


def _inspect(host: Host, options: argparse.Namespace) -> int:
    from . import inspect

    return inspect.inspect(_inspector(options), options)


def _doctor(host: Host, options: argparse.Namespace) -> int:
    from . import doctor

    return doctor.examine(host, options.json)


def _jobs(host: Host, options: argparse.Namespace) -> int:
    from . import jobs

    if options.output or options.ledger:
        directory = _job_directory(options, options.output or Path())
    elif host.window is not None:
        directory = host.window
    else:
        raise UsageError("add --output FOLDER, the output folder of the command that started the jobs")
    if not directory.store_path.exists():
        raise UsageError(f"there are no jobs in {display_path(directory.folder)}")
    with _interruptible() as interrupted:
        return jobs.run_action(host, directory, options, interrupted)


_COMMANDS = {
    "generate": _generate,
    "optimize": _optimize,
    "run": _run_template,
    "export": _export,
    "inspect": _inspect,
    "jobs": _jobs,
    "templates": _templates,
    "doctor": _doctor,
}
