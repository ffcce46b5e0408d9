# SPDX-License-Identifier: GPL-3.0-or-later
"""Content codings of an answer (RFC 9110, section 8.4.1), undone block by block.

We ask for none of them, but the contract leaves compression open (4.11), and a gateway may compress whatever
passes. A small answer may unpack to gigabytes, so no step gives more than it is told to.
"""

import zlib
from collections.abc import Iterable, Iterator

GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
MOST_CODINGS = 3
"""Codings on top of each other; no honest answer has more than one."""


def codings_of(header: str) -> list[str]:
    """The codings that a Content-Encoding header names, in the order in which they were applied.

    Raises ValueError where one of them cannot be undone, or where there are too many.
    """
    names = [name.strip().lower().removeprefix("x-") for name in header.split(",")]
    codings = [name for name in names if name not in ("", "identity")]
    if len(codings) > MOST_CODINGS or not {*codings} <= {"gzip", "deflate"}:
        raise ValueError(header)
    return codings


def decoded(blocks: Iterable[bytes], codings: list[str], most: int) -> Iterator[bytes]:
    """`blocks` without their `codings`, in blocks of `most` bytes at most. Raises zlib.error, EOFError."""
    for _ in codings:
        blocks = _inflated(blocks, most)
    yield from blocks


def _inflated(blocks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Undo one gzip (of any number of members) or deflate coding."""
    inflater = None
    for block in blocks:
        while block:
            if inflater is None:
                inflater = zlib.decompressobj(_window_of(block))
            content = inflater.decompress(block, most)
            if content:
                yield content
            block = inflater.unconsumed_tail
            if inflater.eof:
                # Another member of a gzip file may follow; servers pad the last one with zeros.
                block, inflater = inflater.unused_data.lstrip(b"\0"), None
    while inflater is not None and not inflater.eof:
        content = inflater.decompress(b"", most)
        if not content:
            raise EOFError
        yield content


def _window_of(start: bytes) -> int:
    """How to read what begins with `start`: deflate should have a zlib header, and often has none."""
    is_gzip = start[:1] == b"\x1f"
    is_zlib = start[0] & 0x0F == zlib.DEFLATED and (len(start) < 2 or (start[0] * 256 + start[1]) % 31 == 0)
    return GZIP_OR_ZLIB if is_gzip or is_zlib else -zlib.MAX_WBITS
