# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels say of the selection, found out bit by bit, since a drawing must not take long.

Each drawing does a small share of the work, which usually is all of it. Where thousands of objects are
selected, or in the file, a timer does the rest, and has the panels drawn anew if that tells more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import bpy

from ..core.messages import Message
from ..scene import replace_mesh, versions
from ..scene.export.dependents import Dependents
from ..scene.export.losses import Losses
from ..scene.export.selection import Selection, Target, shapes_of
from ..scene.export.whole_model import Parts
from ..scene.meshes import triangle_count
from ..scene.modifiers import applicable
from ..scene.origins import MeshDigests, Owners
from ..session import current, is_running
from ..session.options import carried
from ..session.properties import properties
from ..session.session import redraw

SHARE = 250
"""How much is done in a drawing, and in a tick; one is what it costs to look at an object of the file."""

PIECE = 256
"""Objects of the file that are taken at once."""

CHECK_COST = 15
"""What it costs to look at a selected object, on the same scale."""

TICK_SECONDS = 0.005

MOST_VIEWS = 16
"""Views for which a survey is remembered; they come and go."""


class Wish(NamedTuple):
    """What is chosen in the panel; the fields of `Choice` of the same names."""

    goal: Target
    apply: bool
    carry: tuple[str, ...]
    replaces: bool

    @classmethod
    def of(cls, context: bpy.types.Context) -> Wish:
        """What is chosen now."""
        panel = properties(context)
        goal = Target(panel.target, panel.polygon_count, panel.percent)
        replaces = panel.placement == replace_mesh.REPLACE.upper()
        return cls(goal, panel.modifier_mode == "APPLY", tuple(carried(panel)), replaces)


class Survey(NamedTuple):
    """What there is to say of the selection.

    name: of the object, where it is one. triangles: of all `meshes`; first: how many there were before they
    were ever optimized; result: how many there will be. applied: whether modifiers will change these figures.
    refused: names, each with the reason. kinds: see `unsent`. parts: of the whole models, if not all are
    selected. reports: of what has been optimized; versions: how many can be toggled; after: how many of those
    show the optimized mesh. outdated: the names of those of which something was made of what has been edited
    since.
    """

    name: str = ""
    objects: int = 0
    meshes: int = 0
    triangles: int = 0
    first: int = 0
    result: int = 0
    applied: bool = False
    modifiers: bool = False
    refused: tuple[tuple[str, Message], ...] = ()
    convertible: bool = False
    kinds: frozenset[Message] = frozenset()
    losses: tuple[Message, ...] = ()
    parts: int = 0
    reports: tuple[Any, ...] = ()
    versions: int = 0
    after: int = 0
    outdated: tuple[str, ...] = ()


class _View:
    """Makes surveys of the selection in one view, one after the other.

    known: the last one. outdated: whether what was drawn may say less by now, or something else. fresh:
    whether the sidebar is being drawn, and `known` is for all of its panels.
    """

    def __init__(self) -> None:
        self.known = Survey()
        self.outdated = self.fresh = False
        self._dependents, self._parts, self._owners = Dependents(), Parts(), Owners()
        self._of_selection: Iterator[int] = iter(())
        self._of_file: Iterator[int] = iter(())
        self.is_at_work = False

    def begin(self, context: bpy.types.Context) -> None:
        """Look anew."""
        self._of_file = self._check_all()
        self._of_selection = self._survey(context.selected_objects, Wish.of(context), _is_at_rest(context))
        self.is_at_work = True

    def go_on(self) -> None:
        """Do a share of the work. The file goes first: the survey tells of that, too."""
        through = _advance(self._of_file, SHARE // 2)
        self.is_at_work = not _advance(self._of_selection, SHARE // 2) or not through

    def _check_all(self) -> Iterator[int]:
        """Look at the objects of the file, and yield what each costs."""
        dependents, parts, owners = Dependents(), Parts(), Owners()
        start = 0
        # The list is taken in pieces, since it may change between them.
        while piece := bpy.data.objects[start : start + PIECE]:
            for item in piece:
                dependents.add(item)
                parts.add(item)
                owners.add(item)
                yield 1
            start += PIECE
        if (dependents, parts, owners) != (self._dependents, self._parts, self._owners):
            self.outdated = True
        self._dependents, self._parts, self._owners = dependents, parts, owners

    def _survey(self, selected: Sequence[bpy.types.Object], wish: Wish, is_at_rest: bool) -> Iterator[int]:
        """Look at the selected objects, and yield what each costs.

        is_at_rest: whether it may be looked at whether originals were edited; else what was known of that.
        """
        digests = current().part(MeshDigests)
        outdated: list[str] = []
        selection, losses = Selection(), Losses(wish.carry, wish.apply)
        reports: dict[Any, Any] = {}
        changeable: dict[Any, bool] = {}
        for item in selected:
            selection.add(item)
            if versions.with_reports([item]) and item.data not in reports:
                reports[item.data] = versions.report_of(item)
            if versions.with_versions([item]):
                changeable[item.data, versions.hidden_mesh(item)] = versions.shows_after(item)
            if is_at_rest and (yield from digests.outdated(item, self._owners)):
                outdated.append(item.name)
            yield CHECK_COST
        figures: list[tuple[int, int]] = []
        applied = modifiers = False
        for mesh, items in selection.groups.items():
            figures.append((triangle_count(mesh), versions.first_count(items[0])))
            for item in items:
                losses.add(item, shapes_of(item, mesh, wish.apply))
                modifiers = modifiers or len(item.modifiers) > 0
                applied = applied or (wish.apply and len(applicable(item)) > 0)
                yield CHECK_COST
        total = sum(present for present, _ in figures)
        loosened = selection.loosened(self._dependents, wish.apply) if wish.replaces else []
        parts = self._parts.of(selected)
        several = sum(map(len, selection.groups.values())) > 1
        known = Survey(
            name="" if several or not selection.groups else selection.objects[0].name,
            objects=sum(map(len, selection.groups.values())),
            meshes=len(figures),
            triangles=total,
            first=sum(first for _, first in figures),
            result=sum(wish.goal.of(present, first, total) for present, first in figures),
            applied=applied,
            modifiers=modifiers,
            refused=tuple((item.name, reason) for item, reason in selection.refused),
            convertible=bool(selection.convertible),
            kinds=frozenset(losses.kinds),
            losses=(*losses.lines(), *loosened),
            parts=len(parts) if parts - {item.session_uid for item in selected} else 0,
            reports=tuple(reports.values()),
            versions=len(changeable),
            after=sum(changeable.values()),
            outdated=tuple(outdated) if is_at_rest else self.known.outdated,
        )
        self.outdated = self.outdated or known != self.known
        self.known = known


def _is_at_rest(context: bpy.types.Context) -> bool:
    """Whether nothing is being edited or played, which changes meshes all the time."""
    return context.mode == "OBJECT" and not context.screen.is_animation_playing


def _advance(work: Iterator[int], share: int) -> bool:
    """Do work that costs so much; returns whether it is over."""
    try:
        while share > 0:
            share -= next(work)
    except (StopIteration, ReferenceError):  # the latter: what was to be looked at is gone
        return True
    return False


class SelectionReport:
    """Surveys of the selection, one for each view. `drawn`, `latest` and `known` are for `context`'s view."""

    def __init__(self) -> None:
        self._views: dict[int, _View] = {}

    def drawn(self, context: bpy.types.Context) -> Survey:
        """What a drawing is to say of the selection; if finding that out takes longer, what was said last."""
        seen = self._view(context)
        late = seen.is_at_work  # with what was selected before
        seen.fresh = False
        found = self.latest(context)
        seen.outdated, seen.fresh = late, True
        return found

    def latest(self, context: bpy.types.Context) -> Survey:
        """What is known of the selection: all there is, unless that takes longer than a drawing may."""
        seen = self._view(context)
        if not seen.fresh:
            if not seen.is_at_work:
                seen.begin(context)
            seen.go_on()
        seen.fresh = False
        if seen.is_at_work and not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=TICK_SECONDS)
        return seen.known

    def known(self, context: bpy.types.Context) -> Survey:
        """What has been said of the selection last."""
        return self._view(context).known

    def go_on(self, context: bpy.types.Context) -> bool:
        """Go on with what drawings have begun; returns whether something is left to do."""
        busy = [seen for seen in self._views.values() if seen.is_at_work]
        for seen in busy:
            seen.go_on()
        if any(seen.outdated and not seen.is_at_work for seen in busy):
            redraw(context, ("VIEW_3D",), "UI")
        return any(seen.is_at_work for seen in busy)

    def _view(self, context: bpy.types.Context) -> _View:
        key = context.area.as_pointer() if context.area else 0
        if key not in self._views and len(self._views) >= MOST_VIEWS:
            self._views.clear()
        return self._views.setdefault(key, _View())


def selection_report() -> SelectionReport:
    """That of this session."""
    return current().part(SelectionReport)


def _tick() -> float | None:
    """A Blender timer."""
    return TICK_SECONDS if is_running() and selection_report().go_on(bpy.context) else None
