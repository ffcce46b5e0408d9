# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and custom properties by which snapshots, results and their files are known again later."""

from pathlib import Path

UNPACKED = "generio_unpacked"
"""The custom property of an image that is to be packed once its model has been placed; see `packing`."""

BESIDE = "generio_beside"
"""The custom property of such an image that is to become a file beside the .blend instead."""

SUBJECT = "GENERIO subject "
"""What the name of the object begins with that a snapshot is about; see `snapshot.write_snapshot`."""

ORIGINAL = "generio_original"
"""Custom property of what is a copy in a snapshot: the name of what it is a copy of; see `isolate`."""


SNAPSHOTS = "snapshot-*.blend"
"""The names of snapshots. What stands for the star is the same wherever the same mesh was sent."""


def snapshot_of(path: Path) -> Path | None:
    """The snapshot in the folder of the file `path`."""
    return next(iter(sorted(path.parent.glob(SNAPSHOTS))), None)


def plain_materials_note(snapshot: Path) -> Path:
    """The file that is there when of the materials in `snapshot` only the names could be sent."""
    return snapshot.with_suffix(".plain")


def paintings_note(snapshot: Path) -> Path:
    """The file that is there when paintings belong to `snapshot`: their names, as a list in JSON."""
    return snapshot.with_suffix(".paintings")


def raw_painting(painting: Path) -> Path:
    """The file that is there, whole, before a painting has become the PNG `painting`; see `raw_pixels`."""
    return painting.with_suffix(".pixels")
