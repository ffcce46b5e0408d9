# SPDX-License-Identifier: GPL-3.0-or-later
"""A glazed owl of 398,080 triangles, carved by arithmetic: what the demo and the pictures make lighter.

The surface is a grid: columns run around the owl, rows from the middle of its foot to the top of its head.
`_carve` tells for each point of the grid how far the carving stands out and which color it has. Vertices and
texture are the same function, computed once for the mesh's grid and once for the pixels, so they fit exactly.

Meters; the owl stands on the ground at its origin, one meter high, and looks along -Y.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import bpy
import numpy as np

Grid = np.ndarray[Any, np.dtype[np.float32]]
"""Rows by columns of float32."""

OUTLINE = (
    (0.000, 0.00), (0.000, 0.27), (0.012, 0.292), (0.055, 0.292), (0.068, 0.275), (0.085, 0.255),
    (0.098, 0.215), (0.130, 0.205), (0.200, 0.255), (0.300, 0.300), (0.400, 0.305), (0.500, 0.280),
    (0.580, 0.245), (0.640, 0.232), (0.700, 0.250), (0.770, 0.262), (0.840, 0.245), (0.895, 0.200),
    (0.930, 0.130), (0.945, 0.060), (0.950, 0.00),
)  # fmt: skip
"""Height and radius from the middle of the foot to the top of the head."""

EYE = (0.100, 0.765)
"""Right of the middle, and above the ground."""

INK, CREAM, OCHRE, GOLD = (0.015, 0.02, 0.03), (0.86, 0.76, 0.55), (0.60, 0.33, 0.10), (0.80, 0.47, 0.09)
TEAL, PETROL, SKY, WALNUT = (0.03, 0.27, 0.29), (0.02, 0.12, 0.20), (0.16, 0.47, 0.48), (0.11, 0.055, 0.03)


def add_owl(name: str = "Owl", columns: int = 640, rows: int = 313, pixels: int = 2048) -> bpy.types.Object:
    """Put an owl into the scene of the context, at the origin, and return it.

    columns, rows: of the grid, which has 2 * columns * (rows - 2) triangles. pixels: of the texture's sides.
    """
    mesh = bpy.data.meshes.new(name)
    _build(mesh, columns, rows)
    mesh.materials.append(_glaze(name, pixels))
    owl = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(owl)
    return owl


def _build(mesh: bpy.types.Mesh, columns: int, rows: int) -> None:
    """Give the mesh vertices, quads with triangles at the poles, and UVs."""
    across = np.linspace(0.0, 1.0, columns, endpoint=False, dtype=np.float32)
    up = np.linspace(0.0, 1.0, rows, dtype=np.float32)
    points, _ = _surface(across, up)
    inner = points[1:-1].reshape(-1, 3)
    vertices = np.concatenate([points[0, :1], inner, points[-1, :1]])
    ring = np.arange(1, 1 + inner.shape[0]).reshape(rows - 2, columns)
    after = np.roll(ring, -1, axis=1)
    quads = np.stack([ring[:-1], after[:-1], after[1:], ring[1:]], axis=-1).reshape(-1, 4)
    foot = np.stack([np.zeros_like(ring[0]), after[0], ring[0]], axis=-1)
    top = np.stack([ring[-1], after[-1], np.full_like(ring[0], len(vertices) - 1)], axis=-1)
    corners = np.concatenate([foot.ravel(), quads.ravel(), top.ravel()]).astype(np.int32)
    sizes = np.repeat([3, 4, 3], [columns, len(quads), columns])
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    mesh.loops.add(len(corners))
    mesh.loops.foreach_set("vertex_index", corners)
    mesh.polygons.add(len(sizes))
    mesh.polygons.foreach_set("loop_start", np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32))
    mesh.update(calc_edges=True)
    layer = mesh.uv_layers.new(name="UVMap")
    layer.uv.foreach_set("vector", _uvs(columns, rows).astype(np.float32).ravel())
    mesh.shade_smooth()
    mesh.validate()


def _uvs(columns: int, rows: int) -> Any:
    """The UVs of all corners, in the order of `_build`."""
    left = np.arange(columns) / columns
    right, middle = left + 1 / columns, left + 0.5 / columns
    low, high = np.linspace(0.0, 1.0, rows)[[1, -2]]

    def corner(across: Any, up: Any) -> Any:
        return np.stack(np.broadcast_arrays(across, up), axis=-1)

    foot = np.stack([corner(middle, 0.0), corner(right, low), corner(left, low)], axis=1)
    top = np.stack([corner(left, high), corner(right, high), corner(middle, 1.0)], axis=1)
    ring = np.linspace(0.0, 1.0, rows)[1:-1, None]
    between = np.stack(
        [
            corner(left, ring[:-1]),
            corner(right, ring[:-1]),
            corner(right, ring[1:]),
            corner(left, ring[1:]),
        ],
        axis=2,
    )
    return np.concatenate([foot.reshape(-1, 2), between.reshape(-1, 2), top.reshape(-1, 2)])


def _glaze(name: str, pixels: int) -> bpy.types.Material:
    """A material with the owl's picture, packed."""
    middle = (np.arange(pixels, dtype=np.float32) + 0.5) / pixels
    _, color = _surface(middle, middle)
    image = _picture(f"{name} Color", color)
    material = bpy.data.materials.new(f"{name} Glaze")
    if material.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        material.use_nodes = True
    nodes = material.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    texture.location = (-300.0, 300.0)
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.32
    material.node_tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    return material


def _picture(name: str, color: Any) -> bpy.types.Image:
    """An image with these linear colors, packed as a JPEG: Blender itself would pack it as PNG, slowly."""
    side = len(color)
    pixels = np.ones((side, side, 4), dtype=np.float32)
    pixels[..., :3] = np.where(color < 0.0031308, 12.92 * color, 1.055 * color ** (1 / 2.4) - 0.055)
    drawn = bpy.data.images.new(name, side, side)
    drawn.pixels.foreach_set(pixels.ravel())
    with tempfile.TemporaryDirectory() as folder:
        drawn.file_format = "JPEG"
        drawn.filepath_raw = str(Path(folder, "color.jpg"))
        drawn.save()
        bpy.data.images.remove(drawn)
        image = bpy.data.images.load(str(Path(folder, "color.jpg")))
        image.name = name
        image.pack()
    image.filepath_raw = f"//{name}.jpg"
    return image


def _surface(across: Grid, up: Grid) -> tuple[Any, Any]:
    """Places (rows x columns x 3) and linear colors of the grid, given as parts of 1 around and along."""
    z, radius, lean, rise = (line[:, None].astype(np.float32) for line in _outline(up))
    angle = ((across - 0.5) * 2 * np.pi)[None, :].astype(np.float32)
    out, color = _carve(angle, z, radius)
    wide, deep = 1.0 + 0.08 * _bump(z, 0.78, 0.09), 1.0 - 0.12 * _step(z, 0.12, 0.3)
    reach = radius + out * rise
    x, y = reach * np.sin(angle) * wide, -reach * np.cos(angle) * deep
    height = z - out * lean + 0.115 * _ears(angle, z)
    return np.stack(np.broadcast_arrays(x, y, height), axis=-1), color


def _outline(up: Grid) -> tuple[Any, ...]:
    """Height, radius and the direction outward (its part down and its part to the side) along the outline."""
    height, radius = np.array(OUTLINE).T
    fine = np.linspace(0, len(height) - 1, 4000)
    height, radius = (np.interp(fine, np.arange(len(line)), line) for line in (height, radius))
    soft = np.exp(-(np.linspace(-2.5, 2.5, 181) ** 2))
    soft /= soft.sum()
    ends = (np.full(90, 0.0), np.full(90, 0.0))
    height = np.convolve(np.concatenate([ends[0], height, ends[1] + height[-1]]), soft, "valid")
    radius = np.convolve(np.concatenate([-radius[90:0:-1], radius, -radius[-2:-92:-1]]), soft, "valid")
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(height), np.diff(radius)))])
    at = up * walked[-1]
    slope = np.gradient(height, walked), np.gradient(radius, walked)
    rise, lean = (np.interp(at, walked, one) for one in slope)
    return np.interp(at, walked, height), np.maximum(np.interp(at, walked, radius), 0.0), lean, rise


def _ears(angle: Grid, z: Grid) -> Grid:
    """How much of a tuft is at each point: 1 at its tip."""
    return np.exp(-(((np.abs(angle) - 1.05) / 0.42) ** 2) - ((z - 0.885) / 0.035) ** 2) * _step(z, 0.8, 0.87)


def _carve(angle: Grid, z: Grid, radius: Grid) -> tuple[Grid, Any]:
    """How far the carving stands out, and its colors."""
    side, front = np.abs(angle), np.cos(angle)
    x = radius * np.sin(angle)
    shape = np.broadcast_shapes(angle.shape, z.shape)
    out = np.zeros(shape, dtype=np.float32)
    color = np.zeros((*shape, 3), dtype=np.float32)

    # Feathers all over, shorter on the head, long on the wings.
    small, small_tone = _feathers(angle, z, around=26, length=0.052)
    head, head_tone = _feathers(angle, z, around=44, length=0.026)
    long, long_tone = _feathers(angle, z + 0.035 * (side - 1.6), around=30, length=0.125)
    on_head = _step(z, 0.60, 0.66)
    wing_middle, wing_half = 1.75 + 0.55 * (0.46 - z), 0.68 * np.sqrt(np.clip((z - 0.15) * 2.6, 0.0, 1.0))
    from_wing = np.abs(side - wing_middle) - np.minimum(wing_half, 0.35 + (0.66 - z) * 6.0)
    on_wing = _step(-from_wing, -0.03, 0.06) * _step(z, 0.145, 0.19) * (1.0 - _step(z, 0.57, 0.61))
    feathers = small * (1.0 - on_head) + 0.55 * head * on_head
    out += 0.017 * (feathers * (1.0 - on_wing) + 1.15 * long * on_wing) + 0.030 * on_wing
    tone = np.where(on_wing > 0.5, long_tone, np.where(on_head > 0.5, head_tone, small_tone))
    relief = np.where(on_wing > 0.5, long, np.where(on_head > 0.5, head, small))

    chest = _step(front, 0.30, 0.62) * (1.0 - on_head) * (1.0 - on_wing)
    _mix(color, _tinted(tone, PETROL, TEAL, SKY), 1.0)
    _mix(color, _tinted(tone, OCHRE, CREAM, CREAM), chest)
    _mix(color, _tinted(tone, PETROL, PETROL, TEAL), on_wing)
    _mix(color, np.array(GOLD), on_wing * _step(relief, 0.83, 0.9) * 0.75)

    # The face: two discs with rays, rims and eyes, a beak, and brows that run into the ears.
    facing = _step(front, 0.25, 0.4)
    eye = np.hypot(np.abs(x) - EYE[0], z - EYE[1])
    around_eye = np.arctan2(z - EYE[1], np.abs(x) - EYE[0])
    disc = (1.0 - _step(eye, 0.108, 0.116)) * facing
    rays = np.cos(36 * around_eye) * _step(eye, 0.052, 0.07)
    out *= 1.0 - 0.9 * disc
    out += disc * (0.006 * rays - 0.016 * (1.0 - (eye / 0.112) ** 2))
    out += facing * (0.020 * _bump(eye, 0.113, 0.011) + 0.012 * _bump(eye, 0.055, 0.008))
    out += facing * 1.15 * np.sqrt(np.clip(0.048**2 - eye**2, 0.0, None))
    _mix(color, _tinted(0.5 + 0.5 * rays, OCHRE, CREAM, CREAM), disc)
    _mix(color, np.array(PETROL), facing * _bump(eye, 0.113, 0.012))
    _mix(color, np.array(INK), facing * (1.0 - _step(eye, 0.056, 0.060)))
    _mix(color, np.array(GOLD), facing * (1.0 - _step(eye, 0.045, 0.047)))
    _mix(
        color,
        np.array(OCHRE),
        facing * (1.0 - _step(eye, 0.043, 0.045)) * (0.5 + 0.5 * np.cos(30 * around_eye)),
    )
    _mix(color, np.array(INK), facing * (1.0 - _step(eye, 0.024, 0.026)))

    along = np.clip((z - 0.655) / 0.125, 0.0, 1.0)
    beak_half = 0.010 + 0.030 * np.sqrt(along)
    on_beak = np.clip(1.0 - np.abs(x) / beak_half, 0.0, 1.0) * _step(z, 0.655, 0.662) * facing
    beak = on_beak**0.8 * (1.0 - along) ** 0.5 * np.minimum(1.0, along * 3.0 + 0.55)
    out += 0.085 * beak * (1.0 - _step(z, 0.76, 0.79))
    _mix(color, _tinted(along, OCHRE, GOLD, GOLD), _step(on_beak, 0.02, 0.1) * (1.0 - _step(z, 0.765, 0.785)))

    run = np.clip((np.abs(x) - 0.005) / 0.20, 0.0, 1.0)
    from_brow = z - (0.790 + 0.125 * run)
    brow = (
        _bump(from_brow, 0.0, 0.020)
        * _step(np.abs(x), -0.01, 0.01)
        * (1.0 - _step(np.abs(x), 0.19, 0.23))
        * facing
    )
    out += 0.036 * brow + 0.004 * brow * np.cos(420 * (np.abs(x) + 0.5 * z))
    _mix(color, np.array(CREAM), _step(brow, 0.35, 0.6))

    # Tail, toes and plinth.
    out += (
        0.11 * np.exp(-(((np.pi - side) / 0.42) ** 2)) * _step(z, 0.09, 0.12) * (1.0 - _step(z, 0.14, 0.36))
    )
    for toe in (0.06, 0.115, 0.17):
        from_toe = np.abs(np.abs(x) - toe) / 0.022
        on_toe = np.clip(1.0 - from_toe**2, 0.0, None) * _step(front, 0.2, 0.4)
        foot = on_toe * _step(z, 0.088, 0.096) * (1.0 - _step(z, 0.135, 0.165))
        out += 0.075 * np.sqrt(foot)
        _mix(color, np.array(GOLD), _step(foot, 0.05, 0.25))
    plinth = 1.0 - _step(z, 0.082, 0.09)
    bands = np.cos(48 * angle) * _step(z, 0.018, 0.022) * (1.0 - _step(z, 0.046, 0.05))
    grain = _noise(angle, z)
    out = np.where(plinth > 0.5, 0.007 * bands * _step(radius, 0.2, 0.27), out) + 0.0016 * grain
    _mix(color, _tinted(0.5 + 0.5 * grain, WALNUT, WALNUT, OCHRE), plinth)
    _mix(color, np.array(GOLD), plinth * _step(bands, 0.3, 0.6))

    # Glaze is thin on what stands out, and gathers in what lies deep.
    shade = np.where(disc > 0.5, 0.85 + 0.15 * rays, 0.50 + 0.62 * np.clip(relief, 0.0, 1.0))
    plain = np.maximum(plinth, facing * (1.0 - _step(eye, 0.056, 0.06)))
    color *= (1.0 + (shade - 1.0) * (1.0 - plain) + 0.10 * grain)[..., None]
    return out.astype(np.float32), np.clip(color, 0.0, 1.0)


def _feathers(angle: Grid, z: Grid, around: int, length: float) -> tuple[Grid, Grid]:
    """Overlapping feathers, each 0 to 1: how high it stands, most at its tip, and a tone of its own."""
    down, across = (1.2 - z) / length, (angle / (2 * np.pi) + 0.5) * around
    row = np.floor(down)
    for _ in range(2):  # the upper of two lies on top; what its tip leaves free shows the lower
        shift = 0.5 * (row % 2)
        number = np.floor(across + shift)
        aside = across + shift - number - 0.5
        to_tip = row + 1.0 - 2.4 * aside**2 - down
        row = np.where(to_tip < 0.0, row + 1.0, row)
    rim = _step(to_tip, 0.0, 0.10)
    height = rim * np.exp(-0.95 * to_tip)
    shaft = np.exp(-((aside / 0.035) ** 2)) * _step(to_tip, 0.10, 0.2)
    barbs = np.cos(2 * np.pi * (7.0 * down + 9.0 * np.abs(aside))) * rim
    tone = np.sin(12.9898 * (number % around) + 78.233 * row) * 43758.547
    return height + 0.10 * shaft + 0.045 * barbs, (tone - np.floor(tone)).astype(np.float32)


def _noise(angle: Grid, z: Grid) -> Grid:
    """Unevenness that closes around the owl, about -1 to 1."""
    waves = ((3, 9.0, 0.3), (7, 31.0, 1.7), (13, 57.0, 4.1), (29, 90.0, 2.2), (47, 210.0, 0.9))
    total = np.zeros(np.broadcast_shapes(angle.shape, z.shape), dtype=np.float32)
    for number, (around, up, phase) in enumerate(waves):
        bend = 1.4 * np.sin((number + 2) * angle + 23 * z + phase)
        total += np.sin(around * angle + up * z + bend + phase) / (1.6 + 0.4 * number)
    return total / 1.8


def _tinted(tone: Any, *colors: tuple[float, float, float]) -> Any:
    """The color between the given ones at each tone, 0 to 1."""
    stops = np.linspace(0.0, 1.0, len(colors))
    return np.stack([np.interp(tone, stops, channel) for channel in np.array(colors).T], axis=-1)


def _mix(color: Any, other: Any, part: Any) -> None:
    """Paint `other` over `color`, as thick as `part` says, 0 to 1."""
    color += (other - color) * np.asarray(part)[..., None]


def _step(value: Any, low: float, high: float) -> Any:
    """0 below `low`, 1 above `high`, smooth between."""
    part = np.clip((value - low) / (high - low), 0.0, 1.0)
    return part * part * (3.0 - 2.0 * part)


def _bump(value: Any, middle: float, width: float) -> Any:
    """1 at `middle`, and next to nothing two widths away."""
    return np.exp(-(((value - middle) / width) ** 2))
