# SPDX-License-Identifier: GPL-3.0-or-later
"""When a failed call is worth repeating, and after how long (contract section 5). Pure: no clock, no I/O."""

import re
from datetime import UTC
from typing import NamedTuple

from ..core.call_errors import CallFailed, RateLimited
from ..core.errors import FlowsError

# Repeating these changes nothing that the first call has not changed already.
_REPEATABLE = frozenset({"GET", "HEAD", "DELETE"})
_SECONDS = re.compile(r"\s*(\d{1,9})(\.\d{1,9})?\s*", re.ASCII)


class RetryPolicy(NamedTuple):
    """How often and how long: `attempts` in all (1: no repeats), waits from `base` to `ceiling` seconds."""

    attempts: int = 4
    base: float = 1.0
    ceiling: float = 30.0


def decide(policy: RetryPolicy, method: str, attempt: int, error: FlowsError, random: float) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    `method` is the HTTP method, `attempt` how many attempts were made (1 after the first), `random` a number
    in 0..1 that spreads the callers out. The wait never exceeds `policy.ceiling`: a service that asks for
    more (Retry-After) is given up at once, and the error's `retry_after` tells the caller.
    """
    if attempt >= policy.attempts or not isinstance(error, CallFailed) or not error.transient:
        return None
    if method not in _REPEATABLE and not _surely_undone(error):
        return None
    if error.retry_after is not None:
        if error.retry_after > policy.ceiling:
            return None
        return min(policy.ceiling, error.retry_after + policy.base * random)
    # The exponent is bounded because floats are; the ceiling is reached long before.
    longest = min(policy.ceiling, policy.base * 2.0 ** min(attempt - 1, 64))
    return longest * (0.5 + 0.5 * random)


def _surely_undone(error: CallFailed) -> bool:
    """Tell whether the call had no effect: a lost answer may hide one that worked, these two cannot."""
    return not error.sent or isinstance(error, RateLimited)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks to wait: a number of seconds, or an HTTP date.

    `now` is the time in seconds since 1970, against which a date is measured (past dates give 0).
    None when the header is absent or says neither.
    """
    if value is None:
        return None
    if match := _SECONDS.fullmatch(value):
        return float(match[0])
    from email.utils import parsedate_to_datetime  # slow to import, and hardly ever needed

    try:
        date = parsedate_to_datetime(value)
        # An HTTP date is UTC by definition, even when its zone was left out.
        moment = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
