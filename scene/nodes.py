# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures in node trees, also inside of node groups, and of groups in these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy


def image_nodes(tree: bpy.types.NodeTree) -> Iterator[Any]:
    """The nodes of a tree and of its groups that show an image."""
    for node in tree.nodes:
        if getattr(node, "image", None) is not None:
            yield node
        if getattr(node, "node_tree", None) is not None:
            yield from image_nodes(node.node_tree)  # type: ignore[attr-defined]


def images_of(materials: Iterable[bpy.types.Material]) -> set[bpy.types.Image]:
    """The pictures that these materials show."""
    return {
        node.image for material in materials if material.node_tree for node in image_nodes(material.node_tree)
    }
