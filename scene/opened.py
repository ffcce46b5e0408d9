# SPDX-License-Identifier: GPL-3.0-or-later
"""Which opening of a file this is: as long as it lasts, session uids tell which object is which."""

from __future__ import annotations

import uuid

_document = uuid.uuid4().hex


def document() -> str:
    """The present one."""
    return _document


def new_document() -> None:
    """Another file has been opened: what was asked before belongs elsewhere."""
    global _document
    _document = uuid.uuid4().hex
