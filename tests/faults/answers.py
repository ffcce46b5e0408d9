"""A server that says exactly the bytes that it is told to, whatever it is asked, and hangs up."""

import re
import socket
import threading
from contextlib import suppress

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


class Answers:
    """Listens on loopback from now on; `reply` is what everybody gets."""

    def __init__(self) -> None:
        self.reply = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, name="answers", daemon=True).start()

    def _serve(self) -> None:
        while True:
            peer, _ = self._socket.accept()
            with peer, suppress(OSError):  # a client may have heard enough
                peer.settimeout(5)
                self._read_request(peer)
                peer.sendall(self.reply)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):  # hanging up with something unread would be a reset
                    pass

    def _read_request(self, peer: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (block := peer.recv(65536)):
            request += block
        head, _, body = request.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        missing = int(length[1]) - len(body) if length else 0
        while missing > 0 and (block := peer.recv(65536)):
            missing -= len(block)
