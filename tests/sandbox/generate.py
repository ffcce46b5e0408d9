"""Honest stand-ins for the two generators: nothing here understands a prompt or a picture.

A prompt becomes a smooth turned solid whose profile, cross-section, twist, colours and pattern are drawn from
the hash of prompt and seed (colour words are taken at their word). An image becomes a standing relief that
carries it, raised where it is bright. The same words or pixels, seed and quality give the same bytes.
Sizes are in metres, about 1 m high, base on the ground at the origin, Y up.
"""

import colorsys
import hashlib
import io
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFilter, ImageOps

from . import glb

GREY = glb.Material(name="Untextured", base_color=(0.5, 0.5, 0.5, 1.0), roughness=0.6)
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")

_COLOUR_WORDS = {
    "red": 0.0, "copper": 0.05, "wood": 0.07, "leather": 0.06, "orange": 0.08, "brass": 0.12, "gold": 0.13,
    "yellow": 0.15, "green": 0.33, "plant": 0.3, "teal": 0.48, "sky": 0.55, "blue": 0.6, "purple": 0.77,
    "pink": 0.92,
}  # fmt: skip
_METAL_WORDS = ("metal", "brass", "gold", "copper", "steel", "iron", "silver", "chrome")


@dataclass(frozen=True)
class _Quality:
    columns: int  # around the solid
    rows: int  # from its base to its top
    pixels: int  # edge of a generated texture

    @property
    def triangles(self) -> int:
        return 2 * self.columns * (self.rows - 2)  # the two poles are single points


_QUALITIES = {
    "low": _Quality(columns=64, rows=41, pixels=512),
    "high": _Quality(columns=200, rows=127, pixels=1024),
}


_Grid = NDArray[np.floating]
_Part = tuple[_Grid, _Grid, _Grid, NDArray[np.integer]]  # positions, normals, UVs, triangles


def from_prompt(prompt: str, *, quality: str, seed: int, texture: bool) -> bytes:
    """Make a GLB that stands for `prompt`, of about 5,000 ("low") or 50,000 triangles ("high")."""
    detail = _QUALITIES[quality]
    draw = _dice("prompt", prompt.encode(), seed)
    positions, uvs = _turned_solid(draw, detail)
    triangles = _without_slivers(positions, _grid_triangles(detail.rows, detail.columns + 1))
    mesh = glb.Mesh(
        positions.reshape(-1, 3),
        _grid_normals(positions).reshape(-1, 3),
        uvs.reshape(-1, 2),
        triangles,
        name="Stand-in",
        material=0,
    )
    material = _patterned(draw, prompt.lower(), detail.pixels) if texture else GREY
    return glb.build([mesh], [material], [glb.Node("Stand-in", mesh=0)])


def from_image(data: bytes, *, quality: str, seed: int, texture: bool) -> bytes:
    """Make a GLB that carries the image in the file `data`; ValueError when that is no readable one."""
    picture, file = _open_image(data)
    draw = _dice("image", hashlib.sha256(data).digest(), seed)
    mesh = _relief(draw, picture, _QUALITIES[quality].triangles)
    material = glb.Material("Picture", roughness=0.55, base_color_image=file) if texture else GREY
    return glb.build([mesh], [material], [glb.Node("Stand-in", mesh=0)])


def _dice(kind: str, content: bytes, seed: int) -> random.Random:
    """Make what every choice is drawn from; -1 asks for a seed that nobody will know."""
    if seed == -1:
        return random.Random()
    return random.Random(hashlib.sha256(f"{kind}:{seed}:".encode() + content).digest())


# The turned solid: a grid of rows (base to top) and columns (around). The last column lies on the first, so
# that the texture can close.


def _turned_solid(draw: random.Random, detail: _Quality) -> tuple[_Grid, _Grid]:
    """Return positions and UVs as grids of rows x (columns + 1)."""
    radius, height = _profile(draw, detail.rows)
    around = np.linspace(0.0, 2 * np.pi, detail.columns + 1)[None, :]
    lobes = draw.choice((0, 3, 4, 5, 6, 8, 12))
    depth = draw.uniform(0.1, 0.24) / max(1.0, lobes / 5)
    twist = draw.choice((0.0, 0.0, 1.0, -1.0)) * draw.uniform(0.4, 1.6)
    reach = radius * (1.0 + depth * np.cos(lobes * (around + twist * height)) * np.sin(np.pi * height))
    positions = np.stack(np.broadcast_arrays(reach * np.sin(around), height, reach * np.cos(around)), axis=-1)
    positions[:, -1] = positions[:, 0]
    down = np.linspace(1.0, 0.0, detail.rows)[:, None]
    return positions, np.stack(np.broadcast_arrays(around / (2 * np.pi), down), axis=-1)


def _profile(draw: random.Random, rows: int) -> tuple[_Grid, _Grid]:
    """Find radius and height of each row, evenly spaced along the outline, each as a column."""
    along = np.linspace(0.0, np.pi, 4001)
    cosine, sine = np.cos(along), np.sin(along).clip(0.0)
    # A superellipse closes the outline at both ends: nearly flat at the foot, rounder at the top.
    closing = np.where(cosine > 0.0, 2 / draw.uniform(7.0, 12.0), 2 / draw.uniform(2.2, 6.0))
    height = (1.0 - np.sign(cosine) * np.abs(cosine) ** closing) / 2
    radius = sine**closing
    for wave in range(1, 5):
        swing = draw.uniform(0.15, 0.42) / wave**0.6
        radius = radius * (1.0 + swing * np.cos(wave * np.pi * height + draw.uniform(0.0, 2 * np.pi)))
    radius *= draw.uniform(0.3, 0.42) / radius.max()
    radius[[0, -1]] = 0.0  # not quite, in floating point
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(radius), np.diff(height)))])
    steps = np.linspace(0.0, walked[-1], rows)
    return np.interp(steps, walked, radius)[:, None], np.interp(steps, walked, height)[:, None]


def _grid_normals(positions: _Grid) -> _Grid:
    """Find the outward normals of a closed grid, smooth over the seam; the poles look down and up."""
    ring = positions[:, :-1]
    around = np.roll(ring, -1, axis=1) - np.roll(ring, 1, axis=1)
    normals = _unit(np.cross(around, np.gradient(ring, axis=0)))
    normals[0], normals[-1] = (0.0, -1.0, 0.0), (0.0, 1.0, 0.0)
    return np.concatenate([normals, normals[:, :1]], axis=1)


def _grid_triangles(rows: int, columns: int) -> NDArray[np.integer]:
    """Triangulate a grid of points whose columns run right and whose rows run up, seen from outside."""
    corner = np.arange(rows * columns).reshape(rows, columns)
    here, right = corner[:-1, :-1], corner[:-1, 1:]
    above, across = corner[1:, :-1], corner[1:, 1:]
    lower = np.stack([here, right, across], axis=-1)
    upper = np.stack([here, across, above], axis=-1)
    return np.stack([lower, upper], axis=2).reshape(-1, 3)


def _without_slivers(positions: _Grid, triangles: NDArray[np.integer]) -> NDArray[np.integer]:
    """Leave out triangles with two corners in one place, which is what the rows at the poles have."""
    corner = positions.reshape(-1, 3)[triangles]
    edges = np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=-1)
    return triangles[edges.min(axis=1) > 1e-7]


def _unit(vectors: _Grid) -> _Grid:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)


def _patterned(draw: random.Random, words: str, pixels: int) -> glb.Material:
    """Make a material: its pattern follows the dice, its colours the colour words, or else the dice."""
    named = [hue for word, hue in _COLOUR_WORDS.items() if word in words]
    metal = any(word in words for word in _METAL_WORDS)
    hue = named[0] if named else draw.random()
    light = colorsys.hsv_to_rgb(hue, draw.uniform(0.25, 0.5), draw.uniform(0.85, 0.95))
    main = colorsys.hsv_to_rgb(hue, draw.uniform(0.55, 0.8), draw.uniform(0.6, 0.85))
    accent_hue = hue + draw.choice((0.03, -0.04, 0.08)) if named else hue + draw.choice((0.08, 0.33, 0.5))
    accent = colorsys.hsv_to_rgb(accent_hue % 1.0, draw.uniform(0.5, 0.8), draw.uniform(0.3, 0.55))

    across = np.linspace(0.0, 2 * np.pi, pixels, endpoint=False, dtype=np.float32)[None, :]
    down = across.T
    warp = sum(
        draw.uniform(0.2, 0.8)
        * np.sin(draw.randint(1, 4) * across + draw.randint(1, 5) * down + draw.uniform(0, 6))
        for _ in range(4)
    )
    stripes = np.sin(draw.randint(0, 3) * across + draw.randint(5, 14) * down + warp * draw.uniform(0.5, 2.2))
    bands = 0.5 + 0.5 * np.tanh(draw.uniform(1.0, 4.0) * stripes)
    veins = np.exp(-((np.sin(warp * 2.0 + down * draw.randint(1, 3)) / draw.uniform(0.12, 0.3)) ** 2))

    main, light, accent = (np.array(one, dtype=np.float32) for one in (main, light, accent))
    colour = np.multiply.outer(bands, main) + np.multiply.outer(1.0 - bands, light)
    colour += 0.6 * veins[..., None] * (accent - colour)
    rough = 0.25 + 0.3 * bands + 0.2 * veins if metal else 0.4 + 0.35 * bands
    shine = np.full_like(rough, 0.9 if metal else 0.0)
    surface = np.stack([np.zeros_like(rough), rough, shine], axis=-1)  # glTF: G is roughness, B is metallic
    return glb.Material(
        "Patterned",
        metallic=1.0,
        base_color_image=_png(Image.fromarray(_bytes(colour))),
        metallic_roughness_image=_png(Image.fromarray(_bytes(surface))),
    )


def _bytes(values: _Grid) -> NDArray[np.uint8]:
    return (values * 255.0 + 0.5).clip(0, 255).astype(np.uint8)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


# The relief


def _open_image(data: bytes) -> tuple[Image.Image, bytes]:
    """Return the picture, upright, and an opaque PNG or JPEG file of it: `data` where that will do."""
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as file:
            file.load()
            upright = ImageOps.exif_transpose(file)
            as_it_is = (
                file.format in ("PNG", "JPEG") and file.getexif().get(ExifTags.Base.Orientation, 1) == 1
            )
    except Exception as error:  # Pillow's plugins raise what they like on hostile files
        raise ValueError("the input is not a readable image") from error
    if as_it_is and upright.mode in ("RGB", "L") and not upright.has_transparency_data:
        return upright, data
    opaque = upright
    if upright.has_transparency_data:
        backdrop = Image.new("RGBA", upright.size, (205, 205, 205, 255))
        opaque = Image.alpha_composite(backdrop, upright.convert("RGBA"))
    return upright, _png(opaque.convert("RGB"))


def _relief(draw: random.Random, picture: Image.Image, budget: int) -> glb.Mesh:
    """Make a standing plaque of about `budget` triangles: a raised front, a flat back, walls between."""
    longest = max(picture.size)
    width, height = (max(side / longest, 0.02) for side in picture.size)
    step = (width * height / (budget * 0.47)) ** 0.5
    columns, rows = (max(2, round(side / step)) + 1 for side in (width, height))

    def sampled(channel: Image.Image) -> _Grid:
        small = channel.resize((columns, rows), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.8))
        return np.asarray(small, dtype=float)[::-1] / 255.0  # the base's row first

    light = sampled(picture.convert("RGB").convert("L"))
    if picture.has_transparency_data:  # what is cut out stands off the backdrop
        light = (0.5 + 0.5 * light) * sampled(picture.convert("RGBA").getchannel("A"))
    across, up = np.meshgrid(np.linspace(0.0, 1.0, columns), np.linspace(0.0, 1.0, rows))
    swell = draw.uniform(0.02, 0.09) * np.sin(np.pi * across) * np.sin(np.pi * up)
    depth = 0.03 + draw.uniform(0.06, 0.16) * light + swell

    def sheet(z: _Grid) -> _Grid:
        return np.stack([(across - 0.5) * width, up * height, z], axis=-1)

    front, back = sheet(depth), sheet(np.zeros_like(depth))
    uvs = np.stack([across, 1.0 - up], axis=-1)
    slope = np.cross(np.gradient(front, axis=1), np.gradient(front, axis=0))
    parts: list[_Part] = [(front, _unit(slope), uvs, _grid_triangles(rows, columns))]
    sides = np.s_[0, :], np.s_[:, -1], np.s_[-1, ::-1], np.s_[::-1, 0]  # counter-clockwise round the rim
    for side in sides:
        wall = np.stack([back[side], front[side]])
        along = wall[0, -1] - wall[0, 0]
        outward = np.broadcast_to(_unit(np.cross(along, (0.0, 0.0, 1.0))), wall.shape)
        parts.append((wall, outward, np.stack([uvs[side]] * 2), _grid_triangles(2, wall.shape[1])))
    rim = np.concatenate([back[0, :-1], back[:-1, -1], back[-1, :0:-1], back[:0:-1, 0]])
    rim_uvs = np.concatenate([uvs[0, :-1], uvs[:-1, -1], uvs[-1, :0:-1], uvs[:0:-1, 0]])
    parts.append(_fan(rim, rim_uvs))
    return _joined(parts)


def _fan(rim: _Grid, uvs: _Grid) -> _Part:
    """Make the flat back from its middle to its rim, which runs clockwise when seen from behind."""
    points = np.concatenate([rim, rim.mean(axis=0, keepdims=True)])
    points[-1, :2] = (0.0, rim[:, 1].max() / 2)
    uvs = np.concatenate([uvs, [[0.5, 0.5]]])
    first = np.arange(len(rim))
    triangles = np.stack([np.roll(first, -1), first, np.full_like(first, len(rim))], axis=-1)
    return points, np.broadcast_to((0.0, 0.0, -1.0), points.shape), uvs, triangles


def _joined(parts: list[_Part]) -> glb.Mesh:
    starts = np.cumsum([0, *(part[0].size // 3 for part in parts)])
    return glb.Mesh(
        positions=np.concatenate([part[0].reshape(-1, 3) for part in parts]),
        normals=np.concatenate([part[1].reshape(-1, 3) for part in parts]),
        uvs=np.concatenate([part[2].reshape(-1, 2) for part in parts]),
        triangles=np.concatenate([part[3] + start for part, start in zip(parts, starts, strict=False)]),
        name="Stand-in",
        material=0,
    )
