# SPDX-License-Identifier: GPL-3.0-or-later
"""What a story can do: steps of a person in front of Blender, made of simulated events and read pictures.

Every step is a generator; a story runs one with `yield from`. What is yielded is the number of seconds to
wait, and Blender goes on with its own work meanwhile.
"""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d

from tests.gui import cut_text, screen_reader
from tests.gui.screen_reader import SCREEN, Box

T = TypeVar("T")
Steps = Generator[float, None, T]
Story = Callable[["Driver"], Steps[None]]
Columns = Sequence[tuple[int, Sequence[int]]]
"""Places to point at: from the left, each with heights."""

ADDON = ".generio_flows"  # what the add-on's name among the modules ends with

NEXT_PASS = 0.0  # Blender's main loop goes round once
REDRAW = 0.15
GLIDE = 0.5  # regions open and scroll smoothly
TOOLTIP = 1.5
NARROW = 160  # pixels of a sidebar at scale 1; how wide it opens is Blender's choice
SLACK = 10  # pixels by which it may be wider or narrower
HEADER = 26  # pixels of a panel's header, and of the gap above it
PANEL_END = 20  # pixels from the middle of a panel's last button to its end
BESIDE = 150  # pixels from the middle of a label to where its field surely is
BLANK = 12  # by which the brightness may differ where nothing is drawn
PATIENCE = 10.0  # with a label that is not there
TIMEOUT = 180.0  # the machine may be busy with others

SEEN = Path("/tmp/seen.pgm")
"""What was read last."""

_REGIONS = {"VIEW_3D": "UI", "PREFERENCES": "WINDOW"}
_KEYS = {" ": "SPACE", ".": "PERIOD", ",": "COMMA", "-": "MINUS", "/": "SLASH", "\n": "RET"}
_DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")


class Failed(Exception):
    """The story does not go on as it is told."""


class Driver:
    """One Blender, seen and handled as a person would, and its data, looked at as a test would."""

    def __init__(self, pictures: Path, sandbox: str, on_step: Callable[[str], None]) -> None:
        self._pictures = pictures
        self._sandbox = sandbox
        self._on_step = on_step
        self._window = 0
        self._mouse = (0, 0)
        self._seen: list[screen_reader.Line] = []
        self.notes: dict[str, Any] = {}
        self.expected: list[str] = []
        self.cut: dict[str, None] = {}  # labels of ours that had no room
        self.threads: list[str] = []  # where the add-on has started some
        self._fields: dict[str, tuple[int, int]] = {}  # where they were last
        self._width = 0  # of the sidebar at scale 1, as it opens

    # --- where things are; looked up anew each time, for opening a file replaces them all

    @property
    def window(self) -> bpy.types.Window:
        return bpy.context.window_manager.windows[self._window]

    @property
    def area(self) -> bpy.types.Area:
        areas = [area for area in self.window.screen.areas if area.type in _REGIONS]
        return max(areas, key=lambda area: area.width * area.height)

    @property
    def region(self) -> bpy.types.Region:
        """The sidebar of the 3D view, or what the window of the preferences shows."""
        return next(region for region in self.area.regions if region.type == _REGIONS[self.area.type])

    def view_size(self) -> tuple[int, int]:
        """Width and height of the 3D view in pixels."""
        region = next(region for region in self.area.regions if region.type == "WINDOW")
        return region.width, region.height

    @property
    def package(self) -> str:
        """The add-on's name among Blender's modules."""
        return next(addon.module for addon in bpy.context.preferences.addons if addon.module.endswith(ADDON))

    @property
    def preferences(self) -> Any:
        return bpy.context.preferences.addons[self.package].preferences

    # --- steps of a person

    def open_tab(self, tab: str, width: int = 0) -> Steps[None]:
        """Open the sidebar on a tab, and drag it to a width in pixels at scale 1; 0: as wide as it opens."""
        self._on_step(f"open tab {tab}")
        if not self.area.spaces.active.show_region_ui:
            yield from self.press("N")
            yield GLIDE
        self.region.active_panel_category = tab
        self.region.tag_redraw()
        yield REDRAW
        scale = bpy.context.preferences.system.ui_scale
        self._width = self._width or round(self.region.width / scale)
        width = round((width or self._width) * scale)
        if missing := width - self.region.width:
            # Its edge can be grasped only beside a panel, and there is always one at the top of them all.
            yield from self.to_top()
            x, y = self.region.x + 8, self.region.y + self.region.height - 40
            yield from self._drag((x, y), (x - missing, y))
        if abs(width - self.region.width) > SLACK:
            raise Failed(f"the sidebar is {self.region.width} pixels wide, not {width}")
        if self.region.active_panel_category != tab:
            raise Failed(f"there is no tab {tab!r}")

    def click(self, label: str, *, popup: bool = False, double: bool = False, number: int = 0) -> Steps[None]:
        """Click what bears this whole label in the sidebar (scrolled if need be), or in a `popup`.

        double: twice, as people do who are used to icons. number: from the top, where there are several.
        """
        self._on_step(f"click {label}")
        where = yield from self._find(label, popup=popup, number=number)
        yield from self._point_at(*where)
        if not popup and (greyed := self._greyed(self._hovered())):
            raise Failed(f"{label!r} ({greyed}) is greyed out")
        if double:  # both wait for Blender, as those of a hand do that is faster than a redraw
            yield from self._point_at(*where)
            for value in ("PRESS", "RELEASE") * 2:
                self.window.event_simulate("LEFTMOUSE", value, x=where[0], y=where[1])
            yield REDRAW
        else:
            yield from self._press_here("LEFTMOUSE")

    def click_icon(
        self, operator: str, number: int = 0, *, beside: str = "", having: str = ""
    ) -> Steps[None]:
        """Click the wordless button of an operator ("generio.cancel_job"); `number` counts from the top.

        beside: a label in its row, by which it is found sooner. having: a part of how the operator is called.
        """
        self._on_step(f"click the button of {operator}")

        def is_wanted(what: str) -> bool:
            return what.startswith(f"bpy.ops.{operator}(") and having in what

        if beside:
            _x, row = yield from self._find(beside)
            where = yield from self._sweep_row(is_wanted, row)
        else:
            where = yield from self._sweep_for(is_wanted, self._icon_columns, number)
        yield from self._point_at(*where)
        if self._greyed(self._hovered()) is not None:
            raise Failed(f"the button of {operator} is greyed out")
        yield from self._press_here("LEFTMOUSE")

    def to_top(self) -> Steps[None]:
        """Scroll the sidebar to its top."""
        self._on_step("scroll to the top")
        yield from self._move(self.region.x + 12, self.region.y + self.region.height - 20)
        yield from self._key("HOME")
        yield GLIDE

    def confirm(self) -> Steps[None]:
        """Press Enter where the mouse is: takes what a menu or a search has highlighted, or ends a dialog."""
        self._on_step("confirm")
        yield from self._key("RET")
        yield REDRAW

    def type_into(self, field: str, text: str) -> Steps[None]:
        """Replace what stands in the field of the property with this name ("Prompt") by typing."""
        self._on_step(f"type into {field}")

        def is_wanted(what: str) -> bool:
            return _name_of_property(what) == field

        where = yield from self._look_beside(field, is_wanted)
        where = where or (yield from self._sweep_for(is_wanted, self._field_columns))
        self._fields[field] = where
        yield from self._click_at(where)
        yield from self._key("A", ctrl=True)
        yield from self._key("BACK_SPACE")  # for where nothing is typed
        yield from self._write(text)

    def write(self, text: str) -> Steps[None]:
        """Type into the field that is open: that of a search or of a dialog."""
        self._on_step(f"write {text}")
        yield from self._type(text)
        yield GLIDE

    def type_beside(self, label: str, text: str) -> Steps[None]:
        """Type into the empty field to the right of a label; for where Blender tells nothing of a field."""
        self._on_step(f"type beside {label}")
        x, y = yield from self._find(label)
        yield from self._click_at((x + BESIDE, y))
        yield from self._write(text)

    def press(self, key: str, *, ctrl: bool = False, shift: bool = False, alt: bool = False) -> Steps[None]:
        """Press a key with the mouse in the middle of the 3D view."""
        self._on_step(f"press {'Ctrl ' * ctrl}{'Shift ' * shift}{'Alt ' * alt}{key}")
        yield from self._move(*_centre(self.area))
        yield from self._key(key, ctrl=ctrl, shift=shift, alt=alt)
        yield REDRAW

    def hover(self, label: str) -> Steps[None]:
        """Leave the mouse on a button until its tooltip is there."""
        self._on_step(f"hover over {label}")
        where = yield from self._find(label)
        yield from self._point_at(*where)
        yield TOOLTIP

    def click_in_view(self, where: tuple[float, float, float], key: str = "LEFTMOUSE") -> Steps[None]:
        """Click into the 3D view, where this point of the world is seen."""
        self._on_step(f"click {key} at {where}")
        yield from self._click_at(self._seen_at(where), key)

    def drag_in_view(self, start: tuple[float, float, float], end: tuple[float, float, float]) -> Steps[None]:
        """Drag what is seen at a point of the world to where another one is seen."""
        self._on_step(f"drag from {start} to {end}")
        yield from self._drag(self._seen_at(start), self._seen_at(end))

    def _seen_at(self, point: tuple[float, float, float]) -> tuple[int, int]:
        """Where in the window a point of the world is seen."""
        region = next(region for region in self.area.regions if region.type == "WINDOW")
        at = location_3d_to_region_2d(region, self.area.spaces.active.region_3d, point)
        return region.x + int(at.x), region.y + int(at.y)

    def drop(self, path: Path, onto: tuple[float, float, float]) -> Steps[None]:
        """Let a file from the desktop fall into the 3D view, where this point of the world is seen."""
        self._on_step(f"drop {path.name}")
        region = next(region for region in self.area.regions if region.type == "WINDOW")
        yield from self._point_at(*self._seen_at(onto))
        with bpy.context.temp_override(window=self.window, area=self.area, region=region):
            files = [{"name": path.name}]
            bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=str(path.parent), files=files)
        yield REDRAW

    def copy_picture(self, path: Path) -> Steps[None]:
        """Copy a picture in another program, which then has it for whoever pastes; on a Wayland screen."""
        self._on_step(f"copy {path.name}")
        with path.open("rb") as file:
            subprocess.run(["wl-copy", "--type", "image/png"], stdin=file, check=True)
        yield REDRAW

    def start_new_file(self) -> Steps[None]:
        """Press Ctrl-N, and leave what is open as it was saved last."""
        self._on_step("start a new file")
        changed = bpy.data.is_dirty
        yield from self.press("N", ctrl=True)
        yield from self.click("General", popup=True)
        if changed:
            yield GLIDE
            yield from self.click("Don't Save", popup=True)
        yield GLIDE

    def open_file(self, path: Path) -> Steps[None]:
        """Open a file as by a double click in the file browser."""
        self._on_step(f"open {path.name}")
        bpy.ops.wm.open_mainfile(filepath=str(path))
        yield GLIDE

    def go_to_window(self, number: int) -> Steps[None]:
        """Let hands and eyes be in another window; 0 is the first, which fills the screen."""
        self._on_step(f"go to window {number}")
        self._window = number
        yield REDRAW

    def close_window(self) -> Steps[None]:
        """Close the window where the hands are, and go back to the first."""
        self._on_step("close the window")
        with bpy.context.temp_override(window=self.window):
            bpy.ops.wm.window_close()
        self._window = 0
        yield GLIDE

    def disable(self, package: str) -> Steps[None]:
        """Take away the check mark of an add-on."""
        self._on_step("disable the add-on")
        bpy.ops.preferences.addon_disable(module=package)
        yield REDRAW

    def enable(self, package: str) -> Steps[None]:
        """Set the check mark of an add-on."""
        self._on_step("enable the add-on")
        bpy.ops.preferences.addon_enable(module=package)
        yield NEXT_PASS

    # --- what a person sees

    def see(self, text: str, *, popup: bool = False, timeout: float = TIMEOUT) -> Steps[None]:
        """Wait until these words can be read in the sidebar (scrolled if need be), or in a `popup`."""
        self._on_step(f"see {text}")
        yield from self._find(text, popup=popup, whole=False, timeout=timeout)

    def where(self, label: str) -> Steps[int]:
        """How high in the tab this whole label is, however far that is scrolled."""
        self._on_step(f"look where {label} is")
        _x, y = yield from self._find(label)
        return round(self.region.view2d.region_to_view(0, y - self.region.y)[1])

    def see_in_area(self, area: bpy.types.Area, text: str) -> Steps[None]:
        """Wait until these words can be read in this area."""
        self._on_step(f"see {text} in {area.ui_type}")
        yield from self._find(text, part=self._box(area.x, area.y, area.width, area.height), whole=False)

    def see_in_status_bar(self, text: str) -> Steps[None]:
        """Wait until these words can be read in the status bar."""
        self._on_step(f"see {text} in the status bar")
        height = min(area.y for area in self.window.screen.areas)  # it is in no list, but below them all
        yield from self._find(text, part=self._box(0, 0, self.window.width, height), whole=False)

    def see_no(self, label: str) -> Steps[None]:
        """Make sure that nothing in the whole sidebar bears this label."""
        self._on_step(f"see no {label}")
        found = yield from self._scrolled(lambda: self._read_for(label, self._region_box(), whole=True))
        if found:
            raise Failed(f"{label!r} is to be seen")

    def is_greyed(self, label: str) -> Steps[bool]:
        """Whether the button with this label is greyed out."""
        self._on_step(f"look whether {label} is greyed out")
        where = yield from self._find(label)
        yield from self._point_at(*where)
        what = self._hovered()
        if what is None:
            raise Failed(f"{label!r} is not a button")
        return self._greyed(what) is not None

    def picture(self, name: str, *, since: str = "", until: str = "", through: str = "") -> Steps[None]:
        """Save a picture of the screen as `name`.png.

        since: the header of the panel that it may begin with; until: that of the panel above which it may
        end; through: the label below which it may. notes["cut"] then says where the sidebar begins and where
        these are, in pixels from the top left.
        """
        self._on_step(f"picture {name}")
        is_cut = bool(since or until or through)
        if is_cut:  # no tooltip is to be in the way
            yield from self._move(*_centre(self.area))
        yield REDRAW
        if self.area.type == "VIEW_3D" and self.area.spaces.active.show_region_ui:
            yield from self._read(self._region_box(), 0)
            self._note_cut_texts(self._region_box())
        if is_cut:
            top = yield from self._beside(since, -HEADER // 2)
            below = PANEL_END if through else -HEADER // 2
            bottom = yield from self._beside(through or until, below)
            self.notes.setdefault("cut", {})[name] = (self._region_box().left, top, bottom)
        yield from _ended(screen_reader.start_picture(self._pictures / f"{name}.png"))

    def _beside(self, label: str, pixels: int) -> Steps[int | None]:
        """So far below the middle of this label, from the top of the screen; None without a label."""
        if not label:
            return None
        if not (found := (yield from self._read_for(label, self._region_box(), whole=True))):
            raise Failed(f"{label} is not to be seen")
        return found.centre[1] + pixels

    def narrow_picture(self, name: str, text: str) -> Steps[None]:
        """Save a picture of the sidebar as narrow as people have it, where these words can be read."""
        yield from self.open_tab("GENERIO", NARROW)
        yield from self.see(text)
        yield from self.picture(name)
        yield from self.open_tab("GENERIO")

    # --- what a test looks at

    def wait_for(self, condition: Callable[[], T], what: str, timeout: float = TIMEOUT) -> Steps[T]:
        """Wait until the condition holds, and return what it found."""
        self._on_step(f"wait for {what}")
        end = time.monotonic() + timeout
        while not (found := condition()):
            if time.monotonic() > end:
                raise Failed(f"waited {timeout:.0f} s in vain for {what}")
            yield 0.05
        return found

    def ask_sandbox(
        self, method: str = "GET", path: str = "/_sandbox/stats", body: object = None
    ) -> Steps[Any]:
        """The sandbox's answer; asked in a thread, so that the window stays as alive as it is."""
        answers: list[Any] = []

        def ask() -> None:
            data = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(self._sandbox + path, data, headers, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                answers.append(json.load(answer))

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        while thread.is_alive():
            yield NEXT_PASS
        if not answers:
            raise Failed(f"the sandbox did not answer {method} {path}")
        return answers[0]

    def expect_complaint(self, words: str) -> None:
        """Let lines with these words stand in Blender's log, which may have no other complaint."""
        self.expected.append(words)

    def autosave_every_minute(self, folder: Path) -> None:
        """Let Blender save what is open into the folder each minute, as its default of two minutes would."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = bpy.context.preferences.filepaths
        paths.temporary_directory = str(folder)
        paths.use_auto_save_temporary_files = True
        paths.auto_save_time = 1

    def save_file(self, path: Path) -> None:
        """Save what is open under this name."""
        bpy.ops.wm.save_as_mainfile(filepath=str(path))

    def die(self) -> None:
        """End Blender as a crash or a power cut does."""
        self._on_step("die")
        os.kill(os.getpid(), signal.SIGKILL)

    # --- eyes

    def _around_mouse(self) -> Box:
        """Where tooltips and pop-ups open."""
        x, y = self._mouse
        return self._box(x - 350, y - 320, 700, 640)

    def _region_box(self) -> Box:
        region = self.region
        return self._box(region.x, region.y, region.width, region.height)

    def _box(self, x: int, y: int, width: int, height: int) -> Box:
        """That part of the screen which shows this part of the window, as far as it is on the screen."""
        screen_width, screen_height = SCREEN
        left, bottom = self.window.x + x, self.window.y + y
        right, top = min(screen_width, left + width), min(screen_height, bottom + height)
        left, bottom = max(0, left), max(0, bottom)
        return Box(left, screen_height - top, right - left, top - bottom)

    def _in_window(self, x: int, y: int) -> tuple[int, int]:
        """The position in the window of a position on the screen."""
        return x - self.window.x, SCREEN[1] - y - self.window.y

    def _find(
        self,
        text: str,
        *,
        popup: bool = False,
        part: Box | None = None,
        whole: bool = True,
        timeout: float = PATIENCE,
        number: int = 0,
    ) -> Steps[tuple[int, int]]:
        """Where in the window the text stands, as soon as it is there; `part`: of the screen to look at."""
        end = time.monotonic() + timeout
        while True:
            if popup or part:
                box = yield from self._read_for(text, part or self._around_mouse(), whole, number)
            else:
                box = yield from self._scrolled(
                    lambda: self._read_for(text, self._region_box(), whole, number)
                )
            if box:
                return self._in_window(*box.centre)
            if not popup:  # a tooltip of what the mouse is on may cover it
                yield from self._move(*_centre(self.area))
            if time.monotonic() > end:
                raise Failed(f"{text!r} is not to be seen; read was:\n{screen_reader.text_of(self._seen)}")

    def _read_for(self, text: str, part: Box, whole: bool, number: int = 0) -> Steps[Box | None]:
        """Where the text stands in a part of the screen now."""
        yield REDRAW
        for way in range(screen_reader.READINGS):
            yield from self._read(part, way)
            if part == self._region_box():
                self._note_cut_texts(part)
            if box := screen_reader.find(self._seen, text, whole=whole, number=number):
                return box
        return None

    def _read(self, part: Box, way: int) -> Steps[None]:
        """Look at a part of the screen, and read what is written there."""
        table = yield from _ended(screen_reader.start_reading(part, way, SEEN))
        self._seen = screen_reader.lines(table, part)

    def _note_cut_texts(self, part: Box) -> None:
        """Note which of the texts that were just read had no room.

        A sidebar is narrower than Blender opens it, or at another scale, for its own pictures. Names may be
        as long as people like.
        """
        preferences = bpy.context.preferences
        width = self.region.width / preferences.system.ui_scale  # which follows the screen, too
        is_usual = self._width and width >= self._width - SLACK
        is_ours = self.area.type == "VIEW_3D" and hasattr(bpy.context.window_manager, "generio")
        if not is_usual or not is_ours or preferences.view.ui_scale != 1.0:
            return
        names = _names()
        for left, top in cut_text.cut_texts(cut_text.read_pgm(SEEN)):
            labels = screen_reader.label_before(self._seen, part.left + left, part.top + top)
            if not any(screen_reader.begins(name, label) for label in labels for name in names):
                self.cut[f"{labels[0] if labels else '?'} at {left}, {top}"] = None

    def _scrolled(self, look: Callable[[], Steps[T | None]]) -> Steps[T | None]:
        """What `look` finds in the sidebar as it is, or else from its top, page by page, to its end."""
        if found := (yield from look()):
            return found
        position = None
        key = "HOME"
        while position != self._scroll_position():
            position = self._scroll_position()
            yield from self._move(self.region.x + 12, self.region.y + self.region.height - 20)  # a panel
            yield from self._key(key)
            yield GLIDE
            if position != self._scroll_position() and (found := (yield from look())):
                return found
            if key == "HOME":
                key, position = "PAGE_DOWN", None
        return None

    def _scroll_position(self) -> float:
        return self.region.view2d.region_to_view(0, 0)[1]

    def _sweep_for(
        self, wanted: Callable[[str], bool], places: Callable[[], Steps[Columns]], number: int = 0
    ) -> Steps[tuple[int, int]]:
        """Where the button is of which Blender tells what is wanted, found by moving over the sidebar."""
        where = yield from self._scrolled(lambda: self._sweep(wanted, places, number))
        if where is None:
            raise Failed("there is no such button in the sidebar")
        return where

    def _look_beside(self, field: str, wanted: Callable[[str], bool]) -> Steps[tuple[int, int] | None]:
        """Where a field is whose name stands before it, or is where it was before."""
        places = [self._fields[field]] if field in self._fields else []
        yield from self._read(self._region_box(), 0)
        if box := screen_reader.find(self._seen, field, whole=True):
            _x, y = self._in_window(*box.centre)
            places += [(self.region.x + self.region.width * share // 100, y) for share in (52, 70)]
        for place in places:
            yield from self._move(*place)
            what = self._hovered()
            if what is not None and wanted(what):
                return place
        return None

    def _sweep_row(self, wanted: Callable[[str], bool], y: int) -> Steps[tuple[int, int]]:
        """The same in one row."""
        for x in range(self.region.x + self.region.width - 20, self.region.x, -7):
            yield from self._move(x, y)
            what = self._hovered()
            if what is not None and wanted(what):
                return x, y
        raise Failed("there is no such button in this row")

    def _sweep(
        self, wanted: Callable[[str], bool], places: Callable[[], Steps[Columns]], number: int
    ) -> Steps[tuple[int, int] | None]:
        columns = yield from places()
        for column, heights in columns:
            rows: list[tuple[int, int]] = []
            was_wanted = False
            for y in heights:
                yield from self._move(column, y)
                what = self._hovered()
                is_wanted = what is not None and wanted(what)
                if is_wanted and not was_wanted:
                    rows.append((column, y))
                    if len(rows) > number:
                        return rows[number]
                was_wanted = is_wanted
        return None

    def _heights(self) -> range:
        """From the top of the sidebar to its end.

        A button is twice as high as a step, for the first event over it may only leave the one before.
        """
        return range(self.region.y + self.region.height - 5, self.region.y, -9)

    def _field_columns(self) -> Steps[Columns]:
        """Where to sweep for a field: where every one is that has no buttons beside it, or one at most."""
        yield NEXT_PASS
        left, width = self.region.x, self.region.width
        return [(left + width * share // 100, self._heights()) for share in (52, 30, 70)]

    def _icon_columns(self) -> Steps[Columns]:
        """Where to sweep for a small button: from the right, where most are, and where something is drawn."""
        yield from self._read(self._region_box(), 0)
        picture = cut_text.read_pgm(SEEN)
        region = self.region
        left, top = region.x, region.y + region.height

        def is_drawn(x: int, y: int) -> bool:
            part = picture[max(0, top - y - 6) : top - y + 6, max(0, x - left - 8) : x - left + 8]
            return bool(part.size and part.max() - part.min() > BLANK)

        return [
            (x, [y for y in self._heights() if is_drawn(x, y)])
            for x in range(left + region.width - 40, left, -14)
        ]

    def _hovered(self) -> str | None:
        """What Blender tells of the button under the mouse: its operator's call, or its property's full path.

        It tells by the clipboard.
        """
        manager = bpy.context.window_manager
        manager.clipboard = ""
        with bpy.context.temp_override(window=self.window, area=self.area, region=self.region):
            if bpy.ops.ui.copy_python_command_button.poll():
                bpy.ops.ui.copy_python_command_button()
            elif bpy.ops.ui.copy_data_path_button.poll():
                bpy.ops.ui.copy_data_path_button(full_path=True)
        return manager.clipboard or None

    def _greyed(self, what: str | None) -> str | None:
        """The operator that the button would call, if it cannot be called now."""
        if what is None or not what.startswith("bpy.ops."):
            return None
        category, name = what.removeprefix("bpy.ops.").partition("(")[0].split(".")
        with bpy.context.temp_override(window=self.window, area=self.area, region=self.region):
            callable_now = getattr(getattr(bpy.ops, category), name).poll()
        return None if callable_now else f"{category}.{name}"

    # --- hands

    def _move(self, x: int, y: int) -> Steps[None]:
        self.window.event_simulate("MOUSEMOVE", "NOTHING", x=x, y=y)
        self._mouse = (x, y)
        yield NEXT_PASS

    def _point_at(self, x: int, y: int) -> Steps[None]:
        """Move as a hand does, in several events: the first may only close a tooltip or leave a button."""
        for step in (6, 3, 0):
            yield from self._move(x - step, y)
        yield REDRAW

    def _key(self, key: str, *, letter: str | None = None, **modifiers: bool) -> Steps[None]:
        x, y = self._mouse
        self.window.event_simulate(key, "PRESS", unicode=letter, x=x, y=y, **modifiers)
        yield NEXT_PASS
        self.window.event_simulate(key, "RELEASE", x=x, y=y, **modifiers)
        yield NEXT_PASS

    def _type(self, text: str) -> Steps[None]:
        """Press the keys of a text faster than Blender draws."""
        x, y = self._mouse
        for letter in text:
            self.window.event_simulate(_key_of(letter), "PRESS", unicode=letter, x=x, y=y)
            self.window.event_simulate(_key_of(letter), "RELEASE", x=x, y=y)
        yield NEXT_PASS

    def _write(self, text: str) -> Steps[None]:
        yield from self._type(text)
        yield from self._key(
            "RET", ctrl=True
        )  # without Ctrl it would begin a line, where there may be several
        yield REDRAW

    def _click_at(self, where: tuple[int, int], key: str = "LEFTMOUSE") -> Steps[None]:
        yield from self._point_at(*where)
        yield from self._press_here(key)

    def _press_here(self, key: str) -> Steps[None]:
        yield from self._key(key)
        yield REDRAW

    def _drag(self, start: tuple[int, int], end: tuple[int, int]) -> Steps[None]:
        yield from self._point_at(*start)
        self.window.event_simulate("LEFTMOUSE", "PRESS", x=start[0], y=start[1])
        yield NEXT_PASS
        yield from self._move((start[0] + end[0]) // 2, end[1])
        yield from self._move(*end)
        self.window.event_simulate("LEFTMOUSE", "RELEASE", x=end[0], y=end[1])
        yield REDRAW


def _ended(process: subprocess.Popen[str]) -> Steps[str]:
    """What the process has printed, once it has ended."""
    printed: list[str] = []
    reader = threading.Thread(target=lambda: printed.append(process.communicate()[0]), daemon=True)
    reader.start()
    while reader.is_alive():
        yield 0.02
    if process.returncode != 0:
        raise Failed(f"{process.args} ended with {process.returncode}")
    return printed[0]


def _names() -> list[str]:
    """What people have named, or written."""
    panel = bpy.context.window_manager.generio
    blocks = (bpy.data.objects, bpy.data.meshes, bpy.data.collections, bpy.data.images, bpy.data.scenes)
    rows = [text for row in panel.jobs for text in (row.name, row.prompt, row.flow_id)]
    return [
        panel.prompt,
        panel.image,
        Path(panel.image).name,
        *rows,
        *(each.name for all_ in blocks for each in all_),
    ]


def _key_of(letter: str) -> str:
    if letter.isascii() and letter.isalpha():
        return letter.upper()
    return _DIGITS[int(letter)] if letter.isdecimal() else _KEYS.get(letter, "A")


def _name_of_property(path: str) -> str | None:
    """The name that people read of the property with this full path (`bpy.data.….prompt`)."""
    owner, _, identifier = path.rpartition(".")
    if not path.startswith(("bpy.data.", "bpy.context.")) or not identifier.isidentifier():
        return None
    found = eval(owner, {"bpy": bpy}).bl_rna.properties.get(identifier)  # the path comes from Blender
    return found.name if found else None


def _centre(part: bpy.types.Area | bpy.types.Region) -> tuple[int, int]:
    return part.x + part.width // 2, part.y + part.height // 2
