# SPDX-License-Identifier: GPL-3.0-or-later
"""How long things take, as people read it."""


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02d}"
