# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds up a job until the user decides, beside what `api.errors` has."""

from __future__ import annotations

from pathlib import Path

from ..api import FlowsError, NotSaved
from ..core.errors import NotReady, Remedy
from ..core.messages import Message


class NeedsUser(FlowsError):
    """The answer to a create was lost, and whether it runs is not known: only the user may repeat it."""

    remedy: Remedy = "retry"
    message = Message("The service may already be working on this; there is no way to know.")
    fix = Message("Retry only if a second run is acceptable. Otherwise cancel.")


class NotStarted(FlowsError):
    """An adopted flow waits for its start, which is the user's to ask for: it may cost."""

    remedy: Remedy = "retry"
    message = Message("This flow was created but never started.")
    fix = Message("Press Retry to start it now, or cancel.")


class UnknownFlow(FlowsError):
    """There is no flow of this id for this key."""

    remedy: Remedy = "check_address"
    message = Message("The service does not know a flow with this ID.")
    fix = Message("Check the ID, and that the API key belongs to the account that made it.")


class NoConverter(FlowsError):
    """No second Blender can be started: the first one has to make the file to send, see `Engine.prepared`."""

    message = Message("No second Blender could be started, so this one prepares the file.")
    fix = Message("The window will freeze briefly.")


class NoBaker(FlowsError):
    """No second Blender can be started, and the first one would stand still for as long as a bake takes."""

    remedy: Remedy = "retry"
    message = Message("No second Blender could be started to bake the maps.")
    fix = Message("Close programs that take much memory, and retry.")


class NoExporter(FlowsError):
    """No second Blender can be started, and the first one would stand still while files are written."""

    remedy: Remedy = "retry"
    message = Message("No second Blender could be started to export the files.")
    fix = Message("Close programs that take much memory, and retry.")


class NotDelivered(NotSaved):
    """Files that were exported cannot be put where they are to be."""

    remedy: Remedy = "retry"
    fix = Message("Mend that and retry, or export into another folder.")

    def __init__(self, folder: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(Message("{path} cannot be exported: {reason}", path=str(folder), reason=reason))


class Offline(NotReady):
    """Blender is not allowed to use the network."""

    remedy: Remedy = "go_online"
    message = Message("Blender is offline.")
    fix = Message("Allow online access in Preferences > System > Network.")


MAYBE_RUNNING = NeedsUser.code

DELETED = "deleted"
"""Code of the problem of a job whose flow is gone, by all that the service says of it."""


def folder_unusable(error: OSError) -> NotSaved:
    """The error of a results folder that cannot be written to, or read."""
    return NotSaved.because(
        Message("The results folder cannot be used: {reason}.", reason=error.strerror or str(error)), error
    )
