# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials, node groups and pictures go with the last thing that used them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

KINDS = ("materials", "node_groups", "textures", "images")
"""What is freed, users before what they use."""


@contextmanager
def freed() -> Iterator[None]:
    """What loses its last user in here is removed afterwards, with all that only it used, however deep."""
    before = {item for kind in KINDS for item in _unused(kind)}
    yield
    gone = True
    while gone:  # a node group can use another one
        gone = False
        for kind in KINDS:
            if unused := [item for item in _unused(kind) if item not in before]:
                bpy.data.batch_remove(unused)
                gone = True


def _unused(kind: str) -> list[Any]:
    return [item for item in getattr(bpy.data, kind) if not item.users and item.library is None]
