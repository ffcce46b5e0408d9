# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command: from its arguments to its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from ..api import FlowsError, NetworkError
from ..jobs import LedgerError
from . import arguments, game_files, make_models
from .console import prepare
from .exit_codes import BLOCKING_PROBLEMS, INTERRUPTED, KEY, NETWORK, SOME_FAILED, USAGE, Stopped
from .job_directory import Host, job_directory_for
from .lists import UsageError
from .measures import inspector_for
from .outputs import display_path
from .report import OutputLost, write
from .signals import ending_on_ctrl_c, interruptible
from .templates import list_templates


def run(host: Host, words: Sequence[str]) -> int:
    """Run the command with the arguments `words`, and return its exit code. It raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        prepare(stream)
    if sys.stdout is None:
        return _print_error("There is no standard output. Redirect it, for instance to /dev/null.", USAGE)
    try:
        with ending_on_ctrl_c():
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


def _templates(host: Host, options: argparse.Namespace) -> int:
    return list_templates(host, options.json)


def _inspect(host: Host, options: argparse.Namespace) -> int:
    from . import inspect

    return inspect.inspect(inspector_for(options), options)


def _doctor(host: Host, options: argparse.Namespace) -> int:
    from . import doctor

    return doctor.examine(host, options.json)


def _jobs(host: Host, options: argparse.Namespace) -> int:
    from . import jobs

    if options.output or options.ledger:
        directory = job_directory_for(options.ledger, options.output or Path())
    elif host.window is not None:
        directory = host.window
    else:
        raise UsageError("add --output FOLDER, the output folder of the command that started the jobs")
    if not directory.store_path.exists():
        raise UsageError(f"there are no jobs in {display_path(directory.folder)}")
    with interruptible() as interrupted:
        return jobs.run_action(host, directory, options, interrupted)


_COMMANDS = {
    "generate": make_models.generate,
    "optimize": make_models.optimize,
    "run": make_models.run_template,
    "export": game_files.export,
    "inspect": _inspect,
    "jobs": _jobs,
    "templates": _templates,
    "doctor": _doctor,
}
