"""What comes from where: weights, colors, UV maps, materials and vertices of a result that is fitted.

The results are made here, as exact as a service may make them, so nothing is sent.
"""

from collections.abc import Sequence
from pathlib import Path

import bpy
import pytest

from tests.blender.scene.restore.fitted import Fit


@pytest.fixture
def fit(addon, tmp_path: Path) -> Fit:
    """Fits an object, which came, onto another one, which was sent; returns the report."""

    def fitted(came: bpy.types.Object, sent: bpy.types.Object, carry: Sequence[str] = ("colors",)) -> dict:
        snapshot = tmp_path / addon.scene.export.snapshot.snapshot_name()
        addon.scene.export.snapshot.write_snapshot(sent, snapshot, carry)
        for collection in came.users_collection:
            collection.objects.unlink(came)
        names = {material: material.name for material in came.data.materials if material}
        return addon.scene.restore.restore.restore_mesh_data([came], snapshot, names)

    return fitted
