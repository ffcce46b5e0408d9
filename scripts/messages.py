"""Finds the add-on's texts in its source: ids of messages, and labels that Blender translates by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("api", "core", "engine", "formats", "jobs", "operators", "panels", "scene", "session")
"""All but the command line, which is English."""

LABELLED = {"text", "placeholder", "confirm_text", "heading", "title"}
"""Arguments that Blender looks up; of properties, "name" and "description", too."""

BUTTONS = {"preferences_button", "account_button"}
"""Functions of ours that hand a label on to Blender."""

GAP = re.compile(r"\{\w+(?::[^{}]*)?\}")
"""Where a value goes; a text of nothing else is the same in each language."""


def texts(root: Path = ROOT) -> set[str]:
    """Every text that is looked up in the translations."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for room in ROOMS
        for path in sorted((root / room).rglob("*.py"))
    ]
    found = {text for tree in trees for text in (*_ids(tree), *filter(_is_word, _labels(tree)))}
    return {text for text in found if GAP.sub("", text).strip()}


def _ids(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "Message" and node.args:
            yield _constant(node.args[0])


def _labels(tree: ast.AST) -> Iterator[str]:
    """Labels, descriptions, items and tooltips, single words, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
                if getattr(target, "id", "") == "bl_label":
                    yield _constant(getattr(line, "value", None))
            if "_OT_" in node.name:
                yield " ".join((ast.get_docstring(node) or "").split())
        elif isinstance(node, ast.Call):
            name = _name(node.func)
            wanted = LABELLED | ({"name", "description"} if name.endswith("Property") else set())
            for keyword in node.keywords:
                if keyword.arg in wanted:
                    yield from _constants(keyword.value)
            if name in BUTTONS:
                yield from map(_constant, node.args)
            if name == "Profile":  # of a game engine or format; a single word is its name in all languages
                yield from (text for text in map(_constant, node.args[:2]) if " " in text)
        elif isinstance(node, ast.Tuple) and len(node.elts) in (3, 5):
            item = [_constant(part) for part in node.elts[:3]]
            if (item[0] and item[0] == item[0].upper()) or isinstance(node.elts[0], ast.Name | ast.Call):
                yield from item[1:]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("text", "EXAMPLE"):
            yield from _constants(node.value)


def _constants(node: ast.AST) -> Iterator[str]:
    """The text, or both where one of two is chosen."""
    if isinstance(node, ast.IfExp):
        yield from (*_constants(node.body), *_constants(node.orelse))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _constants(value)
    else:
        yield _constant(node)


def _constant(node: ast.AST | None) -> str:
    """The text that stands there; the name of the key's variable is the only part that may be put in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_constant(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "GENERIO_API_KEY" if getattr(node.value, "id", "") == "KEY_VARIABLE" else ""
    return ""


def _name(function: ast.AST) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _is_word(text: str) -> bool:
    """Whether there is anything to translate: words, and no slug, address or icon."""
    return re.search(r"[^\W\d_]{3}", text) is not None and not re.fullmatch(
        r"https://\S+|[a-z_-]+|[A-Z_\d]+", text
    )
