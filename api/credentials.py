# SPDX-License-Identifier: GPL-3.0-or-later
"""The API key: checked once, shown to nobody, put only on the requests that are meant for the service."""

from typing import Any, cast

from requests import PreparedRequest

from ..core.errors import MalformedKey, MissingKey

MASK = "•••"
DEEPEST_JSON = 64  # levels


class ApiKey:
    """A key, usable as `auth=` of a request: requests then leaves a netrc file alone, which would replace it.

    Raises MissingKey when `key` is blank, and MalformedKey when it has blanks or control characters inside,
    or characters that no HTTP header can hold.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        key = key.strip()
        if not key:
            raise MissingKey()
        # 0x100 and above do not fit a header; isprintable() also refuses C1 controls and the soft hyphen.
        if not key.isprintable() or any(char.isspace() or ord(char) > 0xFF for char in key):
            raise MalformedKey()
        self._key = key

    def __repr__(self) -> str:
        return f"ApiKey({MASK})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Refuse to be pickled or copied: that is how secrets end up in files."""
        raise TypeError("an API key is not for copying")

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the key on a request."""
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def scrub(self, value: Any, depth: int = DEEPEST_JSON) -> Any:
        """Return decoded JSON with the key masked in every string: some services repeat what they were sent.

        Raises ValueError when `value` is nested deeper than `depth`: nothing in the contract is, and whoever
        walks through it later need not care.
        """
        if isinstance(value, str):
            return value.replace(self._key, MASK)
        if isinstance(value, list | dict) and depth == 0:
            raise ValueError("nested too deeply")
        if isinstance(value, list):
            return [self.scrub(entry, depth - 1) for entry in cast(list[Any], value)]
        if isinstance(value, dict):
            return {name: self.scrub(entry, depth - 1) for name, entry in cast(dict[str, Any], value).items()}
        return value


def anonymous(request: PreparedRequest) -> PreparedRequest:
    """`auth=` of a request to another host: neither the key nor what a netrc file says goes there."""
    return request
