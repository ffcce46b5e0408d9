# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's own exporters and importers are called with."""

from __future__ import annotations

from typing import Any

GLTF = {
    "export_format": "GLB",
    "use_active_scene": True,
    "export_animations": False,
    "export_skins": False,
    "export_morph": False,
    "export_cameras": False,
    "export_lights": False,
    "export_extras": False,
    "export_apply": False,
    "export_yup": True,
}
"""Of meshes with their materials a GLB, and nothing else of the active scene."""


def known(operator: Any, **options: Any) -> dict[str, Any]:
    """Those of `options` that this version's operator has."""
    properties = operator.get_rna_type().properties
    return {name: value for name, value in options.items() if name in properties}
