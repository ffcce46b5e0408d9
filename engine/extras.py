# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender has the engine process do beside jobs, since it may take long: a thread each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..api import FlowsClient, doctor
from ..api.forms import KNOWN, TemplateForm
from ..formats import raw_pixels
from ..formats.image_check import check_if_changed
from .protocol import settings_from_data

SendPart = Callable[[object], None]
"""Tells a part of the result, before the rest is there."""


MOST_FLOWS = 1000
"""Of an account that are listed."""

MOST_TEMPLATES = 200
MOST_CHARACTERS = 1 << 20
"""Of the forms of all templates together."""


def examine(send_part: SendPart, settings: dict[str, Any]) -> None:
    """Have the doctor look at the connection; each finding is told as soon as it is known."""
    given = settings_from_data(settings)
    doctor.examine(given.base_url, given.api_key, given.online, lambda finding: send_part(finding.to_data()))


def list_flows(_send_part: SendPart, settings: dict[str, Any]) -> list[list[str]]:
    """The account's flows, newest first: id, template, state, and when each was made. Raises FlowsError."""
    given = settings_from_data(settings)
    flows = FlowsClient(given.base_url, given.api_key).flows()
    flows.sort(key=lambda flow: flow.created_at or "", reverse=True)
    return [
        [flow.flow_id, flow.template or "", str(flow.state), flow.created_at or ""]
        for flow in flows[:MOST_FLOWS]
    ]


def list_templates(_send_part: SendPart, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The forms of the templates that this version does not know, as many as a window can take at once.

    Raises FlowsError.
    """
    given = settings_from_data(settings)
    forms: list[dict[str, Any]] = []
    room = MOST_CHARACTERS
    for template in FlowsClient(given.base_url, given.api_key).templates():
        if template.name in KNOWN or template.template_id in KNOWN:
            continue
        form = TemplateForm.of(template).to_data()
        room -= len(json.dumps(form))
        if room < 0 or len(forms) == MOST_TEMPLATES:
            break
        forms.append(form)
    return forms


def check_image(_send_part: SendPart, path: str, known: str, kinds: Sequence[str]) -> list[Any] | None:
    """What kind of picture a file is; None where it has not changed since it was `known`."""
    found = check_if_changed(Path(path), known, frozenset(kinds))
    return found.to_data() if found is not None else None


def write_picture(_send_part: SendPart, raw: str, path: str, longest: int, count: int) -> None:
    """Make a PNG of what Blender has written as raw pixels, and keep the newest `count` of that folder."""
    target = Path(path)
    raw_pixels.to_png(Path(raw), target, longest)
    raw_pixels.keep_newest(target.parent, count)
