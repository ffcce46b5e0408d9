# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of what to make: CSV, as spreadsheets write it, and JSON lines."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..api.parameters import GENERATORS, parameters_of

FIELDS = (
    "prompt",
    "image",
    "model",
    *(parameter.name for parameter in parameters_of(*GENERATORS)),
    "polygons",
    "ratio",
    "optimize",
    "output",
)
"""What a row of a list may have; each means what the option of its name does."""

SEPARATORS = ",;\t"
"""What may stand between values: spreadsheets write semicolons where decimals have commas, or tabs."""

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # first: it begins as that of UTF-16 does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class UsageError(Exception):
    """The command cannot be understood; the text says what to change."""


def read_list(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV or JSONL list; paths in it are relative to its own folder. Raises UsageError."""
    text = _read_text(path)
    rows: list[dict[str, Any]] = []
    for number, row in (_csv_rows if path.suffix.lower() == ".csv" else _json_rows)(path, text):
        if unknown := sorted(row.keys() - set(FIELDS)):
            raise UsageError(
                f"the list {path} has unknown columns: {', '.join(unknown)}; known: {', '.join(FIELDS)}"
            )
        values = {name: value for name, value in row.items() if value not in (None, "")}
        for name, value in values.items():
            if isinstance(value, dict | list):
                raise UsageError(f"line {number} of {path} has no single value for {name}")
        for name in ("image", "model"):
            if name in values:
                values[name] = str(path.parent / str(values[name]))
        rows.append(values)
    return rows


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank. Raises UsageError."""
    return [line.strip() for line in _read_text(path).splitlines() if line.strip()]


def _read_text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"the list {path} cannot be read twice; save it as a file first")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(f"the list {path} cannot be read: {error}") from None
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise UsageError(
            f"the list {path} is not in UTF-8; in a spreadsheet, save it as “CSV UTF-8”"
        ) from None
    if "\0" in text:  # which is UTF-16 without its mark, or no text at all
        raise UsageError(f"the list {path} has NUL characters; save it as UTF-8")
    return text


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number of its last line, and each row that has any value."""
    head = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] = []
    started = 1
    try:
        for values in reader:
            if not columns:
                columns = [value.strip() for value in values]
                if len(set(columns)) < len(columns):
                    raise UsageError(f"the list {path} has two columns of the same name")
            elif any(values):
                if len(values) > len(columns):
                    raise UsageError(
                        f"line {started} of {path} has more values than there are columns; "
                        f"a value with a “{separator}” in it needs quotes around it"
                    )
                yield started, dict(zip(columns, values, strict=False))
            started = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(
            f"the quotes of the row that begins in line {started} of {path} do not match: {error}"
        ) from None


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines: JSON may have U+2028 and its like in a text.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise UsageError(f"line {number} of {path} is no JSON: {reason}") from None
        if not isinstance(row, dict):
            raise UsageError(f"line {number} of {path} is no JSON object")
        yield number, row
