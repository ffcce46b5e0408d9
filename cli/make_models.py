# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that make models: generate, optimize, and run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api import BadParameter, CallFailed
from ..api.credentials import ApiKey
from ..api.forms import TemplateForm
from ..api.parameters import GENERATORS, parameters_of
from ..core.errors import NoChildBlender
from ..core.urls import check_base
from . import dry_run, items, lists
from .batch import Batch
from .budget import share_budget
from .exit_codes import INPUT_PROBLEMS, KEY, NOT_AS_ASKED, SOME_FAILED, SUCCESS, USAGE
from .game_files import files_of_items, writer_for
from .items import Item
from .job_directory import Host, JobDirectory, job_directory_for
from .lists import UsageError
from .measures import inspector_for
from .outputs import display_path, name_problem
from .report import Report, report_for
from .shell import join_arguments
from .signals import interruptible
from .table import write_csv

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

EXPORT_RECORD = "exported.json"
"""The file beside a store that records which files for game engines its commands have written."""


def generate(host: Host, options: argparse.Namespace) -> int:
    """Make models of prompts and pictures, and return the exit code. Raises UsageError."""
    common = _output_options(options)
    for name in (*(parameter.name for parameter in parameters_of(*GENERATORS)), "optimize"):
        if (value := getattr(options, name)) is not None:
            common[name] = value
    rows = lists.read_list(options.list) if options.list else []
    return _make_items(host, options, items.items_to_generate(options.prompt, options.image, rows, common))


def optimize(host: Host, options: argparse.Namespace) -> int:
    """Optimize models, and return the exit code. Raises UsageError."""
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


def run_template(host: Host, options: argparse.Namespace) -> int:
    """Run a template by its name, and return the exit code. Raises UsageError."""
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
    inspector = inspector_for(options)
    check_base(host.service)  # This and the next check raise before anything is written.
    if not options.dry_run:
        ApiKey(host.api_key)
    wanted = [item.output for item in todo]
    exports = files_of_items(todo, options.export) if options.export else []
    if options.shard:
        todo = items.shard(todo, options.shard)
    files = _output_options(options)
    directory = job_directory_for(options.ledger, files["file"].parent if files["file"] else files["folder"])
    if reason := name_problem(directory.folder):
        raise UsageError(
            f"{display_path(directory.folder.parent)} cannot be written: {reason}. Give it another name"
        )
    if options.dry_run:
        return dry_run.print_plans(host, directory, todo, options.json)
    converter = _converter(host, todo)
    writer = writer_for(host, options, directory.folder / EXPORT_RECORD) if options.export else None
    if writer is not None:
        writer.check(exports)
    report = report_for(sys.stdout, len(todo), options.json, options.quiet)
    if options.csv:
        write_csv(options.csv, ())  # This raises before anything is paid for if the file cannot be written.
    with (
        interruptible() as interrupted,
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
