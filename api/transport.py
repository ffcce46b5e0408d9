# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP call: who it may go to, what its failure means, and how often it is tried.

Everything that requests and urllib3 can raise ends here and becomes an error of the tree; their exceptions
hold the request with its headers, so none of them stays attached to ours.
"""

import json
import socket
import time
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeVar

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from . import certificates, pace
from .address import check_base, is_loopback, redirect_target, same_origin
from .credentials import ApiKey, anonymous
from .errors import (
    CallFailed,
    CertificateError,
    FlowsError,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NetworkError,
    NotFound,
    PaymentRequired,
    RateLimited,
    ServiceDown,
    TooLarge,
    UnexpectedAnswer,
    UnsafeAddress,
    WrongState,
)
from .pace import Pace
from .retry import RetryPolicy, decide, parse_retry_after
from .text import describe
from .transfer import JsonBody

_BLOCK = 1 << 16  # bytes read at a time
_LONGEST_ANSWER = 16 << 20  # bytes of an answer that is kept in memory
_MOST_VALUES = 200_000  # in such an answer; more would hold up Python, and the window with it
_LONGEST_COMPLAINT = 64 << 10  # bytes of a failed call's answer that are looked at
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)

_BY_STATUS: Mapping[int, type[CallFailed]] = {
    401: KeyRefused,
    402: PaymentRequired,
    403: KeyRefused,
    404: NotFound,
    405: MethodNotAllowed,
    408: ServiceDown,
    409: WrongState,
    413: TooLarge,
    429: RateLimited,
}

_QUOTED = (InvalidRequest, WrongState, PaymentRequired)
"""Errors whose cause only the service can name."""

_random = SystemRandom()

T = TypeVar("T")


@cache
def version() -> str:
    """Version of the extension, from its manifest, the only place that has it."""
    manifest = Path(__file__).resolve().parents[1] / "blender_manifest.toml"
    return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]


class _Session(requests.Session):
    """A session that leaves redirects to us, and never sends what is for this computer through a proxy."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None

    def merge_environment_settings(self, url: Any, *args: Any, **settings: Any) -> Any:
        merged = super().merge_environment_settings(url, *args, **settings)
        # A proxy would see the key of a plain http call; and what "localhost" is, it knows differently.
        return {**merged, "proxies": {}} if is_loopback(str(url)) else merged


class _Adapter(HTTPAdapter):
    """An adapter that closes its connections when told to, and takes each answer as it is on the wire."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        super().__init__()

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self._pace.watch(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **settings: Any) -> Any:
        new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **settings)
        if new:
            self._pace.watch(manager)
        return manager

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        # Nothing here needs it, and older versions of requests stumble over a charset without a value.
        resp.headers.pop("Content-Type", None)
        # We ask for no compression. A small answer that unpacks to gigabytes would do so in memory.
        resp.headers.pop("Content-Encoding", None)
        return super().build_response(req, resp)

    def close(self) -> None:
        # urllib3 2 leaves that to the garbage collector, which an error kept by somebody keeps waiting.
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118  # no mapping that could be iterated over
                manager.pools[key].close()
        super().close()


class Transport:
    """Calls to one service with one key. For one thread at a time; arguments as FlowsClient's."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        timeout: tuple[float, float],
        policy: RetryPolicy,
        wait: Callable[[float], object],
    ) -> None:
        self.base = check_base(base_url)
        self._key = ApiKey(api_key)
        self._timeout = timeout
        self._policy = policy
        self._wait = wait
        self._session = _Session()
        self._pace = Pace()
        self._session.mount("https://", _Adapter(self._pace))
        self._session.mount("http://", _Adapter(self._pace))
        self._session.headers["User-Agent"] = f"generio-flows-blender/{version()}"
        # Content-Length then counts what arrives; models are hardly compressible, and JSON is short.
        self._session.headers["Accept-Encoding"] = "identity"

    def close(self) -> None:
        """Close the connections that were kept alive."""
        self._session.close()

    def hang_up(self) -> None:
        """End the call that is under way, which raises NetworkError; for any thread."""
        self._pace.hang_up()

    def repeat(self, method: str, once: Callable[[], T]) -> T:
        """Run `once` until it works or the policy gives up (contract section 5)."""
        attempt = 1
        while True:
            try:
                return once()
            except CallFailed as error:
                pause = decide(self._policy, method, attempt, error, _random.random())
                if pause is None:
                    raise
            self._wait(pause)
            attempt += 1

    def call(self, method: str, path: str, body: JsonBody | None = None) -> Any:
        """Make one call, with repeats, and return its decoded JSON; None when the answer is empty."""
        return self.repeat(method, lambda: self.call_once(method, path, body))

    def call_once(self, method: str, path: str, body: JsonBody | None = None) -> Any:
        """As `call`, without repeats."""
        with self.answer(method, path, body) as response:
            content = _short_body(response, _LONGEST_ANSWER)
        return self._decode(content) if content.strip() else None

    def tell(self, method: str, path: str, body: JsonBody | None = None) -> Any:
        """As `call`, when success alone counts: an answer that is broken or no JSON gives None (V27)."""
        return self.repeat(method, lambda: self.tell_once(method, path, body))

    def tell_once(self, method: str, path: str, body: JsonBody | None = None) -> Any:
        """As `tell`, without repeats."""
        with self.answer(method, path, body) as response, suppress(CallFailed):
            return self._decode(_short_body(response, _LONGEST_ANSWER))
        return None

    def _decode(self, content: bytes) -> Any:
        if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            raise UnexpectedAnswer("The answer of the service is far too long.")
        with suppress(ValueError, RecursionError):
            return self._key.scrub(json.loads(content))
        # Not in a handler: the decoder's exception holds the whole answer, and would stay attached.
        raise UnexpectedAnswer()

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        body: JsonBody | None = None,
        longest: float = pace.ANSWER_SECONDS,
    ) -> Generator[requests.Response]:
        """Give the answer of a call that worked, its body unread; raises CallFailed's classes for others.

        longest: seconds that may be waited for the whole of it; see `pace` for what else is too slow.
        """
        self._pace.begin(longest)
        url, status = self.base + path, None
        for _ in range(_MOST_REDIRECTS + 1):
            with self._send(method, url, body) as response:
                if 200 <= response.status_code < 300:
                    yield response
                    return
                if response.status_code not in _REDIRECTS:
                    raise self._failure(response)
                status = response.status_code
                target = redirect_target(self.base, url, response.headers.get("Location", ""))
            if method != "GET" or target is None:
                break
            url = target
        raise UnexpectedAnswer(
            "The service sends us to another address, which is not followed.", status=status
        )

    def download(self, path: str) -> AbstractContextManager[requests.Response]:
        """As `answer` to a GET whose body may be large, and take as long."""
        return self.answer("GET", path, longest=pace.DOWNLOAD_SECONDS)

    def _send(self, method: str, url: str, body: JsonBody | None) -> requests.Response:
        try:
            return self._session.request(
                method,
                url,
                data=body,
                headers={"Content-Type": "application/json"} if body is not None else None,
                auth=self._key if same_origin(url, self.base) else anonymous,
                timeout=self._patience(body),
                allow_redirects=False,
                stream=True,
            )
        except _FOREIGN as error:
            failure = translate(error)
        # Raised here, not in the handler: there the foreign exception would stay attached as its context.
        raise failure

    def _patience(self, body: JsonBody | None) -> tuple[float, float]:
        """Timeouts of one call."""
        connecting, waiting = self._timeout
        # urllib3 sends under the timeout for connecting, which is too short for a stall in a long upload.
        return (max(connecting, waiting) if body is not None and len(body) > _BLOCK else connecting, waiting)

    def _failure(self, response: requests.Response) -> CallFailed:
        """Error for an answer that is no success."""
        status = response.status_code
        if status in _BY_STATUS:
            kind = _BY_STATUS[status]
        elif 400 <= status < 500:
            kind = InvalidRequest
        else:
            kind = ServiceDown if status >= 500 else UnexpectedAnswer
        detail = self._complaint(response)
        quoted = f" It says: {detail}" if detail and kind in _QUOTED else ""
        return kind(
            f"{kind.message[:-1]} ({status}).{quoted}",
            status=status,
            detail=detail,
            retry_after=parse_retry_after(response.headers.get("Retry-After"), time.time()),
        )

    def _complaint(self, response: requests.Response) -> str:
        """Tell what the service says about a failed call: "" for nothing, a web page, or half an answer."""
        with suppress(CallFailed):
            return describe(self._decode(_short_body(response, _LONGEST_COMPLAINT)))
        return ""


def _short_body(response: requests.Response, limit: int) -> bytes:
    content = bytearray()
    for block in blocks(response):
        content += block
        if len(content) > limit:
            raise UnexpectedAnswer("The answer of the service is far too long.")
    return bytes(content)


def length_of(response: requests.Response) -> int | None:
    """Bytes that the body will have, when the service says so."""
    value = response.headers.get("Content-Length", "")
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    bodiless = response.status_code == 204
    return int(value) if value.isdecimal() and len(value) < 19 and not (chunked or bodiless) else None


def blocks(response: requests.Response) -> Iterator[bytes]:
    """Body of an answer in blocks; raises NetworkError when it breaks off."""
    try:
        yield from response.iter_content(_BLOCK)
    except _FOREIGN as error:
        failure = translate(error)
    else:
        # Not every urllib3 notices a body that ends too early; `tell` counts what came over the wire.
        length = length_of(response)
        if length is None or response.raw.tell() >= length:
            return
        failure = NetworkError("The answer of the service broke off half-way.")
    raise failure


_FOREIGN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)


def translate(error: Exception) -> FlowsError:
    """Our error for one of requests, urllib3 or the socket."""
    causes = list(_causes(error))

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    # SSLCertVerificationError, and urllib3's own for a name that does not match, have this base in common.
    if among(urllib3.exceptions.SSLError) and among(ValueError):
        return CertificateError(sent=False)
    missing = type(error) is OSError and error.errno is None  # requests says so of a file of certificates
    if (missing or among(urllib3.exceptions.SSLError)) and (trouble := certificates.trouble()):
        return CertificateError(*trouble, sent=False)
    if isinstance(error, requests.exceptions.InvalidHeader):
        return UnexpectedAnswer()
    if isinstance(error, ValueError):  # InvalidURL, InvalidSchema, InvalidProxyURL, LocationValueError, ...
        return UnsafeAddress(
            "The service address or this computer's proxy setting cannot be used.",
            "Check the service address in the preferences, and the proxy in the system's settings.",
        )
    sent = not among(urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError)
    if among(socket.gaierror):
        return NetworkError("The service's address was not found.", sent=sent)
    if among(ConnectionRefusedError):
        return NetworkError("Nothing answers at the service's address.", sent=sent)
    if among(requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return NetworkError("The service took too long to answer.", sent=sent)
    return NetworkError(sent=sent)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and what it was made of, which requests and urllib3 keep in different places."""
    yield error
    inner: list[Any] = [*error.args, getattr(error, "reason", None), error.__cause__]
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        # Only here: elsewhere the context may be an exception that the caller is just handling.
        inner.append(error.__context__)
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)
