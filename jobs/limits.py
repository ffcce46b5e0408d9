# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the engine waits for what. Everybody reads these when they are needed, so that tests can hurry."""

from __future__ import annotations

from ..api import RetryPolicy

LEASE_SECONDS = 30.0
"""A lease that was not renewed for so long may be taken over."""

TAKEOVER_SECONDS = 1.5 * LEASE_SECONDS
"""By then whoever looks at the store as often as an engine does has what nobody renews."""

SYNC_SECONDS = LEASE_SECONDS / 3
"""Between two looks at what other processes do with the store; our leases are renewed then, too."""

BUSY_DISK_SECONDS = 2.0
"""After these a step is tried again that the store could not take."""

REPORTED_FAILURES = 2
"""So many looks at the store in a row may fail until the user is told."""

SEARCH_SECONDS = 10.0
"""After these lost jobs are looked for again, where the service could not be asked."""

LOCAL_JOBS = 1
"""Jobs done on this computer at once: a bake takes all cores, and the other converter is for results."""

PROGRESS_SECONDS = 0.1
"""Progress of a transfer is reported at most this often."""

OUTPUT_TRIES = 6
"""How often a flow that is over may still say that its outputs are not there yet (contract, V24)."""

OUTPUT_SECONDS = 1.0
"""Between the first two of these questions; doubled each time."""

LOOKUPS = 3
"""How often in a row an answer must come that a gateway could have given, before anything follows from it."""

LOOKUP_SECONDS = 5.0
"""Between two looks for a flow: the lost request may still be on its way. Other patience is measured in
it."""

LOST_CREATE = 15
"""LOOKUP_SECONDS for which a flow whose create had no answer is looked for, before the user is asked."""

UNSTARTED = 3
"""LOOKUP_SECONDS for which a flow may look as if it had not been started: a read may lag behind."""

FIRST_REFUSAL = 3
"""LOOKUP_SECONDS after which it is believed that a key is refused which has made no flow yet."""

REFUSAL = 15
"""LOOKUP_SECONDS after which a refusal is believed that a gateway, or a service still busy, could give."""

GONE = 60
"""LOOKUP_SECONDS after which a flow is given up that the service denies, or a result that it refuses: both
were paid for."""

REFUSED_SECONDS = 60.0
"""After these a refused key or an account without credit is tried again: both may be mended elsewhere. A flow
about which the user was asked is looked at again, too."""

LONGEST_BREAK = 3600.0
"""Seconds; a service that asks for a longer one is asked all the same."""

BACK_OFF = RetryPolicy(attempts=1_000_000_000, base=1.0, ceiling=60.0)
"""Calls of a job are repeated without end; the user sees why it waits and may cancel."""

QUIET_FAILURES = 2
"""So many failures in a row are nobody's concern while a job goes on by itself."""

QUIET_SECONDS = 10.0
"""Whoever waits for longer is told why."""
