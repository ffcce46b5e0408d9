# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses may be talked to: https anywhere, plain http only to this computer (contract V23)."""

import ipaddress
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from .errors import UnsafeAddress
from .messages import Message

WEBSITE = "https://generio.ai"
"""Of the vendor, as in the manifest."""

PRODUCTION_URL = "https://flows.generio.ai"

KEY_VARIABLE = "GENERIO_API_KEY"
"""The environment variable that may hold the API key."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_base(url: str) -> str:
    """Return `url` without blanks around it and slashes at its end.

    Raises UnsafeAddress when it is no http(s) URL, would carry the key unprotected (http to another
    computer), or holds a user name, password, query or fragment.
    """
    url = url.strip().rstrip("/")
    parts = _split(url)
    if parts is None:
        raise UnsafeAddress()
    if parts.username is not None or parts.password is not None:
        raise UnsafeAddress(
            Message("The service address holds a user name or password."),
            Message("Remove everything before the @, and the @ itself."),
        )
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise UnsafeAddress(fix=Message("Remove the ? or # and everything after it."))
    if parts.scheme == "http" and not is_loopback(url):
        raise UnsafeAddress(
            Message("This address would send your API key unprotected."),
            Message("Use https:// instead of http://."),
        )
    return url


def is_loopback(url: str) -> bool:
    """Whether `url` names this computer: 127.0.0.0/8, ::1 or localhost."""
    parts = _split(url)
    if parts is None:
        return False
    host = parts.hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def same_origin(one: str, other: str) -> bool:
    """Whether both have the same scheme, host and port, so that the key may go to either."""
    origin = _origin(one)
    return origin is not None and origin == _origin(other)


def redirect_target(base: str, current: str, location: str) -> str | None:
    """Address that a redirect from `current` leads to, or None when it must not be followed.

    Allowed is https to other computers, and whatever is on this computer when `base` is too.
    """
    try:
        target = urljoin(current, location)
    except ValueError:
        return None
    parts = _split(target)
    if parts is None or parts.username is not None or parts.password is not None:
        return None
    return target if (is_loopback(target) and is_loopback(base)) or _public_https(target, parts) else None


def segment(identifier: str) -> str:
    """Make one step of a URL's path from an id, whatever it is made of; what cannot be a step becomes "_"."""
    # Dots are not quoted, and a step of dots alone would climb the path.
    return "_" if identifier in ("", ".", "..") else quote(identifier, safe="", errors="replace")


def _public_https(url: str, parts: SplitResult) -> bool:
    return parts.scheme == "https" and not is_loopback(url)


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    parts = _split(url)
    return parts and (parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme])


def _split(url: str) -> SplitResult | None:
    """Parts of an http(s) URL that a request can be sent to, else None."""
    # Backslashes, blanks and control characters are where parsers of URLs disagree about the host.
    if not url.isprintable() or any(char in url for char in " \\"):
        return None
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
        if parts.scheme not in _DEFAULT_PORTS or not host:
            return None
        host.encode("idna")
    except ValueError:  # also UnicodeError: a label that is empty or too long
        return None
    return parts
