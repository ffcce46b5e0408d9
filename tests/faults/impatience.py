"""Time, scaled down: what the engine waits for is the same, only shorter."""

from generio_flows.api import FlowsClient, RetryPolicy
from generio_flows.jobs import limits, polling

SCALE = 1 / 20
"""A stall of 10 s takes half a second here, and so do the client's time-outs that it is measured against."""


def hurry() -> None:
    """Let this process wait as little as it can. Only for processes of the suite, which end soon."""
    limits.BACK_OFF = RetryPolicy(attempts=1_000_000_000, base=0.02, ceiling=0.2)
    limits.LOOKUP_SECONDS *= SCALE
    limits.REFUSED_SECONDS *= SCALE
    limits.OUTPUT_SECONDS *= SCALE
    polling.SHORTEST *= SCALE
    limits.SYNC_SECONDS = 0.5
    limits.BUSY_DISK_SECONDS = 0.1
    defaults = FlowsClient.__init__.__kwdefaults__
    assert defaults is not None
    connecting, waiting = defaults["timeout"]
    defaults["timeout"] = (connecting * SCALE, waiting * SCALE)
