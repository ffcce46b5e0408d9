# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk can refuse, on all three systems."""

import errno
from pathlib import Path
from typing import Literal, Self

from .errors import FlowsError, Remedy
from .messages import EMPTY, Message

DiskTrouble = Literal["full", "forbidden", "too_long", "other"]
"""What a disk refuses: more bytes, this user, the length of a name, or something else."""

_DISK_TROUBLES: dict[int | None, DiskTrouble] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "forbidden",
    errno.EPERM: "forbidden",
    errno.EROFS: "forbidden",
    errno.ENAMETOOLONG: "too_long",
}


_LONGEST_FOLDER = 247
"""Units of UTF-16 in a path to a folder where Windows is not set up for longer ones; of files 12 more."""

_FILE_NOT_FOUND = 2
_NO_SUCH_PATH = (_FILE_NOT_FOUND, 3, 206)
"""Errors of Windows (winerror.h), the others PATH_NOT_FOUND and FILENAME_EXCED_RANGE."""


def disk_trouble(error: OSError) -> DiskTrouble:
    """What it was that the disk refused to write."""
    code, name = getattr(error, "winerror", None), str(error.filename)
    if code in _NO_SUCH_PATH and len(name.encode("utf-16-le", "surrogatepass")) // 2 > _LONGEST_FOLDER:
        return "too_long"
    if code == _FILE_NOT_FOUND and error.filename2 is None and Path(name).parent.is_dir():
        return "forbidden"  # so Windows' protection against ransomware says that this program may not write
    return _DISK_TROUBLES.get(error.errno, "other")


_NOT_SAVED_FIXES: dict[DiskTrouble, Message] = {
    "full": Message("Free some disk space, or choose another results folder in the preferences."),
    "forbidden": Message("Get write permission there, or choose another results folder in the preferences."),
    "too_long": Message("Choose a results folder with a shorter path in the preferences."),
}


class NotSaved(FlowsError):
    """The result could not be written to this computer's disk."""

    remedy: Remedy = "open_preferences"
    message = Message("The result could not be saved.")
    fix = Message("Check the disk, or choose another results folder in the preferences.")

    @classmethod
    def because(cls, message: Message, error: OSError | RuntimeError) -> Self:
        """The error with this message, and the fix that suits the disk's own; RuntimeError is Blender's."""
        trouble = disk_trouble(error) if isinstance(error, OSError) else "other"
        return cls(message, _NOT_SAVED_FIXES.get(trouble, EMPTY))
