# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a GLB by which an asset is judged: what it costs to keep, to load and to draw.

Counts come from the document alone. Where things are takes NumPy, which a Python without Blender may lack:
then nothing is said of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .document import GlbFile, count, member, objects
from .glb import check_glb
from .images import size_in

if TYPE_CHECKING:
    from .deviation import Deviation

Corner = tuple[float, float, float]


@dataclass(frozen=True)
class Texture:
    """A picture in a GLB. width, height: pixels, 0 = it does not say. bytes: as it is packed."""

    name: str
    width: int
    height: int
    bytes: int

    @property
    def side(self) -> int:
        """The longer side, in pixels."""
        return max(self.width, self.height)


@dataclass(frozen=True)
class Box:
    """The bounding box of what the scene shows: its least and its largest corner, in meters, Y up."""

    least: Corner
    largest: Corner

    @property
    def extent(self) -> Corner:
        """Width, height and depth, in meters."""
        x, y, z = (high - low for low, high in zip(self.least, self.largest, strict=True))
        return x, y, z


@dataclass(frozen=True)
class Figures:
    """What is in a GLB. Meshes that the scene shows several times count once, as they are kept once.

    vertices: as they are kept, so one for each normal and texture coordinate that meet in a place. bytes: of
    the file. box: None where nothing is shown, or nothing can be said.
    """

    triangles: int
    vertices: int
    materials: int
    textures: tuple[Texture, ...]
    bytes: int
    box: Box | None

    @property
    def largest_texture(self) -> int:
        """The longest side of all textures, in pixels; 0 = there are none."""
        return max((texture.side for texture in self.textures), default=0)

    def to_data(self) -> dict[str, Any]:
        """The figures as JSON can say them."""
        return {
            "triangles": self.triangles,
            "vertices": self.vertices,
            "materials": self.materials,
            "textures": [vars(texture) for texture in self.textures],
            "bytes": self.bytes,
            "bounding_box": {"min": self.box.least, "max": self.box.largest} if self.box else None,
        }


def read_figures(path: Path) -> Figures:
    """The figures of the GLB at `path`. Raises what `glb.check_glb` does."""
    info = check_glb(path)
    with GlbFile(path) as file:
        textures = tuple(_textures(file))
        vertices = _vertices(file)
    return Figures(info.triangles, vertices, info.materials, textures, info.size, _box(path))


def deviation(before: Path, after: Path, cancelled: Callable[[], bool] = lambda: False) -> Deviation | None:
    """How far the surface of one GLB has come from that of the other.

    None where that cannot be said: one is compressed, has no surface, or more than `shape.MOST_TRIANGLES`;
    NumPy is missing; or `cancelled` says so. Raises what `glb.check_glb` does.
    """
    try:
        from .deviation import measure
        from .shape import read_shape
    except ImportError:
        return None
    surfaces = [read_shape(path).triangles for path in (before, after)]
    if surfaces[0] is None or surfaces[1] is None:
        return None
    return measure(surfaces[0], surfaces[1], cancelled)


def _textures(file: GlbFile) -> list[Texture]:
    images = file.objects("images")
    found: list[Texture] = []
    for picture in file.pictures():
        width, height = size_in(picture.file) or (0, 0)
        name = images[picture.number].get("name")
        found.append(Texture(str(name) if name else f"Image {picture.number}", width, height, picture.length))
    return found


def _vertices(file: GlbFile) -> int:
    """Vertices of all primitives; those that several of them share count once."""
    accessors = file.objects("accessors")
    shared: set[int] = set()
    for mesh in file.objects("meshes"):
        for primitive in objects(mesh, "primitives"):
            attributes = member(primitive, "attributes")
            if "POSITION" in attributes:
                shared.add(count(attributes, "POSITION"))
    return sum(count(accessors[index], "count") for index in shared if index < len(accessors))


def _box(path: Path) -> Box | None:
    try:
        from .shape import read_shape
    except ImportError:
        return None
    box = read_shape(path).box
    if box is None:
        return None
    (a, b, c), (x, y, z) = box.tolist()
    return Box((a, b, c), (x, y, z))
