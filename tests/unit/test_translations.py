"""Every text of the interface is there in every language, is used, and fits."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from generio_flows.translations import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
NOT_YET = {
    *(f"operators/{name}.py" for name in ("compare", "handover", "lods", "optimize")),
    *(f"panels/{name}.py" for name in ("compare", "lods", "optimize")),
}
"""Files whose texts still change too much, so that they are in English only."""

FILES = [
    path
    for pattern in ("operators/*.py", "panels/*.py", "preferences.py", "properties.py", "api/errors.py")
    for path in sorted(ROOT.glob(pattern))
    if str(path.relative_to(ROOT)) not in NOT_YET
]
SAME_IN_ALL = {"https://account.generio.ai"}
TRANSLATING = {"wrapped", "translated", "pgettext_iface", "preferences_button", "account_button"}
SHORT = 26
"""Up to so many characters a text is a label, which has to fit beside others."""

LABEL = 34
"""Half-width characters that a label may have in any language: half of a tooltip's line."""


def constant(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def texts(path: Path) -> Iterator[str]:
    """What a user may read of a file: labels, descriptions, items, messages."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
                if getattr(target, "id", "") in ("bl_label", "message", "fix"):
                    yield constant(line.value)
            if "_OT_" in node.name:
                yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            wanted = {"text", "placeholder", "confirm_text"}
            if name.endswith("Property"):
                wanted |= {"name", "description"}
            yield from (constant(keyword.value) for keyword in node.keywords if keyword.arg in wanted)
            if name in TRANSLATING or name == "poll_message_set":
                yield from (constant(argument) for argument in node.args if " " in constant(argument))
        elif isinstance(node, ast.Tuple) and len(node.elts) in (3, 5):
            item = [constant(part) for part in node.elts[:3]]
            if all(item) and item[0].isupper():
                yield from item[1:]


USED = {text for path in FILES for text in texts(path)} - SAME_IN_ALL - {""}
EVERYTHING = "\n".join(
    " ".join(constant(node).split())
    for path in ROOT.glob("[!t]*/*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
) + "\n".join(
    " ".join(constant(node).split())
    for path in ROOT.glob("*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str):
    assert len(USED) > 150
    assert not sorted(USED - LANGUAGES[language].keys())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_is_used(language: str):
    unused = [
        text for text in LANGUAGES[language] if text not in EVERYTHING and "GENERIO_API_KEY" not in text
    ]
    assert not unused


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_gaps_and_an_end_like_the_text(language: str):
    def gaps(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for text, told in LANGUAGES[language].items():
        assert told.strip() == told != "", text
        assert gaps(told) == gaps(text), text
        assert text.endswith(".") == told.endswith((".", "。")), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_fit(language: str):
    def width(text: str) -> int:
        return sum(1 + (char >= "\u2e80") for char in text)

    long = {
        text: told for text, told in LANGUAGES[language].items() if len(text) <= SHORT and width(told) > LABEL
    }
    sentences = {text for text in long if text.endswith(".") or (" " in text and text[-1:].islower())}
    assert not long.keys() - sentences
