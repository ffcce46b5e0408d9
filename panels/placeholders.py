# SPDX-License-Identifier: GPL-3.0-or-later
"""Placeholders of models that are still being made: a wire box, a name and a progress bar.

All of it is drawn over the view by one handler, which is there only while something is to be drawn; nothing
of it is in the file.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple

import bpy
from mathutils import Matrix, Vector

from ..core.destination import DatablockRef, Location, NewModel
from ..core.messages import Message
from ..i18n import translated
from ..jobs import Job
from ..scene.place import boxes
from ..scene.place.destination import scene_of
from ..session.session import News, Session, redraw
from .progress import Progress

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

MOST_LABELS = 4
"""Labels at one place; of the others there it says how many they are."""

GRASPED = 8
"""So many places, those with the lowest numbers, have handles at once."""

CORNERS = [
    Vector((x, y, z)) for z in (0.0, 1.0) for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
]
EDGES = [(a, (a + 1) % 4) for a in range(4)]
EDGES += [(a + 4, b + 4) for a, b in EDGES] + [(a, a + 4) for a in range(4)]


Rectangle = tuple[float, float, float, float]
"""Left, bottom, right, top."""


class Placeholder(NamedTuple):
    """One model to come.

    token: of its job; progress: 0..1; scene: session uid of the one it goes into, 0 = whichever is shown;
    movable: whether it can be moved by hand; the rest: see `destination`.
    """

    token: str
    text: str
    progress: float
    scene: int
    box: DatablockRef | None
    location: Location
    height: float
    movable: bool

    @classmethod
    def of(
        cls,
        token: str,
        text: str,
        progress: float,
        destination: NewModel,
        movable: bool = True,
    ) -> Placeholder:
        """The placeholder of the model that goes to the localized `destination`."""
        scene = scene_of(destination)
        return cls(
            token,
            text,
            progress,
            scene.session_uid if scene is not None else 0,
            destination.box,
            destination.location,
            destination.height,
            movable and destination.box is None,
        )

    def matrix(self) -> Matrix | None:
        """See `boxes.box_matrix`; None where the box is gone."""
        if self.box is None:
            size = self.height or NO_SIZE
            return Matrix.Translation(self.location) @ Matrix.Scale(size, 4)
        box = boxes.box_of(self.box)
        return None if box is None else boxes.box_matrix(box)


class Placeholders:
    """Draws the models that are still being made for the open file, in all 3D views of their scenes.

    shown: those that are drawn now.
    """

    def __init__(self) -> None:
        self.shown: tuple[Placeholder, ...] = ()
        self._numbers: dict[str, int] = {}  # of the places without a box, by the jobs that go there
        self._handle: Any = None

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """See `Observer`."""
        if not news.is_due:
            return
        coming = [job for token in news.arriving if (job := news.engine.job(token)) is not None]
        jobs = sorted([*news.unfinished, *coming], key=lambda job: job.created_at)  # as they are numbered
        session.placement.dragged.forget(but=[job.token for job in jobs])
        now, progress = time.time(), session.part(Progress)
        self._show(
            context,
            [
                Placeholder.of(
                    job.token,
                    job.request.name,
                    round(progress.of(job, news.engine, now), 2),
                    _destination(job, where, session),
                    movable=job.finished or news.engine.owns(job.token),
                )
                for job in jobs
                if session.document.belongs_here(where := job.request.destination)
                and isinstance(where, NewModel)
            ],
        )

    def reset(self) -> None:
        """What belongs into the next file is shown by the next update."""

    def close(self) -> None:
        """Draw nothing any more."""
        self._show(bpy.context, [])

    def _show(self, context: bpy.types.Context, placeholders: Sequence[Placeholder]) -> None:
        if tuple(placeholders) == self.shown:
            return
        self.shown = tuple(placeholders)
        self._numbers = _numbered(self.shown, self._numbers)
        if self.shown and self._handle is None and not bpy.app.background:
            self._handle = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        elif not self.shown and self._handle is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
            self._handle = None
        redraw(context, ("VIEW_3D",))

    def places(self, scene: bpy.types.Scene) -> dict[int, tuple[Location, list[str]]]:
        """Where in the scene models are to come without a box, by number, with the jobs that go there."""
        found: dict[int, tuple[Location, list[str]]] = {}
        for item in self.shown:
            if item.movable and item.scene in (0, scene.session_uid):
                found.setdefault(self._numbers[item.token], (item.location, []))[1].append(item.token)
        return found

    def move(self, session: Session, tokens: Sequence[str], location: Location) -> None:
        """Draw the models of these jobs there, where the user drags them."""
        session.placement.dragged.move(tokens, location)
        moved = [item._replace(location=location) if item.token in tokens else item for item in self.shown]
        self._show(bpy.context, moved)

    def _draw(self) -> None:
        context = bpy.context
        space: Any = context.space_data
        if not space.overlay.show_overlays:
            return
        region, view = context.region, context.region_data
        scale = context.preferences.system.ui_scale
        at_place: Counter[tuple[float, ...]] = Counter()  # how many come to each
        matrices: dict[
            Placeholder, Matrix | None
        ] = {}  # a box may consist of many parts, and several go there
        texts: list[Rectangle] = []
        tops: dict[tuple[float, ...], Vector] = {}
        for item in self.shown:
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
            if not at_place[place]:
                _draw_box(points, scale)
            at_place[place] += 1
            top = _projected(region, view, matrix @ Vector((0.0, 0.0, 1.0)))
            if top is None:
                continue
            top.y = max(point.y for point in points if point is not None)  # above all of the box
            if at_place[place] <= MOST_LABELS:
                texts += _draw_label(item.text, item.progress, top, scale, texts, region.height)
            tops[place] = top
        for place, models in at_place.items():
            if models > MOST_LABELS and place in tops:
                more = translated(Message("and {count:,} more", count=models - MOST_LABELS))
                texts += _draw_label(more, None, tops[place], scale, texts, region.height)


def _destination(job: Job, destination: NewModel, session: Session) -> NewModel:
    """Where the model of a job goes, also where the user has just dragged it."""
    moved = session.placement.dragged.location_of(job)
    where = session.document.localized(destination)
    return where if moved is None else replace(where, location=moved)


def _numbered(placeholders: Sequence[Placeholder], before: Mapping[str, int]) -> dict[str, int]:
    """A number for each place; it stays while one of its jobs goes there, since it may just be dragged."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for item in placeholders:
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


def _draw_label(
    text: str, progress: float | None, at: Vector, scale: float, others: Sequence[Rectangle], height: float
) -> list[Rectangle]:
    """Write a text and a bar (None: no bar) above a point, and above `others` that are in the way.

    height: of the region; what would be outside is not written. Returns where the label is, if it is.
    """
    import blf

    blf.size(0, TEXT_SIZE * scale)
    wide, _high = blf.dimensions(0, text)
    bar_width, bar_height = (side * scale for side in BAR_SIZE)
    half = max(wide, bar_width) / 2
    tall = bar_height + (TEXT_SIZE + 6) * scale
    bottom = at.y + 8 * scale
    where = above(others, (at.x - half, bottom, at.x + half, bottom + tall))
    if others and where[3] > height:
        return []
    pad = 3 * scale
    _draw_rectangle(where[0] - pad, where[1] - pad, 2 * (half + pad), where[3] - where[1], TROUGH)
    left, bottom = at.x - bar_width / 2, where[1]
    if progress is not None:
        _draw_rectangle(left, bottom, bar_width, bar_height, TROUGH)
    if progress:
        _draw_rectangle(left, bottom, bar_width * min(progress, 1.0), bar_height, BAR)
    blf.color(0, *TEXT)
    blf.position(0, at.x - wide / 2, bottom + bar_height + 4 * scale, 0.0)
    blf.draw(0, text)
    return [where]


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
