"""What is told is told in the user's language; the translations are whole files that anybody can edit."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from generio_flows import i18n
from generio_flows.core.call_errors import FlowFailed, PaymentRequired
from generio_flows.core.disk_errors import NotSaved
from generio_flows.core.messages import EMPTY, Message, gaps, sentences, verbatim
from generio_flows.core.text import plain_reason
from generio_flows.i18n import texts
from generio_flows.jobs import Problem

from scripts import build_translations, messages

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "i18n/po").glob("*.po"))

LOCALES = ("de_DE", "es", "fr_FR", "ja_JP", "zh_HANS")
"""Blender's, for the languages that we have."""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_translation_has_the_same_gaps_and_an_end_like_the_text(source: Path):
    """That each text has one is asked of a release, see scripts/release.py."""
    told = i18n.po.read(source)
    assert told
    for text, translation in told.items():
        assert gaps(text) == gaps(translation), text
        numbers = re.findall(r"\{\w+(:[^{}]+)\}", text)
        assert sorted(numbers) == sorted(re.findall(r"\{\w+(:[^{}]+)\}", translation)), text
        assert text.endswith(".") == translation.endswith((".", "。")), text
        if text != ", ":
            assert translation.strip() == translation, text


SMALL = {
    "Generate {count} Variants",
    "Enter up to {count} numbers between 0 and 100, separated by commas, such as 50, 25, 12.5.",
    "Enter up to {count} numbers, separated by commas, such as 10000, 5000.",
    "Other variants removed: {count}",
    "Set, {count} characters.",
    "The optimized model has only {count} triangles, too few to tell where they belong.",
}
"""Texts whose count never has four digits."""


def test_counts_have_separators():
    assert {text for text in messages.texts() if "{count}" in text} == SMALL


def test_every_language_is_read():
    assert [texts(locale) for locale in LOCALES] == [i18n.po.read(source) for source in SOURCES]
    assert all(len(texts(locale)) > 400 for locale in LOCALES)


def test_a_locale_of_another_country_has_the_same_language():
    assert (texts("de_AT"), texts("fr_CA"), texts("zh_CN")) == (texts("de_DE"), texts("fr"), texts("zh_HANS"))


def test_other_languages_stay_english():
    assert not texts("en_US") and not texts("zh_HANT") and not texts("")


# ---- messages


Told = Callable[..., str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What messages are in a language. The module bpy has no languages, so Blender's side is a look-up."""

    def told(language: str, *said: Message) -> str:
        blender = SimpleNamespace(locale=language, pgettext_iface=lambda text, _: texts(language)[text])
        monkeypatch.setitem(sys.modules, "bpy", SimpleNamespace(app=SimpleNamespace(translations=blender)))
        return i18n.translated(*said)

    return told


NO_FACES = Message("it has no faces")
NO_CREDIT = sentences(
    Message("{what} ({status}).", what=PaymentRequired().message, status=402),
    Message("The service says: {words}", words="No credit. Please top up."),
)


@pytest.mark.parametrize(
    ("message", "english", "german"),
    [
        (
            NO_CREDIT,
            (
                "Your GENERIO account has no credit left for this (402). "
                "The service says: No credit. Please top up."
            ),
            "Dein GENERIO-Konto hat dafür kein Guthaben mehr (402). Antwort: No credit. Please top up.",
        ),
        (
            Message('The object "{name}" is gone.', name="a. b"),
            'The object "a. b" is gone.',
            "Das Objekt „a. b“ gibt es nicht mehr.",
        ),
        (
            sentences(
                Message("Nothing to optimize."),
                Message('"{name}" is left out: {reason}.', name="A. b", reason=NO_FACES),
            ),
            'Nothing to optimize. "A. b" is left out: it has no faces.',
            "Nichts zu optimieren. „A. b“ wird ausgelassen: hat keine Flächen.",
        ),
        (
            Message("Blender could not convert {what}: {reason}", what="a.glb", reason=plain_reason("boom")),
            "Blender could not convert a.glb: boom.",
            "Blender konnte a.glb nicht konvertieren: boom.",
        ),
        (
            Message("{kind} of {count:,} objects", kind=Message("hidden faces"), count=2),
            "hidden faces of 2 objects",
            "ausgeblendete Flächen von 2 Objekten",
        ),
        (
            Message(
                "Lost: {kinds}", kinds=[Message("creases"), Message('the attribute "{name}"', name="Lost")]
            ),
            'Lost: creases, the attribute "Lost"',
            "Verloren: Falten, das Attribut „Lost“",
        ),
        (Message("{count:,} triangles", count=3000), "3,000 triangles", "3,000 Dreiecke"),
        (verbatim("The kiln. Overheated."), "The kiln. Overheated.", "The kiln. Overheated."),
        (EMPTY, "", ""),
    ],
)
def test_a_message_is_put_together_in_each_language(told: Told, message: Message, english: str, german: str):
    assert (message, told("de_DE", message)) == (english, german)
    assert told("en_US", message) == english
    assert told("de_DE", Message.from_data(json.loads(json.dumps(message.to_data())))) == german


def test_a_name_is_nobodys_to_translate(told: Told):
    """An object may be called what we say ourselves, and a service may say it."""
    assert told("de_DE", Message("Saved {name}", name="ball")) == "ball gespeichert"
    for name in ("Saved ball", "Lost", "Canceled.", "it has no faces", "{name}", "Saved {name}"):
        assert told("de_DE", Message("Saved {name}", name=name)) == f"{name} gespeichert"
        assert told("de_DE", verbatim(name)) == name
        left_out = Message("{name}: {message}", name=name, message=NO_FACES)
        assert told("de_DE", left_out) == f"{name}: hat keine Flächen"
        failed = FlowFailed(name)
        assert told("de_DE", failed.message).startswith(
            f"Der Dienst konnte das Modell nicht erzeugen: {name}"
        )


def test_sentences_are_joined_as_the_language_does(told: Told):
    message, fix = Message('The object "{name}" is gone.', name="A. b"), Message("Try again.")
    for language in LOCALES:
        one, other = told(language, message), told(language, fix)
        blank = "" if one.endswith("。") else " "
        assert told(language, message, fix) == told(language, sentences(message, fix)) == one + blank + other
    assert "。" in told("ja_JP", message, fix)
    assert told("de_DE", message, EMPTY) == told("de_DE", EMPTY, message) == told("de_DE", message)
    assert told("ja_JP", NO_CREDIT).count("402") == 1
    assert "402." not in told("ja_JP", NO_CREDIT)


def test_a_list_has_the_separator_of_the_language(told: Told):
    kinds = [Message("creases"), Message("seams")]
    assert told("ja_JP", Message("Lost: {kinds}", kinds=kinds)).endswith(
        "、".join(told("ja_JP", kind) for kind in kinds)
    )


def test_a_text_that_is_not_translated_is_english(told: Told, monkeypatch: pytest.MonkeyPatch):
    known = {"Saved {name}": "{name} gespeichert"}
    monkeypatch.setattr(i18n, "texts", lambda _locale: known)
    missing = Message("{name} is new", name=Message("a new thing"))
    assert told("de_DE", Message("Saved {name}", name=missing)) == "a new thing is new gespeichert"


# ---- the ledger


def test_a_problem_keeps_its_message_in_the_ledger(told: Told):
    problem = Problem.of(NotSaved.because(Message("Saved {name}", name="a.glb"), OSError(28, "full")))
    again = Problem.from_data(json.loads(json.dumps(problem.to_data())))
    assert again == problem
    assert told("de_DE", again.message) == "a.glb gespeichert."
    assert told("de_DE", again.fix) == told("de_DE", problem.fix) != problem.fix


def test_the_sentences_of_an_earlier_version_are_shown_as_they_are(told: Told):
    stored = {"code": "no_result", "message": "The service sent no model.", "fix": "", "remedy": ""}
    problem = Problem.from_data(stored)
    assert told("de_DE", problem.message) == problem.message == "The service sent no model."
    assert problem.fix == ""


# ---- what a release asks for


def checkout(folder: Path, source: str, entries: str) -> Path:
    (folder / "panels").mkdir()
    (folder / "panels/tab.py").write_text(source, encoding="utf-8")
    (folder / "i18n/po").mkdir(parents=True)
    written(folder / "i18n/po", entries)
    return folder


SOURCE = """
class GENERIO_OT_do(Operator):
    \"\"\"Do what is
    to be done\"\"\"

    bl_label = "Make It"
    mode: bpy.props.EnumProperty(name="Mode", description="How", items=[("SLUG", "Slowly", "With care")])

ENGINE = Profile("Unreal", "In centimeters", ".fbx")

def draw(layout):
    layout.label(text="Yes" if layout else "None of it", icon="NONE")
    return Message("{count} done", count=len("Not this one"))
"""


def test_the_texts_of_the_source_are_found(tmp_path: Path):
    root = checkout(tmp_path, SOURCE, "")
    labels = {"Do what is to be done", "Make It", "Mode", "How", "Slowly", "With care", "Yes", "None of it"}
    assert messages.texts(root) == {*labels, "In centimeters", "{count} done"}


def test_a_release_has_every_text_in_every_language_and_each_fits(tmp_path: Path):
    entries = "".join(
        f'msgid "{text}"\nmsgstr "{translation}"\n\n'
        for text, translation in {"{count} done": "{count} fertig", "Mode": "M" * 35, "Gone": "Weg"}.items()
    )
    root = checkout(tmp_path, SOURCE, entries)
    found = build_translations.problems(root)
    assert "de.po: not translated: Make It" in found
    assert f"de.po: too long: {'M' * 35}" in found
    assert len(found) == 9
    assert build_translations.unused(root) == ["de.po: used no more: Gone"]


def test_a_gap_that_nobody_fills_is_an_error():
    with pytest.raises(KeyError):
        Message("{name} and {other}", name="A")


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
