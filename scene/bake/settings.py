# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be baked, as the snapshot keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal, Self, TypeGuard

import bpy

from ...core.destination import Destination, OptimizedMesh
from ..meshes import PREFIX

BAKE = "bake"
"""Mode of a destination, see `OptimizedMesh`."""

LIGHT = PREFIX + "light"
"""Custom property of the object in a snapshot: the object with the mesh that the maps are for."""

SETTINGS = PREFIX + "bake"
"""Custom property of the object in a snapshot: what is to be baked, see `BakeSettings`."""

BASE_BYTES, PIXEL_BYTES, TRIANGLE_BYTES = 340 << 20, 200, 640
"""Memory that baking takes: always, for each pixel of a map, and for each triangle of the original; measured
by `make bench` (scripts/bench_bakes.py) at 1K to 4K and 10,000 to 1,000,000 triangles, and at 5,000,000.
"""

Colors = Literal["AS_NEEDED", "ALWAYS", "NEVER"]

BAKED_FROM = PREFIX + "baked_from"
"""Custom property of a material that has baked maps: the artist's, of which it is a copy, or "" for none."""

NORMAL, OCCLUSION, ORM = "normal", "occlusion", "orm"
BASE_COLOR, ROUGHNESS, METALLIC, EMISSION = "base_color", "roughness", "metallic", "emission"
ALPHA = "alpha"

SURFACE = (BASE_COLOR, ROUGHNESS, METALLIC, EMISSION, ALPHA)
"""Maps of what the materials of the original look like."""

COLORS = (BASE_COLOR, EMISSION)
"""Maps that are colors; what the others hold are numbers."""


PICTURES = ("before", "after", "difference")
"""Pictures that are drawn when something was baked."""

PAIR = "pictures"
"""All of them side by side."""


@dataclass(frozen=True)
class BakeSettings:
    """What is to be baked.

    size: of the maps, pixels a side. directx: whether green points down in the normal map. occlusion: whether
    there is a map of ambient occlusion. orm: whether that, roughness and metallic are in one texture. colors:
    whether there are the maps of SURFACE; as needed is where the materials of the original have them, and
    what they are mapped by did not come back. is_float: maps of 32 bits a channel; else 8. margin: pixels
    around the islands. device: what Cycles calls the kind of devices that compute, "NONE" = the CPU;
    device_ids: those of them that are used.
    """

    size: int = 2048
    directx: bool = False
    occlusion: bool = False
    orm: bool = False
    colors: Colors = "AS_NEEDED"
    is_float: bool = False
    margin: int = 16
    device: str = "NONE"
    device_ids: tuple[str, ...] = ()

    @property
    def most_maps(self) -> int:
        """How many maps there may be at once."""
        surface = 0 if self.colors == "NEVER" else len(SURFACE)
        return 1 + (self.occlusion or self.orm) + max(surface, 2 * self.orm)

    def memory(self, triangles: int) -> int:
        """Bytes of memory that baking takes, about, from an original of so many triangles."""
        each = 16 if self.is_float else 4
        return BASE_BYTES + self.size**2 * (PIXEL_BYTES + each * self.most_maps) + triangles * TRIANGLE_BYTES

    @property
    def disk(self) -> int:
        """Bytes that the maps take on the disk, at most."""
        return self.size**2 * (12 if self.is_float else 3) * self.most_maps

    def to_text(self) -> str:
        """The settings as a custom property keeps them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The settings that `to_text` wrote."""
        data = json.loads(text)
        return cls(**{**data, "device_ids": tuple(data["device_ids"])})


def is_bake(destination: Destination) -> TypeGuard[OptimizedMesh]:
    """Whether maps go there, and no mesh."""
    return isinstance(destination, OptimizedMesh) and destination.mode == BAKE


def unbaked(material: bpy.types.Material | None) -> bpy.types.Material | None:
    """The artist's material where `material` is a copy of it that has baked maps; else itself."""
    found = material.get(BAKED_FROM) if material is not None else None
    return None if found == "" else found or material


def forget_original(material: bpy.types.Material | None) -> None:
    """A material with baked maps stands for itself from now on."""
    if material is not None:
        material.pop(BAKED_FROM, None)
