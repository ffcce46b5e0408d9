# SPDX-License-Identifier: GPL-3.0-or-later
"""Painted images that were never saved: a snapshot has them as files beside it, see `write_snapshot`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.messages import Message
from .markers import ORIGINAL


def check_painting(image: Any) -> None:
    """Raise RuntimeError where an image of a snapshot is a painting whose file is gone."""
    if ORIGINAL in image and not Path(image.filepath).exists():
        raise RuntimeError(
            Message('the painted image "{name}" was never saved and is lost.', name=image[ORIGINAL])
        )
