# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a screen: pictures are taken with ImageMagick or grim, words in them are read with Tesseract.

Positions are pixels of the screen, counted from its top left corner. Nothing here needs bpy.
"""

import csv
import io
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

SCREEN = (1400, 1250)
"""Width and height."""

_ZOOM = 3  # Tesseract wants letters of 30 pixels, Blender's have 10

# Two ways to prepare a picture: the first reads nearly everything, the second also faint hints. In the red
# channel the blue of chosen buttons is dark and the red of warnings bright: light letters on dark everywhere.
_PREPARATIONS = (
    f"-channel R -separate -resize {_ZOOM}00% -level 30%,75% -negate",
    f"-channel R -separate -resize {_ZOOM}00% -lat 61x61+5% -negate",
)
READINGS = len(_PREPARATIONS)

# Pixels from one word to the next: 3 to 7 within a label, and more between those of two buttons in a row,
# even where the edge of one is read as a part of its word.
_APART = 8

# Prints a picture of the whole screen.
_LOOK = 'if [ "$WAYLAND_DISPLAY" ]; then grim -t ppm -; else import -window root -depth 8 ppm:-; fi'

# Letters that Tesseract takes for one another in small type.
_ALIKE = 0.75  # so much of what was read is as it is written

_LOOKALIKES = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l"})


@dataclass(frozen=True)
class Box:
    """A rectangle on the screen."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def centre(self) -> tuple[int, int]:
        return self.left + self.width // 2, self.top + self.height // 2


@dataclass(frozen=True)
class Word:
    text: str
    box: Box


Line = list[Word]


def picture(path: Path) -> tuple[str, ...]:
    """The command that saves a picture of the whole screen."""
    return "sh", "-c", f"{_LOOK} | convert - {path}"


def start_picture(path: Path) -> subprocess.Popen[str]:
    """Begin to save a picture of the whole screen; the process ends when it is there."""
    return _start(picture(path))


def start_reading(part: Box, way: int, keep: Path) -> subprocess.Popen[str]:
    """Begin to read a part of the screen in one of the READINGS ways; it prints what `lines` takes.

    keep: where the part is left as a PGM, for whoever looks at pixels.
    """
    crop = f"-crop {part.width}x{part.height}+{part.left}+{part.top} +repage"
    crop += f" -write {keep}"
    # One thread: the second core is Blender's.
    read = "OMP_THREAD_LIMIT=1 tesseract stdin stdout --psm 11 tsv"
    return _start(("sh", "-c", f"{_LOOK} | convert - {crop} {_PREPARATIONS[way]} -depth 8 pgm:- | {read}"))


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")


def lines(table: str, part: Box) -> list[Line]:
    """The lines of words in the `table` that reading the `part` of the screen has printed."""
    found: dict[tuple[str, ...], Line] = {}
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        if not row["text"] or not row["text"].strip():
            continue
        left, top, width, height = (int(row[name]) // _ZOOM for name in ("left", "top", "width", "height"))
        box = Box(part.left + left, part.top + top, width, height)
        line = tuple(row[name] for name in ("block_num", "par_num", "line_num"))
        found.setdefault(line, []).append(Word(row["text"], box))
    return list(found.values())


def find(seen: list[Line], text: str, *, whole: bool, number: int = 0) -> Box | None:
    """Where `text` stands, on one line; `number` counts from the top where it stands more than once.

    A `whole` label has no other word beside it: "Generate" is not found in "Generate Model", but is found
    behind the triangle of a panel's header, and "Percent" in a row of buttons that was read as one line.
    """
    found = sorted(_all(seen, _folded(text), whole), key=lambda box: box.top)
    return found[number] if number < len(found) else None


def _all(seen: list[Line], wanted: str, whole: bool) -> Iterator[Box]:
    for line in seen:
        words = [_folded(word.text) for word in line]
        for start in filter(words.__getitem__, range(len(words))):  # what has no letters begins no label
            for end in range(start + 1, len(words) + 1):
                # Joined, for where words end is what Tesseract is least sure of.
                if "".join(words[start:end]) != wanted:
                    continue
                first, last = line[start].box, line[end - 1].box
                if whole and any(_adjoins(word, first, last) for word in line[:start] + line[end:]):
                    continue
                yield Box(first.left, first.top, last.right - first.left, max(first.height, last.height))


def label_before(seen: list[Line], x: int, y: int) -> list[str]:
    """The label that ends at a place, as it is compared: all of it, from its second word on, and so on."""
    for line in seen:
        words = [
            word
            for word in line
            if word.box.left < x + _APART and abs(word.box.centre[1] - y) < word.box.height + _APART
        ]
        if words and x - words[-1].box.right < 2 * _APART:
            parts = [_folded(word.text) for word in words]
            return ["".join(parts[start:]) for start in range(len(parts))]
    return []


def begins(text: str, label: str) -> bool:
    """Whether a label, as `label_before` has it, is about the beginning of a text: letters are misread."""
    start = _folded(text)[: len(label)]
    return len(label) > 1 and SequenceMatcher(None, start, label).ratio() >= _ALIKE


def text_of(seen: list[Line]) -> str:
    """What was read, for messages."""
    return "\n".join(" ".join(word.text for word in line) for line in seen)


def _adjoins(word: Word, first: Box, last: Box) -> bool:
    """Whether it belongs to the label from `first` to `last`; an icon, read as a single letter, does not."""
    text = _folded(word.text)
    near = first.left - word.box.right < _APART and word.box.left - last.right < _APART
    return near and (len(text) > 1 or text.isdigit())


def _folded(text: str) -> str:
    """The letters and digits alone, where lookalikes are one."""
    text = text.casefold().replace("rn", "m").translate(_LOOKALIKES)
    return "".join(letter for letter in text if letter.isalnum())
