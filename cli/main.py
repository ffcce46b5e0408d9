# SPDX-License-Identifier: GPL-3.0-or-later
"""From arguments to an exit code."""

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
from .console import prepare
from .exit_codes import (
    FOR_THE_USER,
    INTERRUPTED,
    KEY,
    NETWORK,
    NOT_AS_ASKED,
    OF_THE_INPUT,
    SOME_FAILED,
    SUCCESS,
    USAGE,
    Stopped,
)
from .items import Item
from .job_directory import FOLDER, Home, Host
from .lists import UsageError
from .measures import Inspector, Limits
from .outputs import display, name_trouble
from .report import OutputLost, Report, report_for, write
from .sharing import share
from .shell import joined
from .table import write_csv

EXPORTED = "exported.json"
"""The file beside a ledger that says which files for game engines were written by its commands."""

if TYPE_CHECKING:
    from ..engine.conversion import Conversion


KEYS = (signal.SIGINT, signal.SIGBREAK) if sys.platform == "win32" else (signal.SIGINT,)
"""What Ctrl-C is, and Ctrl-Break."""


def run(host: Host, words: Sequence[str]) -> int:
    """Run the command that `words` are, and return its exit code. Nothing is raised."""
    for stream in (sys.stdout, sys.stderr):
        prepare(stream)
    if sys.stdout is None:
        return _say("There is no standard output. Redirect it, for instance to /dev/null.", USAGE)
    try:
        with _heeding_ctrl_c():
            code = _run(host, words)
        write(sys.stdout, "")  # what is still to be written may not be writable
    except OutputLost as lost:
        _mute(sys.stdout)
        code = INTERRUPTED
        if lost.reason:
            _say(f"The output cannot be written: {lost.reason}.", code)
    return code


def _run(host: Host, words: Sequence[str]) -> int:
    """The exit code of the command that `words` are. Raises OutputLost."""
    parser = arguments.parser(host.program)
    try:
        options = parser.parse_args(words)
    except SystemExit as end:  # --help, or what argparse has complained about already
        return int(end.code or 0)
    try:
        if getattr(options, "service", None):
            host = host._replace(service=options.service.strip().rstrip("/"))
        return _COMMANDS[options.command](host, options)
    except KeyboardInterrupt:
        return _say("Interrupted.", INTERRUPTED)
    except Stopped as stop:
        return _say(str(stop), stop.code)
    except UsageError as error:
        return _say(f"{host.program}: {error}", USAGE)
    except LedgerError as error:
        return _say(f"{error} {error.fix}", SOME_FAILED)
    except NetworkError as error:
        return _say(str(error), NETWORK)
    except FlowsError as error:
        code = FOR_THE_USER.get(error.code, SOME_FAILED)
        return _say(f"{error} {host.key_hint if code == KEY else ''}".strip(), code)
    except OSError as error:  # of a folder that the command is about
        return _say(f"{host.program}: {error.strerror}: {error.filename}", SOME_FAILED)


def _say(text: str, code: int) -> int:
    if sys.stderr is not None:
        try:
            write(sys.stderr, text + "\n")
        except OutputLost:
            _mute(sys.stderr)
    return code


def _mute(stream: TextIO) -> None:
    """Let go of what a stream could not write, so that nobody tries to once more when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _heeding_ctrl_c() -> Iterator[None]:
    """Ctrl-C ends every command, even one that a script has started in the background, to ignore it.

    So does Ctrl-Break on Windows, which else would end it at once.
    """
    unheeded = (signal.SIG_IGN, signal.SIG_DFL)
    before = {number: handler for number in KEYS if (handler := signal.getsignal(number)) in unheeded}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---------------------------------------------------------------------- generate and optimize


def _generate(host: Host, options: argparse.Namespace) -> int:
    common = _files(options)
    for name in (*(parameter.name for parameter in parameters_of(*GENERATORS)), "optimize"):
        if (value := getattr(options, name)) is not None:
            common[name] = value
    rows = lists.listed(options.list) if options.list else []
    return _work(host, options, items.generated(options.prompt, options.image, rows, common))


def _optimize(host: Host, options: argparse.Namespace) -> int:
    common = _files(options)
    rows = lists.listed(options.list) if options.list else []
    if options.ratio is not None:
        common["ratio"] = options.ratio
    if options.polygons is not None:
        common["polygons"] = options.polygons
    if options.lods is not None:
        common["lods"] = options.lods
    if options.bake is not None:
        common["bake"] = options.bake
    todo = items.optimized(options.model, rows, common)
    return _work(host, options, share(todo, options.budget) if options.budget else todo)


def _run_template(host: Host, options: argparse.Namespace) -> int:
    if options.list:
        raise UsageError("run makes one thing; lists are for generate and optimize")
    todo = items.of_template(
        options.template, options.prompt, options.image or options.model, options.set, _files(options)
    )
    if not options.dry_run:
        _check_values(host, todo[0])
    return _work(host, options, todo)


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
                takes = " or ".join(_OPTIONS[each] for each in form.inputs)
                raise UsageError(f"{item.template} takes {takes}")
            return
        raise UsageError(f"the service offers no template {item.template}; see {host.program} templates")


_OPTIONS = {"TEXT": "--prompt", "IMAGE": "--image", "MODEL": "--model"}


def _files(options: argparse.Namespace) -> dict[str, Any]:
    """What --output and --format mean: a folder and a suffix, or one file."""
    path: Path = options.output
    if path.suffix.lower() in items.OTHER_MODELS and not path.is_dir():
        raise UsageError(f"models are .glb or .blend files, and {path} is neither")
    file = path if path.suffix.lower() in items.SUFFIXES and not path.is_dir() else None
    if file and options.format:
        raise UsageError(f"--format is for folders, and {file} already says what it is")
    return {"folder": path, "file": file, "suffix": f".{options.format or 'glb'}"}


def _work(host: Host, options: argparse.Namespace, todo: list[Item]) -> int:
    """Make the items, or this shard's share of them."""
    inspector = _inspector(options)
    check_base(host.service)  # these raise what is wrong, before anything is written
    if not options.dry_run:
        ApiKey(host.api_key)
    wanted = [item.output for item in todo]
    exports = game_files.of_items(todo, options.export) if options.export else []
    if options.shard:
        todo = items.shard(todo, options.shard)
    files = _files(options)
    home = _home(options, files["file"].parent if files["file"] else files["folder"])
    if reason := name_trouble(home.folder):
        raise UsageError(f"{display(home.folder.parent)} cannot be written: {reason}. Give it another name")
    if options.dry_run:
        return dry_run.tell(host, home, todo, options.json)
    converter = _converter(host, todo)
    writer = _writer(host, options, home.folder / EXPORTED) if options.export else None
    if writer is not None:
        writer.check(exports)
    report = report_for(sys.stdout, len(todo), options.json, options.quiet)
    if options.csv:
        write_csv(options.csv, ())  # whether it can be written, before anything is paid for
    with (
        _interruptible() as interrupted,
        Batch(
            host,
            home,
            report,
            at_once=options.jobs,
            patience=options.patience * 60.0,
            interrupted=interrupted,
            converter=converter,
            wanted=wanted,
            force=options.force,
            inspector=inspector,
            wants_deviations=options.csv is not None,
        ) as batch,
    ):
        code = batch.run(
            [batch.task(item) for item in todo], lambda code: _advice(code, report, host, home, options)
        )
        if writer is not None and code in (SUCCESS, SOME_FAILED, NOT_AS_ASKED):
            mine = {item.level_of or item.output for item in todo}  # of this shard
            written = writer.write([file for file in exports if file.base in mine], interrupted.is_set)
            code = SOME_FAILED if SOME_FAILED in (code, written) else code
    if options.csv:
        write_csv(options.csv, report.rows)
    return code


def _writer(host: Host, options: argparse.Namespace, notes: Path | None) -> game_files.Writer:
    """What writes files for the game engine that `options` name."""
    wish = game_files.Wish(
        engine=options.export if notes else options.engine,
        collision=options.collision,
        triangles=options.collision_triangles,
        embed=not options.separate_textures,
    )
    return game_files.Writer(
        host.converter, wish, notes=notes, force=options.force, as_json=options.json, quiet=options.quiet
    )


def _export(host: Host, options: argparse.Namespace) -> int:
    models = items.matching(options.model)
    wanted = game_files.of_files(models, options.output, options.engine)
    for name in models:
        if not Path(name).is_file():
            raise UsageError(f"there is no file {name}")
    writer = _writer(host, options, None)
    writer.check(wanted)
    with _interruptible() as interrupted:
        code = writer.write(wanted, interrupted.is_set)
        return INTERRUPTED if interrupted.is_set() else code


def _inspector(options: argparse.Namespace) -> Inspector:
    """What --check, its limits and --strict mean. Raises UsageError."""
    limits = Limits(options.max_triangles, options.max_texture, options.max_bytes)
    if options.check and limits == Limits():
        raise UsageError("--check needs a limit: --max-triangles, --max-texture or --max-bytes")
    return Inspector(limits, options.check, getattr(options, "strict", False))


def _advice(code: int, report: Report, host: Host, home: Home, options: argparse.Namespace) -> str:
    """How to go on after a command that made files has ended with `code`."""
    if code in (SUCCESS, USAGE, NOT_AS_ASKED):
        return ""
    if code == SOME_FAILED and report.problems <= OF_THE_INPUT:
        return "Correct these inputs, and run the same command again. What is done is not made again."
    if code == SOME_FAILED:
        return "Run the same command again to retry those."
    where = (
        ["--ledger", display(home.folder)] if options.ledger else ["--output", display(home.folder.parent)]
    )
    where += ["--service", host.service] if options.service else []
    resume = f"{host.program} jobs resume {joined(where)}"
    hint = f"{host.key_hint} " if code == KEY and host.key_hint else ""
    return f"{hint}Run the same command again to continue, or, to finish only what was started: {resume}"


def _home(options: argparse.Namespace, folder: Path) -> Home:
    """Where the jobs of outputs in `folder` are kept."""
    return Home((options.ledger or folder / FOLDER).absolute())


def _converter(host: Host, todo: Sequence[Item]) -> Conversion | None:
    """The means to make .blend files, and PNG of other pictures; None where nobody needs them."""
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
    """An event that Ctrl-C, or a cluster that wants its machine back, sets instead of ending the process.

    Who says it twice does not want to wait for whatever it is that the process waits for.
    """
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        if told.is_set():
            raise KeyboardInterrupt
        told.set()

    numbers = (*KEYS, signal.SIGTERM)
    before = [signal.signal(number, tell) for number in numbers]
    try:
        yield told
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
        home = _home(options, options.output or Path())
    elif host.window is not None:
        home = host.window
    else:
        raise UsageError("add --output FOLDER, the output folder of the command that started the jobs")
    if not home.ledger.exists():
        raise UsageError(f"there are no jobs in {display(home.folder)}")
    with _interruptible() as interrupted:
        return jobs.act(host, home, options, interrupted)


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
