# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of GLB files that are here; nothing is sent."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..api import FlowsError
from .exit_codes import NOT_AS_ASKED, SOME_FAILED, SUCCESS
from .items import expand_patterns
from .measures import Inspector, Measurement
from .report import write
from .table import table, write_csv


def inspect(inspector: Inspector, options: argparse.Namespace) -> int:
    """Print the figures of the files that `options` name, and return the exit code. Raises UsageError."""
    rows: list[Measurement] = []
    failed = False
    for name in expand_patterns(options.model):
        try:
            rows.append(inspector.measure(name, Path(name)))
        except FlowsError as error:
            failed = True
            _write(_object(name, error) if options.json else f"{name}: {error}")
    for row in rows if options.json else ():
        assert row.after is not None
        _write(json.dumps({"file": row.file, **row.after.to_data(), "warnings": row.warnings}))
    if not options.json:
        for line in () if options.quiet else table(rows):
            _write(line)
        for warning in [warning for row in rows for warning in row.warnings]:
            _write(warning)
    if options.csv:
        write_csv(options.csv, rows)
    if failed:
        return SOME_FAILED
    return NOT_AS_ASKED if inspector.refuses(rows) else SUCCESS


def _object(name: str, error: FlowsError) -> str:
    return json.dumps({"file": name, "message": error.message, "fix": error.fix, "code": error.code})


def _write(line: str) -> None:
    write(sys.stdout, line + "\n")
