# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates that this version does not know, as the service listed them when the user asked last."""

from __future__ import annotations

import json
from typing import Any

import bpy

from . import current
from .properties import properties
from .service_list import ServiceList


class TemplateList(ServiceList):
    """The templates; each row has the form of its own."""

    verb = "list_templates"

    def fill(self, context: bpy.types.Context, forms: list[dict[str, Any]]) -> None:
        """See `ServiceList`. What was entered for a template that is still the same stays."""
        panel = properties(context)
        chosen = panel.templates[panel.active_template].name if panel.templates else ""
        panel.templates.clear()
        panel.templates_listed = True
        names = [form["name"] for form in forms]
        for form in forms:
            row: Any = panel.templates.add()
            row.name, row.form = form["name"], json.dumps(form)
        panel.active_template = names.index(chosen) if chosen in names else 0


def template_list() -> TemplateList:
    """That of this session."""
    return current().part(TemplateList)
