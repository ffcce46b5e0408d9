# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints which templates the service offers, and what each asks for."""

from __future__ import annotations

import json
import sys

from ..api.form_fields import Field, shown
from ..api.forms import TemplateForm
from ..core.text import tidy
from .exit_codes import SUCCESS
from .job_directory import Host
from .report import write


def list_templates(host: Host, as_json: bool) -> int:
    """Print the templates, one after the other, and return the exit code."""
    with host.client() as client:
        for template in client.templates():
            about = {
                "name": template.name,
                "description": template.description,
                "inputs": list(template.input_types),
                "parameters": dict(template.parameters),
            }
            lines = [f"{template.name}  {template.description}".rstrip()]
            lines += [f"  takes {', '.join(template.input_types)}"] if template.input_types else []
            lines += [f"  {_described(field)}" for field in TemplateForm.of(template).fields]
            write(sys.stdout, (json.dumps(about) if as_json else "\n".join(lines)) + "\n")
    return SUCCESS


def _described(field: Field) -> str:
    """A parameter of a template in one line."""
    about = [field.kind, "required" if field.is_required else "", str(field.limits)]
    about += [" | ".join(map(shown, field.choices[:16]))] if field.choices else []
    about += [f"default {tidy(shown(field.default), 40)}"] if field.default is not None else []
    return f"{field.name}: {', '.join(filter(None, about))}{f'. {field.help}' if field.help else ''}"
