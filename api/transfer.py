# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on their way up and down, in blocks: memory does not grow with them."""

import errno
import hashlib
import json
import os
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ..core import files
from ..core.disk_errors import NotSaved
from ..core.errors import Cancelled, NoResult, NotAGlb, NotSelfContained, UnreadableFile, WebPage
from ..core.files import atomic_path
from ..core.messages import Message
from ..core.text import is_page
from ..formats.glb import MAGIC, GlbInfo, check_glb
from ..formats.images import check_regular, detect_image, read_head
from .decode import Unwrapper

Progress = Callable[[int, int | None], None]
"""Called with the bytes done and the bytes in all (None when unknown)."""
CancelCheck = Callable[[], bool]
"""Asked between blocks; True ends the transfer with Cancelled."""

NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
"""What drives say that know no fsync, as some of networks and clouds: all else they take."""

# Read from a file at a time: a multiple of 3, so that the base64 of blocks joins without padding. Small
# enough for a slow line to take a block within the socket's timeout, large enough for Python to cost little.
_FILE_BLOCK = 3 * (1 << 15)


class DataUri:
    """A file as it stands in a JSON body: `data:<mime>;base64,<content>` (contract section 6).

    The size is taken now; raises UnreadableFile when there is no content.
    """

    def __init__(self, path: Path, mime: str) -> None:
        self.path = path
        self.header = f"data:{mime};base64,".encode()
        try:
            self._stamp = _stamp(path.stat())
            self.size = self._stamp[0] if path.is_file() else 0
        except (OSError, ValueError) as error:
            raise UnreadableFile.because(path, error) from error
        if self.size == 0:
            raise UnreadableFile(Message('The file "{name}" is missing or empty.', name=path.name))

    def __len__(self) -> int:
        return len(self.header) + 4 * ((self.size + 2) // 3)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the text in blocks; raises UnreadableFile when the file is not what it was."""
        yield self.header
        remaining, whole = self.size, False
        # An OSError must not leave here as such: the HTTP library would take it for the connection's.
        try:
            with self.path.open("rb") as file:
                while not whole and (content := file.read(_FILE_BLOCK)):
                    remaining -= len(content)
                    if remaining <= 0:
                        # Asked before the last block: with that, the service would have a whole request.
                        whole = remaining == 0 and _stamp(os.fstat(file.fileno())) == self._stamp
                        if not whole:
                            break
                    yield b2a_base64(content, newline=False)
        except OSError as error:
            raise UnreadableFile.because(self.path, error) from error
        if not whole:
            raise UnreadableFile(
                Message('The file "{name}" changed while it was being sent.', name=self.path.name),
                Message("Wait until it is saved, then try again."),
            )


def digest_of(path: Path) -> str:
    """SHA-256 of a file to send, in hexadecimal digits. Raises UnreadableFile."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        raise UnreadableFile.because(path, error) from error


def sync(file: BinaryIO) -> None:
    """Have what was written to a file on the disk itself, where that can be asked for. Raises OSError."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def _stamp(stat: os.stat_result) -> tuple[int, int]:
    """What changes when a file does: its size, and when it was written."""
    return stat.st_size, stat.st_mtime_ns


class JsonBody:
    """A JSON request body with files in it, made while it is sent, as often as it is sent.

    `value` is what json.dumps takes, plus DataUri anywhere. Having a length and being iterable makes requests
    send it block by block under a Content-Length. `progress` counts bytes of the body; raises Cancelled while
    being iterated once `cancelled()` says so.
    """

    def __init__(
        self, value: object, progress: Progress | None = None, cancelled: CancelCheck | None = None
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self._parts = _encode(value)
        self._length = sum(len(part) for part in self._parts)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        blocks = (block for part in self._parts for block in ([part] if isinstance(part, bytes) else part))
        return watched(blocks, self._length, self._progress, self._cancelled)


def _encode(value: object) -> list[bytes | DataUri]:
    """JSON text of `value`, with each file standing between the pieces of text around it."""
    files: list[DataUri] = []
    mark = uuid4().hex  # stands for a file until the text is complete; nobody could have guessed it

    def hold(item: object) -> str:
        if not isinstance(item, DataUri):
            raise TypeError(f"{type(item).__name__} is no JSON")
        files.append(item)
        return mark

    first, *others = json.dumps(value, default=hold, allow_nan=False).encode().split(mark.encode())
    parts: list[bytes | DataUri] = [first]
    for file, text in zip(files, others, strict=True):
        parts += (file, text)
    return parts


def watched(
    blocks: Iterable[bytes], total: int | None, progress: Progress | None, cancelled: CancelCheck | None
) -> Iterator[bytes]:
    """Pass `blocks` on, reporting each that was dealt with; raises Cancelled before the next one."""
    done = 0
    for block in blocks:
        if cancelled is not None and cancelled():
            raise Cancelled()
        yield block
        done += len(block)
        if progress is not None:
            progress(done, total)


def receive(blocks: Iterable[bytes], path: Path, *, wanted: str | None = None) -> GlbInfo:
    """Take the model out of an answer's body, check it, and only then let it appear at `path`.

    `blocks` is the body; `wanted` as in Unwrapper. A file that arrived whole but is not fit for use is put
    aside as `<path>.rejected` (the error's `kept`); nothing else is left behind. Raises ResultUnusable's
    classes, and NotSaved when the disk refuses.
    """
    part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    rejected = path.with_name(f"{path.name}.rejected")
    try:
        with atomic_path(path, part):
            with part.open("xb+") as file:
                mime = _unwrap(blocks, file, wanted)
                sync(file)
            info = _check(part, mime, rejected)
            files.delete(rejected)
    except OSError as error:
        raise NotSaved.because(
            Message("The result could not be saved: {reason}.", reason=error.strerror or str(error)), error
        ) from error
    return info


def receive_file(blocks: Iterable[bytes], stem: Path) -> Path:
    """Take a file of whatever kind out of an answer's body; a GLB is checked as by `receive`.

    It is unwrapped where that can be done (V2), and else taken as it comes. Returns `stem` with the ending
    that its content has, or its MIME type; it appears only when complete. Raises WebPage, which is no file
    that a template makes, ResultUnusable's classes for a GLB, and NotSaved when the disk refuses.
    """
    whole = stem.with_name(f"{stem.name}.{uuid4().hex[:8]}.part")
    try:
        try:
            mime = None
            with whole.open("xb") as file:
                for block in blocks:
                    file.write(block)
                sync(file)
            head = read_head(whole).lstrip(b"\xef\xbb\xbf \t\r\n") if whole.stat().st_size else b""
            if not head:
                raise NoResult
            if is_page(head):
                raise WebPage
            if head.startswith((b"{", b"[", b'"', b"data:")):
                mime = _unwrap_file(whole)
            return _named(whole, stem, mime)
        finally:
            files.delete(whole)
    except OSError as error:
        raise NotSaved.because(
            Message("The result could not be saved: {reason}.", reason=error.strerror or str(error)), error
        ) from error


def _unwrap_file(whole: Path) -> str | None:
    """Let a file have what it wraps, if it wraps anything; returns the MIME type that this came with."""
    inner = whole.with_name(f"{whole.name}.part")
    try:
        with whole.open("rb") as wrapped, inner.open("xb+") as file:
            mime = _unwrap(iter(lambda: wrapped.read(_BLOCK), b""), file, None)
            sync(file)
    except (NoResult, NotAGlb):
        return "application/json"  # it is a file of that kind itself
    else:
        files.replace(inner, whole)
        return mime
    finally:
        files.delete(inner)


def _named(whole: Path, stem: Path, mime: str | None) -> Path:
    """Give a complete file its name, whose ending says what is in it."""
    if read_head(whole)[: len(MAGIC)] == MAGIC:
        path = stem.with_suffix(".glb")
        check_glb(whole, claimed=mime)
    else:
        path = stem.with_suffix(_ENDINGS.get(detect_image(whole) or (mime or "").lower(), ".bin"))
    files.replace(whole, path)
    return path


_BLOCK = 1 << 18  # bytes

_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/tiff": ".tif",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/x-exr": ".exr",
    "image/vnd.radiance": ".hdr",
    "image/svg+xml": ".svg",
    "application/json": ".json",
    "application/zip": ".zip",
    "model/obj": ".obj",
    "model/stl": ".stl",
    "model/gltf+json": ".gltf",
    "model/vnd.usdz+zip": ".usdz",
    "text/csv": ".csv",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
}
"""Of the files of other templates; none of them is ever run by opening it."""


def _unwrap(blocks: Iterable[bytes], file: BinaryIO, wanted: str | None) -> str | None:
    """Write the model in `blocks` into `file`; returns the MIME type that it came with."""
    unwrapper = Unwrapper(file, wanted)
    for block in blocks:
        unwrapper.feed(block)
        if unwrapper.done and wanted is not None:  # what follows are other assets, of any size
            break
    unwrapper.finish()
    return unwrapper.mime


def _check(part: Path, mime: str | None, rejected: Path) -> GlbInfo:
    try:
        return check_glb(part, claimed=mime)
    except (NotAGlb, NotSelfContained) as error:
        files.replace(part, rejected)
        error.kept = rejected
        raise
