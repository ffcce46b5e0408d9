# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Blender knows while the add-on is enabled: the engine, coming results, the form.

`handlers` begins and ends the `Session` and hands on what Blender calls; `placement` is the queue of
results; `document` says which opening of a file this is. `preferences` and `properties` are what the user
sets; the panels draw them. Changed preferences are noticed by the tick that compares them, not by update
callbacks, which covers the environment and Blender's online access as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session

_sessions: list[Session] = []  # none or one


class NoSession(RuntimeError):
    """The add-on is disabled."""


def current() -> Session:
    """The session of this Blender, from `register` to `unregister`. Raises NoSession."""
    if not _sessions:
        raise NoSession("GENERIO Flows is disabled")
    return _sessions[0]


def is_running() -> bool:
    """Whether there is one."""
    return bool(_sessions)


def begin(session: Session) -> None:
    """Make `session` the current one."""
    _sessions[:] = [session]


def end() -> None:
    """There is no session any more."""
    _sessions.clear()
