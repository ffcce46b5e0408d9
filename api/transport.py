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
from contextlib import contextmanager, suppress
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from ..core.call_errors import (
    CallFailed,
    CertificateError,
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
    WrongState,
)
from ..core.errors import FlowsError, UnsafeAddress
from ..core.log import LOGGER
from ..core.messages import EMPTY, Message, sentences
from ..core.text import describe, is_page, tidy
from ..core.urls import check_base, is_loopback, redirect_target, same_origin
from . import certificates, pace
from .coding import codings_of, decoded
from .credentials import ApiKey, anonymous
from .models import as_object
from .pace import Pace
from .retry import RetryPolicy, decide, parse_retry_after
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

_QUOTED = (InvalidRequest, WrongState, PaymentRequired, TooLarge, RateLimited)
"""Errors whose cause only the service can name."""

_NOT_ALLOWED = (
    Message("The service does not allow this with your API key."),
    Message("Check your plan and the key's permissions at account.generio.ai, or use another key."),
)
"""Message and fix of status 403, where the service knows the key."""

_BLAMING = (InvalidRequest, KeyRefused, MethodNotAllowed, NotFound, PaymentRequired, WrongState)
"""Errors that say something of the key, the flow or the request, which a web page has no knowledge of."""

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
        # Where urllib3 does not see it, it does not unpack a small answer to gigabytes; see `blocks`.
        coding = resp.headers.pop("Content-Encoding", "")
        response = super().build_response(req, resp)
        response.headers["Content-Encoding"] = coding
        return response

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
        # A state that was true a minute ago, from a cache on the way, is no answer.
        self._session.headers["Cache-Control"] = "no-cache"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

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

    def send(self, method: str, path: str, body: JsonBody | None = None) -> Any:
        """As `call`, when success alone counts: an answer that is broken or no JSON gives None (V27)."""
        return self.repeat(method, lambda: self.send_once(method, path, body))

    def send_once(self, method: str, path: str, body: JsonBody | None = None) -> Any:
        """As `send`, without repeats."""
        with self.answer(method, path, body) as response, suppress(CallFailed):
            return self._decode(_short_body(response, _LONGEST_ANSWER))
        return None

    def _decode(self, content: bytes) -> Any:
        if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            raise UnexpectedAnswer(Message("The service's answer is far too long."))
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
            with self._logged(method, url, body) as response:
                if 200 <= response.status_code < 300:
                    yield response
                    return
                if response.status_code not in _REDIRECTS:
                    raise self._failure(response, url)
                status = response.status_code
                target = redirect_target(self.base, url, response.headers.get("Location", ""))
            if method != "GET" or target is None:
                break
            url = target
        raise UnexpectedAnswer(
            Message("The service redirects to another address, which is not followed."), status=status
        )

    @contextmanager
    def download(self, path: str) -> Generator[requests.Response]:
        """As `answer` to a GET whose body may be large, and take as long.

        A model does not say whose it is, so that its connection serves no other call.
        """
        self._session.close()  # the connections; it makes others
        try:
            with self.answer("GET", path, longest=pace.DOWNLOAD_SECONDS) as response:
                yield response
        finally:
            self._session.close()

    def _logged(self, method: str, url: str, body: JsonBody | None) -> requests.Response:
        """As `_send`, with a line in the log: the path without its query, and nothing of key and body."""
        path, began = urlsplit(url).path, time.monotonic()
        try:
            response = self._send(method, url, body)
        except FlowsError as error:
            LOGGER.info("%s %s: %s after %.2f s", method, path, error.code, time.monotonic() - began)
            raise
        LOGGER.info("%s %s: %d after %.2f s", method, path, response.status_code, time.monotonic() - began)
        return response

    def _send(self, method: str, url: str, body: JsonBody | None) -> requests.Response:
        if self._pace.spoiled:
            self._session.close()
            self._pace.spoiled = False
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
        except FlowsError:  # of the body, which is made while it is sent
            raise
        except _SETTINGS as error:
            # The address itself was checked before, so what is wrong with another is not the user's mistake.
            ours = url.startswith(self.base)
            failure = unusable_setting() if ours else UnexpectedAnswer(status=None)
            del error
        except Exception as error:  # of whatever class: it came from what was on the wire
            failure = translate(error)
        # Raised here, not in the handler: there the foreign exception would stay attached as its context.
        raise failure

    def _patience(self, body: JsonBody | None) -> tuple[float, float]:
        """Timeouts of one call."""
        connecting, waiting = self._timeout
        # urllib3 sends under the timeout for connecting, which is too short for a stall in a long upload.
        return (max(connecting, waiting) if body is not None and len(body) > _BLOCK else connecting, waiting)

    def _failure(self, response: requests.Response, url: str) -> CallFailed:
        """Error for an answer that is no success; `url` is what was asked, perhaps after redirects."""
        status = response.status_code
        content = b""
        with suppress(CallFailed):
            content = _short_body(response, _LONGEST_COMPLAINT)
        answer: object = None
        with suppress(CallFailed):
            answer = self._decode(content)
        detail, word = describe(answer), as_object(answer).get("detail")
        kind = _BY_STATUS.get(status, ServiceDown if status >= 500 else InvalidRequest)
        message, fix = kind.message, EMPTY
        if status < 400:
            kind = UnexpectedAnswer
            message = kind.message
        elif status < 500 and not same_origin(url, self.base):  # it has not even seen the key
            kind = UnexpectedAnswer
            fix = Message("Try again in a few minutes; jobs already started are not lost.")
            message = Message("The service's file storage refused this.")
        elif kind in _BLAMING and is_page(content):
            return UnexpectedAnswer.of_gateway(status)
        elif status == 403:
            message, fix = _NOT_ALLOWED
        quoted = detail and (kind in _QUOTED or status in (401, 403) or (status == 503 and word))
        return kind(
            sentences(
                Message("{what} ({status}).", what=message, status=status),
                Message("The service says: {words}", words=detail) if quoted else EMPTY,
            ),
            fix,
            status=status,
            detail=detail,
            retry_after=parse_retry_after(response.headers.get("Retry-After"), time.time()),
            own_word=bool(word),
            validation=isinstance(word, list),
        )


def _short_body(response: requests.Response, limit: int) -> bytes:
    content = bytearray()
    for block in blocks(response):
        content += block
        if len(content) > limit:
            raise UnexpectedAnswer(Message("The service's answer is far too long."))
    return bytes(content)


def length_of(response: requests.Response) -> int | None:
    """Bytes that the body will have, when the service says so."""
    value = response.headers.get("Content-Length", "")
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    bodiless = response.status_code == 204
    return int(value) if value.isdecimal() and len(value) < 19 and not (chunked or bodiless) else None


def content_length(response: requests.Response) -> int | None:
    """Bytes that `blocks` will give, when that is known: nobody says how far a packed answer unpacks."""
    packed = response.headers.get("Content-Encoding", "") not in ("", "identity")
    return None if packed else length_of(response)


def blocks(response: requests.Response) -> Iterator[bytes]:
    """Body of an answer in blocks, unpacked; raises NetworkError when it breaks off."""
    coding = response.headers.get("Content-Encoding", "")
    try:
        codings = codings_of(coding)
    except ValueError:
        raise UnexpectedAnswer(
            Message("The answer has an unknown compression: {coding}.", coding=tidy(coding, 40))
        ) from None
    try:
        # Whatever the parser of HTTP says, of whatever class: this answer is broken, and no other.
        yield from decoded(response.iter_content(_BLOCK), codings, _BLOCK)
    except Exception as error:
        failure = translate(error)
    else:
        # Not every urllib3 notices a body that ends too early; `tell` counts what came over the wire.
        length = length_of(response)
        if length is None or response.raw.tell() >= length:
            return
        failure = NetworkError(Message("The service's answer was cut short."))
    raise failure


_SETTINGS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)
"""What is raised for an address, or a proxy's, before anything is sent to it."""


def unusable_setting() -> UnsafeAddress:
    """Error for an address, or a proxy's, to which nothing can be sent."""
    return UnsafeAddress(
        Message("The service address or this computer's proxy setting cannot be used."),
        Message("Check the service address in the preferences, and the proxy in the system's settings."),
    )


def translate(error: Exception) -> FlowsError:
    """Our error for what requests, urllib3, http.client or the socket raised over one call."""
    causes = list(_causes(error))

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    # SSLCertVerificationError, and urllib3's own for a name that does not match, have this base in common.
    if among(urllib3.exceptions.SSLError) and among(ValueError):
        return CertificateError(sent=False)
    missing = type(error) is OSError and error.errno is None  # requests says so of a file of certificates
    if (missing or among(urllib3.exceptions.SSLError)) and (trouble := certificates.trouble()):
        return CertificateError(*trouble, sent=False)
    sent = not among(urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError)
    if among(socket.gaierror):
        return NetworkError(Message("The service's address was not found."), sent=sent)
    if among(ConnectionRefusedError):
        return NetworkError(Message("Nothing answers at the service's address."), sent=sent)
    if among(requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return NetworkError(Message("The service took too long to answer."), sent=sent)
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
