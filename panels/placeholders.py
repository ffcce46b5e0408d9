# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the 3D views for models that are still being made: a wire box, a name and a progress bar.

All of it is drawn over the view by one handler, which is there only while something is to be drawn; nothing
of it is in the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import bpy
from mathutils import Matrix, Vector

from ..scene.place import boxes, place

LINE = (1.0, 1.0, 1.0, 0.6)
OUTLINE = (0.0, 0.0, 0.0, 0.5)  # below it, so that it is seen on a white background, too
LINE_WIDTH, OUTLINE_WIDTH = 1.3, 3.3  # pixels at scale 1
TEXT = (1.0, 1.0, 1.0, 0.95)
TROUGH = (0.0, 0.0, 0.0, 0.5)
BAR = (0.28, 0.55, 0.95, 1.0)
BAR_SIZE = (120.0, 5.0)  # pixels at scale 1
TEXT_SIZE = 12.0
NO_SIZE = 1.0
"""Blender units; how large a model is drawn whose size nobody knows yet."""

GRASPED = 8
"""So many places, those with the lowest numbers, have handles at once."""

CORNERS = [
    Vector((x, y, z)) for z in (0.0, 1.0) for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
]
EDGES = [(a, (a + 1) % 4) for a in range(4)]
EDGES += [(a + 4, b + 4) for a, b in EDGES] + [(a, a + 4) for a in range(4)]


Location = tuple[float, float, float]
"""World space, Blender units."""

Rectangle = tuple[float, float, float, float]
"""Left, bottom, right, top."""


class StandIn(NamedTuple):
    """One model to come.

    token: of its job; progress: 0..1; scene: session uid of the one it goes into, 0 = whichever is shown;
    movable: whether it can be moved by hand; the rest: see `settle`.
    """

    token: str
    text: str
    progress: float
    scene: int
    document: str
    box: str
    uid: int
    location: Location
    height: float
    movable: bool

    @classmethod
    def of(
        cls,
        token: str,
        text: str,
        progress: float,
        destination: place.Destination,
        movable: bool = True,
    ) -> StandIn:
        """What stands in for the model that goes there."""
        scene = place.scene_of(destination)
        return cls(
            token,
            text,
            progress,
            scene.session_uid if scene is not None else 0,
            destination.get("document", ""),
            destination.get("box", ""),
            destination.get("uid", 0),
            tuple(destination.get("location", (0.0, 0.0, 0.0))),
            destination.get("height", 0.0),
            movable and "box" not in destination,
        )

    def matrix(self) -> Matrix | None:
        """See `boxes.box_matrix`; None where the box is gone."""
        if not self.box:
            size = self.height or NO_SIZE
            return Matrix.Translation(self.location) @ Matrix.Scale(size, 4)
        box = boxes.box_of({"document": self.document, "box": self.box, "uid": self.uid})
        return None if box is None else boxes.box_matrix(box)


_given: tuple[StandIn, ...] = ()
_shown: tuple[StandIn, ...] = ()  # the same, but for those that were moved
_moved: dict[str, Location] = {}  # where by hand, as long as their destinations do not say so
_untold: set[str] = set()  # the jobs of those whose move is still to be told
_numbers: dict[str, int] = {}  # of the places without a box, by the jobs that go there
_handle: Any = None


def show(stand_ins: Sequence[StandIn]) -> None:
    """Draw these from now on, in all 3D views of their scenes."""
    global _given, _moved
    _given = tuple(stand_ins)
    _moved = {
        item.token: _moved[item.token]
        for item in _given
        if item.location != _moved.get(item.token, item.location)
    }
    _show([item._replace(location=_moved.get(item.token, item.location)) for item in _given])


def _show(stand_ins: Sequence[StandIn]) -> None:
    global _shown, _numbers, _handle
    if tuple(stand_ins) == _shown:
        return
    _shown = tuple(stand_ins)
    _numbers = _numbered(_shown, _numbers)
    if _shown and _handle is None and not bpy.app.background:
        _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")
    elif not _shown and _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def shown() -> tuple[StandIn, ...]:
    """What is drawn now."""
    return _shown


def _numbered(stand_ins: Sequence[StandIn], before: Mapping[str, int]) -> dict[str, int]:
    """A number for each place; it stays while one of its jobs goes there, since it may just be dragged."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for item in stand_ins:
        if item.movable:
            groups.setdefault((item.scene, item.location), []).append(item.token)
    numbers: dict[str, int] = {}
    new: list[list[str]] = []
    for tokens in groups.values():
        known = {before[token] for token in tokens if before.get(token, GRASPED) < GRASPED}
        known -= {*numbers.values()}
        if known:
            numbers |= dict.fromkeys(tokens, min(known))
        else:
            new.append(tokens)
    for tokens in new:
        free = next(number for number in count() if number not in numbers.values())
        numbers |= dict.fromkeys(tokens, free)
    return numbers


def places(scene: bpy.types.Scene) -> dict[int, tuple[Location, list[str]]]:
    """Where in the scene models are to come without a box, by number, with the jobs that are going there."""
    found: dict[int, tuple[Location, list[str]]] = {}
    for item in _shown:
        if item.movable and item.scene in (0, scene.session_uid):
            found.setdefault(_numbers[item.token], (item.location, []))[1].append(item.token)
    return found


def move(tokens: Sequence[str], location: Location) -> None:
    """Draw the models of these jobs there; see `take_moves`."""
    _moved.update(dict.fromkeys(tokens, location))
    _untold.update(tokens)
    show(_given)


def take_moves() -> dict[str, Location]:
    """Where models were moved since the last time, by their jobs, which are to be told."""
    moves = {token: _moved[token] for token in _untold if token in _moved}
    _untold.clear()
    return moves


def is_moved(token: str) -> bool:
    """Whether the destination of a job does not say yet where its model was moved."""
    return token in _moved


def _draw() -> None:
    context = bpy.context
    space: Any = context.space_data
    if not space.overlay.show_overlays:
        return
    region, view = context.region, context.region_data
    scale = context.preferences.system.ui_scale
    boxes: set[tuple[float, ...]] = set()  # the places that have one
    matrices: dict[StandIn, Matrix | None] = {}  # a box may consist of many parts, and several go there
    texts: list[Rectangle] = []
    for item in _shown:
        if item.scene and item.scene != context.scene.session_uid:
            continue
        where = item._replace(token="", text="", progress=0.0)
        if where not in matrices:
            matrices[where] = where.matrix()
        matrix = matrices[where]
        if matrix is None:
            continue
        place = (*matrix.translation,)
        points = [_projected(region, view, matrix @ corner) for corner in CORNERS]
        if place not in boxes:
            boxes.add(place)
            _draw_box(points, scale)
        top = _projected(region, view, matrix @ Vector((0.0, 0.0, 1.0)))
        if top is not None:
            top.y = max(point.y for point in points if point is not None)  # above all of the box
            texts.append(_draw_text(item, top, scale, texts))


def _projected(region: bpy.types.Region, view: bpy.types.RegionView3D, point: Vector) -> Vector | None:
    """Where a point is seen, pixels of the region; None behind the viewer."""
    seen = view.perspective_matrix @ point.to_4d()
    if seen.w <= 0.0:
        return None
    return Vector(
        ((seen.x / seen.w + 1.0) / 2.0 * region.width, (seen.y / seen.w + 1.0) / 2.0 * region.height)
    )


def _draw_box(points: Sequence[Vector | None], scale: float) -> None:
    lines = [(points[a], points[b]) for a, b in EDGES]
    ends = [(end.x, end.y) for a, b in lines if a is not None and b is not None for end in (a, b)]
    _draw_shape("LINES", ends, OUTLINE, OUTLINE_WIDTH * scale)
    _draw_shape("LINES", ends, LINE, LINE_WIDTH * scale)


def _draw_text(item: StandIn, at: Vector, scale: float, others: Sequence[Rectangle]) -> Rectangle:
    """Write the name and the bar above a point, and above `others` that are in the way; returns where."""
    import blf

    blf.size(0, TEXT_SIZE * scale)
    wide, _high = blf.dimensions(0, item.text)
    width, height = (side * scale for side in BAR_SIZE)
    half = max(wide, width) / 2
    where = above(
        others, (at.x - half, at.y + 8 * scale, at.x + half, at.y + height + (TEXT_SIZE + 14) * scale)
    )
    pad = 3 * scale
    _draw_rectangle(where[0] - pad, where[1] - pad, 2 * (half + pad), where[3] - where[1], TROUGH)
    left, bottom = at.x - width / 2, where[1]
    _draw_rectangle(left, bottom, width, height, TROUGH)
    if item.progress > 0.0:
        _draw_rectangle(left, bottom, width * min(item.progress, 1.0), height, BAR)
    blf.color(0, *TEXT)
    blf.position(0, at.x - wide / 2, bottom + height + 4 * scale, 0.0)
    blf.draw(0, item.text)
    return where


def above(others: Sequence[Rectangle], wanted: Rectangle) -> Rectangle:
    """`wanted`, as far up as it takes to be clear of `others`."""
    left, bottom, right, top = wanted
    for other in sorted(others, key=lambda other: other[1]):
        if left < other[2] and other[0] < right and bottom < other[3] and other[1] < top:
            bottom, top = other[3], top - bottom + other[3]
    return left, bottom, right, top


def _draw_rectangle(
    left: float, bottom: float, width: float, height: float, colour: tuple[float, ...]
) -> None:
    right, top = left + width, bottom + height
    _draw_shape(
        "TRIS",
        [(left, bottom), (right, bottom), (right, top), (left, bottom), (right, top), (left, top)],
        colour,
    )


def _draw_shape(
    kind: Any, points: Sequence[tuple[float, ...]], colour: tuple[float, ...], width: float = 0.0
) -> None:
    """`width`: of lines."""
    import gpu
    from gpu_extras.batch import batch_for_shader

    if not points:
        return
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR" if width else "UNIFORM_COLOR")
    batch = batch_for_shader(shader, kind, {"pos": [(*point, 0.0) for point in points]})
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("color", colour)
    if width:
        shader.uniform_float("lineWidth", width)
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def unregister() -> None:
    """Draw nothing any more."""
    show(())
