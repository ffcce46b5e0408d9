# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shared by the operators that have meshes optimized."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.messages import Message
from ..i18n import translated
from ..session.preferences import unavailable_reason
from ..session.requests import Level, Requester
from .submit_jobs import SubmitJobs


class OptimizeBase(SubmitJobs):
    """Mixin for operators that have the selected meshes optimized."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = unavailable_reason(context)
        if not reason and not any(item.type == "MESH" for item in context.selected_objects):
            reason = Message("Select a mesh object first")
        if reason:
            cls.poll_message_set(translated(reason))
        return not reason

    @property
    def requester(self) -> Requester:
        """Who asks, and hears what there is to know."""

        def report(level: Level, message: Message) -> None:
            self.report({level}, translated(message))

        return Requester(report, self.by_hand())

    def by_hand(self) -> bool:
        """Whether a user clicked it, or repeats the last time; scripts know better what they want."""
        options: Any = self.options
        return not bpy.app.background and (options.is_invoke or options.is_repeat or options.is_repeat_last)
