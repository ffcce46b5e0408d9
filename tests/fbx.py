"""FBX files as assimp reads them, which has nothing to do with Blender."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import assimp_py
import numpy as np


@dataclass(frozen=True)
class Node:
    """An object. points: of its corners, in the units of the file, where `matrix` (4 x 4) puts them, N x 3.

    whole: whether all of its faces are triangles.
    """

    parent: str
    matrix: np.ndarray
    triangles: int = 0
    whole: bool = True
    points: np.ndarray | None = None
    uvs: bool = False
    tangents: bool = False


def read_fbx(path: Path) -> dict[str, Node]:
    """The objects in a file by their names."""
    scene = assimp_py.import_file(str(path), 0)
    found: dict[str, Node] = {}

    def look_at(node: Any, parent: str, around: np.ndarray) -> None:
        matrix = around @ np.array(node.transformation)
        told: dict[str, Any] = {"parent": parent, "matrix": np.array(node.transformation)}
        for index in node.mesh_indices:
            mesh = scene.meshes[index]
            points = np.array(mesh.vertices, dtype=np.float64).reshape(-1, 3)
            told |= {
                "triangles": mesh.num_faces,
                "whole": mesh.num_indices == 3 * mesh.num_faces,
                "points": points @ matrix[:3, :3].T + matrix[:3, 3],
                "uvs": bool(mesh.texcoords),
                "tangents": mesh.tangents is not None and len(mesh.tangents) > 0,
            }
        if parent or node.name != "RootNode":
            found[node.name] = Node(**told)
        for child in node.children:
            look_at(child, node.name if node.name in found else "", matrix)

    look_at(scene.root_node, "", np.eye(4))
    return found
