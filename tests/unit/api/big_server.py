"""A service for the memory test, in a process of its own: swallows uploads, sends 200 MB in every wrapping.

Run as a program; prints its port. It makes what it sends from one block over and over, and keeps nothing.
"""

from __future__ import annotations

import socket
import struct
import sys
from base64 import b64encode
from contextlib import suppress

BLOCK = bytes(range(256)) * 768  # a multiple of 3, so that its base64 can be repeated
WRAPPINGS = {
    "json": (b'{"data": "data:model/gltf-binary;base64,', b'"}'),
    "outputs?include_data=true": (
        b'{"outputs": [{"asset_id": "other", "data": "AAAA"}, {"data": "data:model/gltf-binary;base64,',
        b'", "asset_id": "list"}]}',
    ),
}
ANSWERS = {"inputs": b'{"asset_id": "a1"}'}
JSON = b'{"asset":{"version":"2.0"}}'.ljust(28)


def head(megabytes: int) -> tuple[bytes, int]:
    """Begin of a GLB of at least that size, and how many blocks follow it."""
    count = megabytes * 1_000_000 // len(BLOCK) + 1
    size = count * len(BLOCK)
    start = struct.pack("<4sIII4s", b"glTF", 2, 12 + 8 + len(JSON) + 8 + size, len(JSON), b"JSON")
    start += JSON + struct.pack("<I4s", size, b"BIN\0")
    return start, count


def answer(peer: socket.socket, path: str, megabytes: int) -> None:
    first, count = head(megabytes)
    block, last = BLOCK, b""
    wrapping = path.rpartition("/")[2]
    if wrapping in WRAPPINGS:
        before, after = WRAPPINGS[wrapping]
        # The head has no length divisible by 3, so its base64 takes the beginning of the first block along.
        fill = -len(first) % 3
        first = before + b64encode(first + BLOCK[:fill])
        block, last = b64encode(BLOCK[fill:] + BLOCK[:fill]), b64encode(BLOCK[fill:]) + after
        count -= 1
    elif wrapping != "raw":
        first, count = ANSWERS.get(wrapping, b""), 0
    length = len(first) + count * len(block) + len(last)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + first)
    for _ in range(count):
        peer.sendall(block)
    peer.sendall(last)


def serve(megabytes: int) -> None:
    buffer = bytearray(1 << 18)
    with socket.create_server(("127.0.0.1", 0)) as server:
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            peer, _ = server.accept()
            with peer, suppress(ConnectionError):
                received = b""
                while True:
                    while b"\r\n\r\n" not in received and (block := peer.recv(65536)):
                        received += block
                    request, _, body = received.partition(b"\r\n\r\n")
                    if not request:
                        break
                    lengths = [
                        line for line in request.lower().split(b"\r\n") if line.startswith(b"content-length:")
                    ]
                    left = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
                    while left > 0:
                        left -= peer.recv_into(buffer)
                    answer(peer, request.split(b" ")[1].decode(), megabytes)
                    received = b""


if __name__ == "__main__":
    serve(int(sys.argv[1]))
