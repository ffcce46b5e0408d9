# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the model in an answer, however it is wrapped, without ever holding it (contract V2, section 6).

body ──► Unwrapper ──┬─ begins with glTF ──────────────────────────────► file
├─ JSON ─► JsonScanner ─► the right string ─┐
└─ anything else: the text itself ──────────┴─► PayloadText ─► file
"""

import binascii
from io import BytesIO
from typing import BinaryIO

from ..core.errors import NoResult, NotAGlb, ResultTruncated, ResultUnusable, WebPage
from ..core.messages import Message
from ..formats.glb import MAGIC, WEB_PAGE, kind_of, not_a_glb
from .models import ASSET_ID_KEYS, ENVELOPE_KEYS
from .scan import Event, JsonScanner, to_text

_DATA_KEYS = ("data", "file_data", "content")  # first come first, section 6 step 3
_LONGEST_HEADER = 1024  # bytes before the comma of a data URI
_LONGEST_ID = 1024  # bytes
_BOM = b"\xef\xbb\xbf"
_JSON_STARTS = (b"{", b"[", b'"')
_SPACE = b" \t\r\n\v\f"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")  # from the URL-safe alphabet


def prompt_of(data: str) -> str:
    """The words of a prompt that the service gives back, bare or as a data URI (contract section 6)."""
    if data[:5].lower() != "data:":
        return data
    sink = BytesIO()
    payload = PayloadText(sink)
    payload.feed(data.encode(errors="replace"))
    payload.finish()
    return "" if payload.problem else sink.getvalue().decode(errors="replace")


class PayloadText:
    """Decodes the text of a model, a data URI or bare base64 fed in pieces, into `sink`.

    Accepted are the standard and the URL-safe alphabet, white space anywhere, missing padding, and a header
    with its punctuation swapped (V18). What is wrong is kept in `problem` until somebody wants the result:
    the text may turn out to be another asset's.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self.mime: str | None = None
        self._sink = sink
        self._head: bytes | None = b""  # what may be a header; None once it is decided
        self._start = b""  # of the text, to tell what it is when it is no model
        self._carry = b""  # the last characters, too few to decode
        self._clean = False  # whether every piece has to be cleaned
        self._padded = False  # whether the end was seen
        self._broken = False  # whether it is no base64

    @property
    def problem(self) -> ResultUnusable | None:
        """Error for a text that is no base64, None while it is."""
        return NotAGlb(not_a_glb(self._start, self.mime)) if self._broken else None

    @property
    def is_page(self) -> bool:
        """Whether the text is a web page."""
        return kind_of(self._start) == WEB_PAGE

    def feed(self, text: bytes) -> None:
        """Take the next piece."""
        if self._head is None:
            self._go_on(text)
            return
        self._head = (self._head + text).lstrip(_SPACE)
        if (body := self._after_header(self._head)) is not None:
            self._begin(body)

    def finish(self) -> None:
        """Decode what is left: the text has ended."""
        if self._head is not None:
            self._begin(self._after_header(self._head, ended=True) or b"")
        if not self._broken and (rest := self._carry.translate(_TO_STANDARD, _SPACE + b"=")):
            # One character alone holds less than a byte: something was cut off, which the length will show.
            self._write(rest + b"=" * (-len(rest) % 4) if len(rest) % 4 != 1 else rest[:-1])

    def _begin(self, body: bytes) -> None:
        self._head = None
        self._go_on(body)

    def _go_on(self, text: bytes) -> None:
        if len(self._start) < 64:
            self._start = (self._start + text)[:64]
        if not self._broken:
            self._decode(text)

    def _after_header(self, text: bytes, *, ended: bool = False) -> bytes | None:
        """Text without the header of a data URI, or None when more is needed to tell."""
        start = text[:5].lower()
        if start != b"data:":
            return None if b"data:".startswith(start) and not ended else text
        header, comma, body = text.partition(b",")
        if not comma and len(text) <= _LONGEST_HEADER and not ended:
            return None
        if not comma or len(header) > _LONGEST_HEADER:
            return text  # no data URI after all, and no base64 either: the colon will show
        self.mime = to_text(header[5:].partition(b";")[0].strip()) or None
        swapped = body[:7].lower()
        if len(swapped) < 7 and b"base64;".startswith(swapped) and not ended:
            return None
        return body[7:] if swapped == b"base64;" else body

    def _decode(self, text: bytes) -> None:
        if self._clean:
            text = text.translate(_TO_STANDARD, _SPACE)
        text = self._carry + text
        whole = len(text) & ~3
        self._carry = text[whole:]
        if whole:
            self._write(text[:whole])

    def _write(self, text: bytes) -> None:
        """Decode a whole number of quartets."""
        try:
            # Without strict_mode, what is no base64 is skipped silently and damages all that follows.
            content = binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            if self._clean:
                self._broken = True
                return
            # Cleaning every piece would cost a fifth of the speed, and hardly any text needs it.
            self._clean = True
            text, self._carry = text + self._carry, b""
            self._decode(text)
            return
        if content and self._padded:
            self._broken = True
            return
        self._padded = text.endswith(b"=")
        self._sink.write(content)


class Unwrapper:
    """Writes the model that is in one answer's body into `sink`, an empty file open for reading and writing.

    `wanted` is the id of the asset to take from a list of assets with their data (contract 4.10); None means
    that the body is that of a single asset (4.11). Feed it the body, stop when `done`, then call `finish`.
    """

    def __init__(self, sink: BinaryIO, wanted: str | None = None) -> None:
        self.done = False
        self._sink = sink
        self._wanted = wanted
        self._start: bytes | None = b""  # of the body, until its kind is known
        self._raw = False
        self._text: PayloadText | None = None
        self._rank = len(_DATA_KEYS)  # of the key whose string is in the sink
        self._scanner: JsonScanner | None = None
        self._ids: dict[str, str] = {}
        self._id = b""

    @property
    def mime(self) -> str | None:
        """MIME type that the model was sent with, if any."""
        return self._text.mime if self._text else None

    def feed(self, block: bytes) -> None:
        """Take the next block of the body. Raises NotAGlb when it is broken JSON."""
        if self.done:
            return
        if self._start is None:
            self._go_on(block)
            return
        self._start += block
        content = self._start.removeprefix(_BOM).lstrip(_SPACE)
        # Four bytes tell the kind. Blanks before them are dropped, so that many of them take no memory.
        if len(content) >= 4 or content[:1] in _JSON_STARTS:
            self._begin(content)
        elif not content:
            self._start = self._start[:3]

    def finish(self) -> None:
        """Say that the body has ended. Raises NoResult, NotAGlb or ResultTruncated when it held no model."""
        if self._start is not None:
            self._begin(self._start.removeprefix(_BOM).lstrip(_SPACE))
        if self._scanner is not None and not self._scanner.complete and not self.done:
            raise ResultTruncated()
        if self._scanner is None and self._text is not None:
            self._text.finish()
            if self._text.is_page:
                raise WebPage
        if self._text is not None and self._text.problem is not None:
            raise self._text.problem
        if self._sink.tell() == 0:
            raise NoResult()

    def _begin(self, content: bytes) -> None:
        self._start = None
        if self._wanted is not None or content[:1] in _JSON_STARTS:
            self._scanner = JsonScanner()
        elif content and MAGIC.startswith(content[:4]):
            self._raw = True
        else:
            self._text = PayloadText(self._sink)
        self._go_on(content)

    def _go_on(self, block: bytes) -> None:
        if self._raw:
            self._sink.write(block)
        elif self._scanner is not None:
            self._scan(self._scanner, block)
        elif self._text is not None:
            self._text.feed(block)

    def _scan(self, scanner: JsonScanner, block: bytes) -> None:
        try:
            for event, value in scanner.feed(block):
                steps = self._steps_in_item(scanner.path)
                if steps is not None:
                    self._on(event, value, steps)
                if self.done:
                    return
        except ValueError as error:
            raise NotAGlb(
                Message("The result is broken JSON ({error}), not a GLB model.", error=str(error))
            ) from None

    def _steps_in_item(self, path: list[str | int]) -> list[str | int] | None:
        """Return the steps from the asset's own object to `path`; None when that is outside of all assets."""
        match path:
            case [int(index), *steps]:
                return steps if index == 0 or self._wanted is not None else None
            case [str(key), int(), *steps] if self._wanted is not None:
                return steps if key in ("outputs", *ENVELOPE_KEYS) else None
            case _:
                return path if self._wanted is None else None

    def _on(self, event: Event, value: bytes, steps: list[str | int]) -> None:
        match steps:
            case []:
                if event is Event.CLOSE:
                    self._item_ends()
                elif self._wanted is None:  # the string is not in an object, it is the asset itself
                    self._on_data(event, value, rank=0)
                    self.done = event is Event.TEXT_END
            case [str(key)] if key in _DATA_KEYS:
                self._on_data(event, value, _DATA_KEYS.index(key))
            case [str(key)] if key in ASSET_ID_KEYS:
                self._on_id(event, value, key)
            case _:
                pass

    def _on_data(self, event: Event, piece: bytes, rank: int) -> None:
        if event is Event.TEXT:
            if rank < self._rank:
                self._restart()
                self._rank, self._text = rank, PayloadText(self._sink)
            if rank == self._rank and self._text is not None:
                self._text.feed(piece)
        elif event is Event.TEXT_END and rank == self._rank and self._text is not None:
            self._text.finish()

    def _on_id(self, event: Event, value: bytes, key: str) -> None:
        if event is Event.TEXT:
            self._id = (self._id + value)[:_LONGEST_ID]
        elif event is Event.TEXT_END:
            self._ids[key], self._id = to_text(self._id), b""
        elif event is Event.SCALAR and value.isdigit():
            self._ids[key] = value.decode()

    def _item_ends(self) -> None:
        found = next((self._ids[key] for key in ASSET_ID_KEYS if key in self._ids), None)
        self.done = self._text is not None and (self._wanted is None or found == self._wanted)
        self._ids.clear()
        if not self.done:
            self._restart()

    def _restart(self) -> None:
        """Forget the string in the sink: a better key came, or it belongs to another asset."""
        self._sink.seek(0)
        self._sink.truncate()
        self._rank, self._text = len(_DATA_KEYS), None
