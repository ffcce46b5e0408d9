"""Text to bytes and back: data URIs, and bodies too large to be built in one piece."""

import base64
import binascii
from collections.abc import AsyncIterator, Iterator

GLB = "model/gltf-binary"
TEXT = "text/plain"
_CHUNK = 768 * 1024  # a multiple of three, so that the base64 of the pieces is the base64 of the whole


def parse_data_uri(text: str) -> tuple[str, bytes]:
    """Split `data:<mime>;base64,<payload>` into MIME type and content; ValueError says why it cannot."""
    if not text.startswith("data:"):
        raise ValueError("expected a data URI: data:<mime>;base64,<payload>")
    comma = text.find(",", 0, 300)
    header = text[5 : max(comma, 5)]
    if not header.endswith(";base64"):
        raise ValueError("expected a data URI: data:<mime>;base64,<payload>")
    try:
        return header.removesuffix(";base64").split(";")[0].lower(), base64.b64decode(
            text[comma + 1 :], validate=True
        )
    except binascii.Error as error:
        raise ValueError(f"the data URI is not valid base64: {error}") from error


def data_uri(mime: str, data: bytes) -> str:
    """Spell a data URI the standard way."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut `data` for sending."""
    return (data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))


def encoded_length(data: bytes) -> int:
    """Count the characters that the base64 of `data` will have."""
    return 4 * ((len(data) + 2) // 3)


async def in_pieces(before: bytes, data: bytes, after: bytes, *, encode: bool) -> AsyncIterator[bytes]:
    """Yield `before`, then `data` (as base64 where asked), then `after`."""
    yield before
    for piece in pieces(data):
        yield base64.b64encode(piece) if encode else piece
    yield after
