"""When to ask the service how a flow is doing: pure and clock-free."""

from __future__ import annotations

SHORTEST = 1.0
"""Seconds; never more than one request per second and flow."""

LONGEST = 5.0
"""Seconds; the vendor's own pace (contract, 4.4)."""


def interval(running: float) -> float:
    """Seconds to wait before the next question about a flow that has been running for `running` seconds.

    Short flows are noticed soon, long ones cost no more than the vendor's pace: the wait is a tenth of the
    time so far, within bounds.
    """
    return min(LONGEST, max(SHORTEST, running / 10))
