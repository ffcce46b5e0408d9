# SPDX-License-Identifier: GPL-3.0-or-later
"""Are address and key right? The cheapest question that the service answers."""

import contextlib

from ..core.call_errors import MethodNotAllowed, NotFound
from ..core.messages import Message
from .client import FlowsClient
from .retry import RetryPolicy

NO_FLOW = "0" * 24
"""An id of the right form (contract, 0) that no flow has."""


def check_connection(base_url: str, api_key: str) -> Message:
    """Ask once and return a sentence for people. Raises NotReady or CallFailed, which say what is wrong.

    A service without `GET /templates` (contract, 4.1) is asked for a flow that does not exist: it refuses a
    bad key before it says so.
    """
    with FlowsClient(base_url, api_key, policy=RetryPolicy(attempts=1)) as client:
        try:
            count = len(client.templates())
        except (NotFound, MethodNotAllowed):
            with contextlib.suppress(NotFound):
                client.flow(NO_FLOW)
            return Message("Connected; the key is accepted.")
        return Message("Connected; the key is accepted. The service offers {count:,} templates.", count=count)
