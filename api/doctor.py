# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the connection to the service? Checks it from the bottom up, and says how to mend it.

For a thread: looking a name up may take long. Nothing is made at the service, and nothing runs there.
"""

from __future__ import annotations

import email.utils
import os
import platform
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

import requests

from ..core.call_errors import (
    CallFailed,
    CertificateError,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NetworkError,
    NotFound,
    WrongState,
)
from ..core.errors import FlowsError, Remedy
from ..core.messages import EMPTY, Message
from ..core.text import tidy
from ..core.urls import check_base, is_loopback
from . import certificates
from .check import NO_FLOW, check_connection
from .client import FlowsClient
from .credentials import MASK, ApiKey, anonymous
from .models import Prompt
from .retry import RetryPolicy
from .transport import unusable_setting, version

Verdict = Literal["ok", "warning", "problem", "skipped"]

TIMEOUT = (10.0, 20.0)  # seconds, to connect and to answer
UPLOAD_BYTES = 256 << 10
SLOW = 50_000  # bytes a second, below which a large model takes half an hour
CLOCK_SECONDS = 300.0  # by which a clock may be wrong before certificates seem to have run out


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    check: what was looked at; message: one sentence about it; fix, remedy: as in `errors`, "" where nothing
    is to be done.
    """

    check: Message
    verdict: Verdict
    message: Message
    fix: Message = EMPTY
    remedy: Remedy = ""

    @classmethod
    def of(cls, check: Message, error: FlowsError) -> Finding:
        """The finding that an error is."""
        return cls(check, "problem", error.message, error.fix, error.remedy)

    def to_data(self) -> list[Any]:
        """The finding as JSON has it."""
        texts = (self.check, self.message, self.fix)
        return [self.verdict, self.remedy, *(text.to_data() for text in texts)]

    @classmethod
    def from_data(cls, data: list[Any]) -> Finding:
        """The finding that `to_data` gave."""
        verdict, remedy, *texts = data
        check, message, fix = map(Message.from_data, texts)
        return cls(check, verdict, message, fix, remedy)


Report = Callable[[Finding], None]


def examine(base_url: str, api_key: str, online: bool, report: Report) -> None:
    """Check everything, and tell each finding as soon as it is known; what depends on a problem is skipped.

    online: whether Blender may use the network.
    """
    checks: list[tuple[Message, Callable[[], Finding]]] = [
        (Message("Online access"), lambda: _online(base_url, online)),
        (Message("Address"), lambda: _address(base_url)),
        (Message("DNS Lookup"), lambda: _name(base_url)),
        (Message("Proxy"), lambda: _proxy(base_url)),
        (Message("Certificates"), _certificates),
        (Message("Connection"), lambda: _connection(base_url)),
        (Message("API key"), lambda: _key(api_key)),
        (Message("Service"), lambda: _service(base_url, api_key)),
        (Message("Upload"), lambda: _upload(base_url, api_key)),
    ]
    ill = False
    for name, check in checks:
        if ill:
            report(Finding(name, "skipped", Message("Not checked, because an earlier check failed.")))
            continue
        try:
            finding = check()
        except FlowsError as error:
            finding = Finding.of(name, error)
        except Exception as error:  # the doctor tells of a defect, too, and goes on
            finding = Finding(
                name,
                "warning",
                Message("This could not be checked: {error}.", error=tidy(type(error).__name__)),
            )
        report(finding)
        ill = finding.verdict == "problem"


def _online(base_url: str, online: bool) -> Finding:
    if is_loopback(base_url):
        return Finding(Message("Online access"), "ok", Message("Not needed for a service on this computer."))
    if online:
        return Finding(Message("Online access"), "ok", Message("Blender may use the network."))
    return Finding(
        Message("Online access"),
        "problem",
        Message("Blender is offline."),
        Message("Allow online access in Preferences > System > Network."),
        "go_online",
    )


def _address(base_url: str) -> Finding:
    return Finding(Message("Address"), "ok", Message("{address} can be used.", address=check_base(base_url)))


def _name(base_url: str) -> Finding:
    parts = urlsplit(check_base(base_url))
    host = parts.hostname or ""
    if _proxy_for(base_url):
        return Finding(Message("DNS Lookup"), "skipped", Message("The proxy looks the name up."))
    started = time.monotonic()
    try:
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return Finding(
            Message("DNS Lookup"),
            "problem",
            Message("The name {host} was not found.", host=host),
            Message("Check your internet connection, your VPN, and the service address."),
            "check_address",
        )
    kinds = {"IPv6" if family == socket.AF_INET6 else "IPv4" for family, *_ in found}
    seconds = time.monotonic() - started
    return Finding(
        Message("DNS Lookup"),
        "ok",
        Message(
            "{host} was found in {seconds:.1f} s ({kinds}).", host=host, seconds=seconds, kinds=sorted(kinds)
        ),
    )


def _proxy(base_url: str) -> Finding:
    proxy = _proxy_for(base_url)
    if not proxy:
        return Finding(Message("Proxy"), "ok", Message("No proxy is used."))
    host = _host_of(proxy)
    return Finding(
        Message("Proxy"), "ok", Message("{host} is used.", host=host) if host else Message("A proxy is used.")
    )


def _proxy_for(base_url: str) -> str:
    """The proxy that requests will use, or ""."""
    if is_loopback(base_url):
        return ""
    with suppress(ValueError):
        proxies = requests.utils.get_environ_proxies(base_url)
        return requests.utils.select_proxy(base_url, proxies) or ""
    return ""


def _host_of(proxy: str) -> str:
    """Its name and port, or "" where it has none that can be told from a password."""
    host = proxy.rpartition("@")[2]  # before that, a password may hold what looks like the end of a host
    with suppress(ValueError):
        parts = urlsplit(host if "//" in host else f"//{host}")
        if parts.hostname:
            return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    return ""


def _certificates() -> Finding:
    if trouble := certificates.trouble():
        return Finding(Message("Certificates"), "problem", *trouble)
    variable = certificates.named_by()
    if variable:
        return Finding(
            Message("Certificates"),
            "ok",
            Message("Uses the certificates set in {variable}.", variable=variable),
        )
    return Finding(Message("Certificates"), "ok", Message("Uses Blender's own certificates."))


def _connection(base_url: str) -> Finding:
    """Any answer will do; no key is sent."""
    secure = urlsplit(base_url).scheme == "https"
    started = time.monotonic()
    with requests.Session() as session:
        if is_loopback(base_url):  # no proxy gets between
            session.trust_env = False
            session.verify = os.environ.get(certificates.named_by()) or True
        try:
            answer = session.get(
                check_base(base_url), auth=anonymous, timeout=TIMEOUT, allow_redirects=False, stream=True
            )
        except requests.exceptions.SSLError:
            raise CertificateError(
                Message("The service, or something in between, could not prove its identity."),
                Message(
                    "Check this computer's clock. On a company network, ask for its certificates and set "
                    "REQUESTS_CA_BUNDLE to their file."
                ),
            ) from None
        except requests.exceptions.ProxyError:
            raise NetworkError(
                Message("The proxy blocks the connection."),
                Message("Check the proxy in your system's settings."),
            ) from None
        except ValueError:  # the address was checked, so it is the setting of the proxy
            raise unusable_setting() from None
        except (requests.RequestException, OSError):
            return Finding(
                Message("Connection"),
                "problem",
                Message("Nothing answers at the service's address."),
                Message("Check your internet connection, your firewall, and the service address."),
                "check_address",
            )
        seconds = time.monotonic() - started
        date = email.utils.parsedate_tz(answer.headers.get("Date", ""))
    wrong = abs(email.utils.mktime_tz(date) - time.time()) if date else 0.0
    if secure and wrong > CLOCK_SECONDS:
        return Finding(
            Message("Connection"),
            "warning",
            Message("This computer's clock is off by {minutes:.0f} minutes.", minutes=wrong / 60),
            Message("Set the clock; certificates depend on it."),
        )
    how = (
        Message("The service proved its identity")
        if secure
        else Message("Without encryption, because it runs on this computer")
    )
    return Finding(
        Message("Connection"),
        "ok",
        Message("{how}; it answered after {seconds:.1f} s.", how=how, seconds=seconds),
    )


def _key(api_key: str) -> Finding:
    ApiKey(api_key)
    return Finding(Message("API key"), "ok", Message("Set, {count} characters.", count=len(api_key.strip())))


def _service(base_url: str, api_key: str) -> Finding:
    try:
        return Finding(Message("Service"), "ok", check_connection(base_url, api_key))
    except KeyRefused as error:
        return Finding.of(Message("API key"), error)


def _upload(base_url: str, api_key: str) -> Finding:
    """Send a text to a flow that does not exist: the service reads it, and then says so.

    It has arrived when it is answered; until then it may lie in a buffer of this computer.
    """
    with FlowsClient(base_url, api_key, timeout=TIMEOUT, policy=RetryPolicy(attempts=1)) as client:
        started = time.monotonic()
        try:
            client.add_input(NO_FLOW, Prompt("x" * UPLOAD_BYTES, None))
        except (NotFound, MethodNotAllowed, WrongState, InvalidRequest):
            pass  # that is what was to come
        except NetworkError:
            raise
        except CallFailed as error:  # a limit, or a guard, of which small calls know nothing
            return replace(Finding.of(Message("Upload"), error), verdict="warning")
        seconds = max(time.monotonic() - started, 1e-3)
    speed = UPLOAD_BYTES / seconds
    message = (
        Message("About {speed:.1f} MB/s.", speed=speed / 1e6)
        if speed >= 1e5
        else Message("About {speed:.0f} kB/s.", speed=speed / 1e3)
    )
    if speed < SLOW:
        fix = Message("Large models will take a long time; smaller pictures help.")
        return Finding(Message("Upload"), "warning", message, fix, "open_preferences")
    return Finding(Message("Upload"), "ok", message)


def report(findings: Iterable[Finding], api_key: str, blender: str, log: Iterable[str] = ()) -> str:
    """All of it as text, to be shown to others: without the key, names of people, and passwords.

    blender: its version; log: lines of the log.
    """
    variables = [
        name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE") if os.environ.get(name)
    ]
    lines = [
        f"GENERIO Flows {version()}, Blender {blender}, Python {platform.python_version()}, "
        f"requests {getattr(requests, '__version__', '')}, {platform.system()} {platform.release()}",
        f"Proxies: {', '.join(sorted(getproxies())) or 'none'}; "
        f"certificates: {', '.join(variables) or 'of Blender'}",
        *(
            f"[{finding.verdict}] {finding.check}: {finding.message} {finding.fix}".strip()
            for finding in findings
        ),
        *log,
    ]
    text = "\n".join(lines)
    key = api_key.strip()
    return text.replace(key, MASK) if key else text
