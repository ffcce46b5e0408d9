"""Every text of the interface is there in every language, is used, and fits."""

import ast
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from generio_flows import i18n
from generio_flows.i18n import texts

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    path
    for room in ("api", "core", "formats", "jobs", "operators", "panels", "scene", "session")
    for path in (ROOT / room).rglob("*.py")
]
TRANSLATING = {"translated", "wrapped", "preferences_button", "account_button", "poll_message_set"}

NOT_SHOWN = {
    # what Blender, SQLite, HTTP and regular expressions are told
    *("Bearer {}", "[^\\w .-]+", "Traceback (most recent call last)"),
    *("{} {}.blend", "{} (other)", "GENERIO subject ", "GENERIO before", "GENERIO evaluate", "GENERIO fit"),
    *("GENERIO: {}", "GENERIO realize", "GENERIO full", "{} slot {}"),
    *("\nGENERIO_ANSWER {}", "Model Box", "Recovered Model"),
    # what goes to the terminal, or to whoever calls this from Python
    *("GENERIO: {}: {}{}{}", "GENERIO Flows: {} {}", "not over after {} seconds", "{} is no JSON"),
    "GENERIO Flows was disabled; jobs go on when it is enabled again.",
    "A model is just being placed, and a handler of Blender cannot wait for another one meanwhile. "
    "Wait in a listener: see flows.subscribe.",
    *("an unfinished job must be cancelled first", "The job {} is in the job list {} already."),
    *("an API key is not for copying", "nested too deeply", "the whole answer takes too long"),
    *("the answer comes too slowly", "token too long", "key too long", "no such escape", "not JSON"),
    *("too many values", "Text to 3D model", "Image or sketch to 3D model", "3D model with fewer polygons"),
    # the doctor's report, which is for whoever helps
    "GENERIO Flows {}, Blender {}, Python {}, requests {}, {} {}",
    "Proxies: {}; certificates: {}",
    # names of assets, fields of a form, classes of HTTP
    *("{}, made with GENERIO Flows", "{} LOD{}", "of Blender"),
    "GENERIO Flows is disabled",
    *("somebody else has the turn {}",),
}
"""Texts with a blank inside that no user reads, or not in a language."""

LOCALES = ("de_DE", "es", "fr_FR", "ja_JP", "zh_HANS")
"""Blender's, for the languages that we have."""

SQL = re.compile(r"\s*(ALTER|BEGIN|CREATE|DELETE FROM|INSERT|PRAGMA|SELECT|UPDATE jobs)\b")

LABEL = 34
"""Half-width characters that a label may have in any language: half of a tooltip's line."""

SHORT = 26
"""Up to so many characters a text is a label, which has to fit beside others."""

BESIDE = {
    20: {"Image", "Render", "View", "Paste", "Import", "Retry", "Remove", "Cancel", "Accept", "Discard"},
    14: {
        "Text",
        "Quality",
        "Texture",
        "Seed",
        "Variants",
        "Location",
        "Low",
        "High",
        "Reduce To",
        "Triangles",
    },
    9: {"Count", "Percent", "Total"},
}
"""Half-width characters that there is room for in a sidebar of 330 pixels, by how many share a row."""


def template(node: ast.AST | None) -> str:
    """The text that stands there; one that is put together with gaps for what is put in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "GENERIO_API_KEY" if getattr(node.value, "id", "") == "KEY_VARIABLE" else i18n.GAP
    return ""


def strings(tree: ast.AST) -> Iterator[str]:
    """All texts in a file that are no docstrings."""
    if isinstance(tree, (ast.Constant, ast.JoinedStr)):
        yield template(tree)
    if not isinstance(tree, ast.Expr) or not isinstance(tree.value, ast.Constant):
        inside = (
            [part.value for part in tree.values if isinstance(part, ast.FormattedValue)]
            if isinstance(tree, ast.JoinedStr)
            else ast.iter_child_nodes(tree)
        )
        for node in inside:
            yield from strings(node)


def is_told(text: str) -> bool:
    """Whether these are words with blanks between them."""
    return " " in text.strip() and re.search(r"[^\W\d_]{3}", text) is not None and not SQL.match(text)


def labels(tree: ast.AST) -> Iterator[str]:
    """The texts that Blender shows by itself, single words, too: labels, descriptions, items."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
                if getattr(target, "id", "") == "bl_label" or (node.name == "State" and target is not None):
                    yield template(getattr(line, "value", None))
            if "_OT_" in node.name:
                yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            wanted = {"text", "placeholder", "confirm_text", "heading"}
            if name.endswith("Property"):
                wanted |= {"name", "description"}
            yield from (template(keyword.value) for keyword in node.keywords if keyword.arg in wanted)
            if name in TRANSLATING or name == "Finding":
                yield from (template(argument) for argument in node.args)
        elif isinstance(node, ast.Tuple) and len(node.elts) in (3, 5):
            item = [template(part) for part in node.elts[:3]]
            if all(item) and item[0].isupper():
                yield from item[1:]


def is_word(text: str) -> bool:
    """Whether there is anything to translate: words, and no slug, address or icon."""
    letters = text.replace(i18n.GAP, "")
    return re.search(r"[^\W\d_]{3}", letters) is not None and not re.fullmatch(
        r"https://\S+|[a-z_]+|[A-Z_\d]+", text
    )


TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in FILES]
USED = {
    " ".join(text.split()) if "    " not in text else text
    for tree in TREES
    for text in (*filter(is_told, strings(tree)), *filter(is_word, labels(tree)))
    if text not in NOT_SHOWN
}
EVERYTHING = USED | {text for tree in TREES for text in strings(tree)}


@pytest.mark.parametrize("language", LOCALES)
def test_every_text_is_translated(language: str):
    assert len(USED) > 400
    assert not sorted(USED - texts(language).keys())


@pytest.mark.parametrize("language", LOCALES)
def test_every_translation_is_used(language: str):
    assert not sorted(texts(language).keys() - EVERYTHING)


def test_what_is_not_shown_is_there():
    assert not NOT_SHOWN - {text for tree in TREES for text in strings(tree)}


@pytest.mark.parametrize("language", LOCALES)
def test_a_translation_has_the_same_gaps_and_an_end_like_the_text(language: str):
    for text, told in texts(language).items():
        assert told.strip() == told != "", text
        count = text.count(i18n.GAP)
        assert told.count(i18n.GAP) == count or {*re.findall(r"\{\d\}", told)} == {
            f"{{{number}}}" for number in range(count)
        }, text
        assert text.endswith(".") == told.endswith((".", "。")), text


def width(text: str) -> int:
    return sum(1 + (char >= "\u2e80") for char in text)


@pytest.mark.parametrize("language", LOCALES)
def test_labels_fit(language: str):
    long = {
        text: told for text, told in texts(language).items() if len(text) <= SHORT and width(told) > LABEL
    }
    sentences = {text for text in long if text.endswith(".") or (" " in text and text[-1:].islower())}
    assert not long.keys() - sentences


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("room", BESIDE)
def test_labels_fit_beside_each_other(language: str, room: int):
    assert not {told for text in BESIDE[room] if width(told := texts(language)[text]) > room}


@pytest.mark.parametrize(
    ("text", "template", "gaps"),
    [
        ("3,000 triangles", "{} triangles", ("3,000",)),
        ('"A, b" is left out: it has no faces', '"{}" is left out: {}', ("A, b", "it has no faces")),
        (
            "The service could not make the model: Too hot.",
            "The service could not make the model: {}",
            ("Too hot.",),
        ),
        (
            "Blender could not convert a.png: Error: b",
            "Blender could not convert {}: {}",
            ("a.png", "Error: b"),
        ),
    ],
)
def test_a_text_with_filled_gaps_is_recognized(text: str, template: str, gaps: tuple[str, ...]):
    assert i18n.recognized(text, "de_DE") == (template, gaps)


Told = Callable[..., str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What texts are in a language. The module bpy has no languages, so Blender's side is a look-up."""

    def told(language: str, *said: str) -> str:
        blender = SimpleNamespace(locale=language, pgettext_iface=lambda text, _: texts(language)[text])
        monkeypatch.setitem(sys.modules, "bpy", SimpleNamespace(app=SimpleNamespace(translations=blender)))
        return i18n.translated(*said)

    return told


NO_CREDIT = "Your GENERIO account has no credit left for this (402). It says: No credit. Please top up."
HELD = "Another program holds the job list /home/u. x/jobs. sqlite."


@pytest.mark.parametrize(
    ("text", "german"),
    [
        (
            NO_CREDIT,
            "Dein GENERIO-Konto hat dafür kein Guthaben mehr (402). Antwort: No credit. Please top up.",
        ),
        ('The object "a. b" is gone.', 'Das Objekt "a. b" gibt es nicht mehr.'),
        (HELD, "Ein anderes Programm hält die Auftragsliste /home/u. x/jobs. sqlite fest."),
        (
            f"Nothing was sent. {HELD}",
            "Es wurde nichts gesendet. Ein anderes Programm hält die Auftragsliste "
            "/home/u. x/jobs. sqlite fest.",
        ),
        (
            "Blender could not convert input.blend: Error: boom.",
            "Blender konnte input.blend nicht konvertieren: Error: boom.",
        ),
        (
            'Nothing to optimize. "A. b" is left out: it has no faces.',
            'Nichts zu optimieren. "A. b" wird ausgelassen: hat keine Flächen.',
        ),
        (
            "There is no API key yet. The kiln.  Overheated.",
            "Es gibt noch keinen API-Schlüssel. The kiln.  Overheated.",
        ),
        ("The kiln. Overheated.", "The kiln. Overheated."),
        (
            "Connected, the key is accepted. The service offers 5 templates.",
            "Verbunden, der Schlüssel ist gültig. Der Dienst bietet 5 Vorlagen.",
        ),
    ],
)
def test_sentences_are_told_whatever_is_in_their_gaps(told: Told, text: str, german: str):
    assert told("de_DE", text) == german
    fix = "Open your account at account.generio.ai."
    assert told("de_DE", f"{text} {fix}") == told("de_DE", text, fix)
    assert told("de_DE", text, fix) == f"{german} Öffne dein Konto auf account.generio.ai."


def test_a_fix_is_told_where_the_message_has_no_end(told: Told):
    message = "The model could not be placed: boom"
    assert (
        told("de_DE", message, "Report it.")
        == "Das Modell konnte nicht platziert werden: boom Melde diesen Fehler."
    )
    assert told("de_DE", "Cancelled.", "") == "Abgebrochen."
    assert told("en_US", message, "Report it.") == f"{message} Report it."
    assert told("en_US", message, "") == message


@pytest.mark.parametrize("language", LOCALES)
def test_the_end_of_one_sentence_is_not_in_the_gap_of_another(told: Told, language: str):
    message, fix = 'The object "a. b" is gone.', "Use Import to put it at the 3D cursor."
    both = told(language, f"{message} {fix}")
    assert both.replace(" ", "") == (told(language, message) + told(language, fix)).replace(" ", "")
    assert fix not in both


def test_a_long_reason_of_many_sentences_is_read_quickly(told: Told):
    reason = "It says: {} (402). No credit. → " * 13
    started = time.process_time()
    told("de_DE", f"The service could not make the model: {reason}")
    assert time.process_time() - started < 0.2


def test_a_locale_of_another_country_has_the_same_language():
    assert (texts("de_AT"), texts("fr_CA"), texts("zh_CN")) == (texts("de_DE"), texts("fr"), texts("zh_HANS"))


def test_other_languages_stay_english():
    assert not texts("en_US") and not texts("zh_HANT") and not texts("")


def test_what_others_say_is_not_recognized():
    assert i18n.recognized("The kiln overheated", "de_DE") is None


# ---- the files


def written(folder: Path, entries: str) -> Path:
    path = folder / "de.po"
    path.write_text(f'msgid ""\nmsgstr "Language: de\\n"\n\n{entries}', encoding="utf-8")
    return path


def test_files_are_read_as_the_tools_for_translators_write_them(tmp_path: Path):
    entries = """
# of a translator
#. of a programmer
#: panels/jobs.py:12
#, python-brace-format
msgid "\\"{}\\" is\\tin"
msgstr "\\"{}\\" ist\\tdrin"

msgid ""
"Long texts "
"have lines"
msgstr ""
"Lange Texte haben "
"Zeilen"

#, fuzzy
#| msgid "Saved"
msgid "Saved {}"
msgstr "Gespeichert"

msgid "New"
msgstr ""

#~ msgid "Old"
#~ msgstr "Alt"
"""
    told = {'"{}" is\tin': '"{}" ist\tdrin', "Long texts have lines": "Lange Texte haben Zeilen"}
    assert i18n.po.read(written(tmp_path, entries)) == told


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ('msgid "A"\nmsgstr "B"\n\nmsgid "A"\nmsgstr "C"\n', 7),
        ('msgid "A"\nmsgid "B"\nmsgstr "C"\n', 4),
        ('msgid "A"\nmsgstr "B" and more\n', 5),
        ('msgid "A"\nmsgstr "B\nmsgid "C"\nmsgstr "D"\n', 4),
        ('msgid "A"\n', 4),
        ('msgctxt "Operator"\nmsgid "A"\nmsgstr "B"\n', 4),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path: Path, entries: str, line: int):
    with pytest.raises(ValueError, match=rf"^de.po, line {line}$"):
        i18n.po.read(written(tmp_path, entries))
