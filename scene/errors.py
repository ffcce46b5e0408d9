# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when a result is put into the scene."""

from __future__ import annotations

from ..api import FlowsError
from ..api.errors import Remedy


class CannotPlace(FlowsError):
    """The result cannot go where it belongs."""

    remedy: Remedy = ""
    fix = "Use Import to put it at the 3D cursor."
