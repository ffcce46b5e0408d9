# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the engine waits for what. Everybody reads these when they are needed, so that tests can hurry."""

from __future__ import annotations

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

PROGRESS_SECONDS = 0.1
"""Progress of a transfer is reported at most this often."""
