# SPDX-License-Identifier: GPL-3.0-or-later
"""With whom a thread speaks to the service: one client for each thread, made anew when settings change."""

from __future__ import annotations

import threading

from ..api import FlowsClient
from ..api.retry import RetryPolicy
from ..core.errors import NotReady, Remedy
from ..core.messages import Message
from ..core.urls import is_loopback
from .errors import Offline
from .settings import Settings


class OtherService(NotReady):
    """The job belongs to another service address than the one that is set."""

    remedy: Remedy = "check_address"
    fix = Message("Set that service address again to continue.")

    def __init__(self, service: str) -> None:
        super().__init__(Message("This job belongs to {service}.", service=service))


class Clients:
    """The clients of all threads; see `of_this_thread`."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()  # guards _all
        self._all: list[FlowsClient] = []

    def of_this_thread(self, service: str, settings: Settings) -> FlowsClient:
        """This thread's client for `service` and the present settings. Raises NotReady."""
        if service != settings.base_url:
            raise OtherService(service)
        if not settings.online and not is_loopback(settings.base_url):
            raise Offline
        client: FlowsClient | None = getattr(self._local, "client", None)
        if client is None or self._local.settings != settings:
            # No repeats inside a call: the engine repeats whole steps, and can be told to stop in between.
            fresh = FlowsClient(settings.base_url, settings.api_key, policy=RetryPolicy(attempts=1))
            with self._lock:
                if client is not None:
                    self._all.remove(client)
                    client.close()
                self._all.append(fresh)
            self._local.client = client = fresh
            self._local.settings = settings
        return client

    def hang_up(self) -> None:
        """End the calls that are under way and leave this machine; for any thread."""
        with self._lock:
            clients = [*self._all]
        for client in clients:
            if not is_loopback(client.base_url):
                client.hang_up()

    def close(self) -> None:
        """Close them all, also those of threads that still wait for an answer."""
        for client in self._all:
            client.close()
