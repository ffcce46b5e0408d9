# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing the picture to make a model from: a file, an image, the render, the view, the clipboard.

What is not a file yet is taken at once, and becomes one meanwhile: written raw in slices, and then a PNG in
the engine process.
"""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..api import FlowsError, InputRefused, NotSaved, disk_trouble
from ..core import files
from ..core.messages import Message
from ..core.text import plain_reason
from ..engine.connection import Reply
from ..formats import raw_pixels
from ..formats.raw_pixels import RawPicture
from ..i18n import VERBATIM, translated
from ..scene.export import image_capture
from ..session import current, is_running
from ..session.preferences import preferences, user_folder
from ..session.properties import properties
from .submit_jobs import OperatorMixin, report_problem

PICTURES = ("IMAGE", "MULTILAYER", "UV_TEST", "COMPOSITING", "RENDER_RESULT")
"""Types of images that there is something to see of."""

MOST_IMAGES = 50
"""How many pictures that were taken are kept; a job may still be going to send one."""


class Captures:
    """The pictures that are being written.

    writing: their paths, in the order in which they were taken. items: the images that a search shows, whose
    strings Blender does not keep.
    """

    def __init__(self) -> None:
        self.writing: list[Path] = []
        self._counts: Counter[str] = Counter()
        self.replies: dict[Path, Reply] = {}
        self.items: list[tuple[str, str, str]] = []

    def numbered(self, name: str) -> str:
        """The name of a picture that has just been taken: the second one of a name is "View 2"."""
        self._counts[name] += 1
        number = self._counts[name]
        return name if number == 1 else f"{name} {number}"

    def use(self, path: Path, problem: FlowsError | None) -> None:
        """A picture is there, or cannot be: let the panel have it, unless a newer one was there first."""
        if path in self.writing:
            del self.writing[: self.writing.index(path) + 1]
            _use(path, problem)

    def use_written(self) -> bool:
        """Let the panel have what has been written; returns whether more is to come."""
        for path, reply in [*self.replies.items()]:
            if reply.is_there:
                del self.replies[path]
                self.use(path, _problem_of(reply.error))
        return bool(self.writing)


class CaptureImage(OperatorMixin):
    """Mixin for operators that take a picture out of Blender."""

    def capture(self, context: bpy.types.Context) -> tuple[RawPicture, str]:
        """What writes the picture, and its name. Raises InputRefused."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            picture, name = self.capture(context)
            folder = user_folder(context) / image_capture.FOLDER
            folder.mkdir(exist_ok=True)
            name = current().part(Captures).numbered(image_capture.file_name(name))
            path = folder / image_capture.unique_name(name)
        except InputRefused as error:
            return report_problem(self, error)
        except (OSError, MemoryError) as error:
            return report_problem(self, _not_written(error))
        longest = preferences(context).longest_side
        if bpy.app.background:
            problem = _write(picture, path, longest)
            _use(path, problem)
            return report_problem(self, problem) if problem else {"FINISHED"}
        captures, engine = current().part(Captures), current().open_engine(context)
        captures.writing.append(path)
        raw = path.with_suffix(".pixels")

        def written(error: Exception | None) -> None:
            if error is not None:
                captures.use(path, _problem_of(error))
                return
            captures.replies[path] = engine.ask(
                "write_picture", raw=str(raw), path=str(path), longest=longest, count=MOST_IMAGES
            )

        current().slices.add(picture.write(raw), written)
        if not bpy.app.timers.is_registered(_use_written):
            # persistent: another file may be opened meanwhile.
            bpy.app.timers.register(_use_written, first_interval=0.05, persistent=True)
        return {"FINISHED"}


def _not_written(error: OSError | MemoryError) -> FlowsError:
    """Pictures lie in the extension's own folder, so none of the preferences helps."""
    if isinstance(error, MemoryError):
        fix = Message("Make it smaller in Blender, or save it and choose the file.")
        return NotSaved(Message("There is not enough memory for the picture."), fix, "choose_image")
    full = disk_trouble(error) == "full"
    fix = (
        Message("Free some disk space, or choose a picture file.")
        if full
        else Message("Choose a picture file.")
    )
    return NotSaved(
        Message("The picture could not be written: {reason}", reason=plain_reason(error)),
        fix,
        "choose_image",
    )


def _problem_of(error: Exception | None) -> FlowsError | None:
    """What a picture that could not be written is to the user."""
    if error is None or isinstance(error, FlowsError):
        return error
    if isinstance(error, OSError | MemoryError):
        return _not_written(error)
    raise error


def _write(picture: RawPicture, path: Path, longest: int) -> FlowsError | None:
    """Write a picture at once; returns what went wrong."""
    try:
        raw = path.with_suffix(".pixels")
        picture.write_whole(raw)
        raw_pixels.to_png(raw, path, longest)
        raw_pixels.keep_newest(path.parent, MOST_IMAGES)
    except (OSError, MemoryError) as error:
        return _not_written(error)
    with suppress(OSError):  # another Blender may clear up, too
        former = sorted(path.parent.glob("*.png"), key=lambda file: file.stat().st_mtime)
        for file in former[:-MOST_IMAGES]:
            files.delete(file)
    return None


def _use_written() -> float | None:
    """A Blender timer."""
    return 0.05 if is_running() and current().part(Captures).use_written() else None


def _use(path: Path, problem: FlowsError | None) -> None:
    """Let the panel have a picture that was written, or say why it was not."""
    panel = properties(bpy.context)
    panel.source = "IMAGE"
    if problem:
        panel.image_problem = translated(problem.message, problem.fix)
    else:
        panel.image = str(path)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


class GENERIO_OT_choose_image(bpy.types.Operator):
    """Choose a picture on your disk"""

    bl_idname = "generio.choose_image"
    bl_label = "Choose Image"

    if TYPE_CHECKING:
        filepath: str
        filter_image: bool
        filter_folder: bool
    else:
        filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
        filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
        filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        panel = properties(context)
        panel.image = self.filepath
        panel.source = "IMAGE"
        return {"FINISHED"}


def _images_of_file(_self: object, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    captures = current().part(Captures)
    if context is not None:
        captures.items = [
            (_identifier(image), image.name_full, _size_of(image))
            for image in bpy.data.images
            if image.type in PICTURES
        ]
    return captures.items


def _size_of(image: Any) -> str:
    """Where there are no pixels yet, to ask for the size would load them."""
    width, height = image.size if image.has_data else (0, 0)
    return f"{width} x {height}" if width else ""


def _identifier(image: Any) -> str:
    """Its name, by which scripts call it; one that is linked may have the same as one of this file."""
    return image.name if image.library is None else f"{image.library.filepath}/{image.name}"


class GENERIO_OT_use_blender_image(CaptureImage, bpy.types.Operator):
    """Use an image that is in this file: painted, generated, packed or loaded, saved or not"""

    bl_idname = "generio.use_blender_image"
    bl_label = "Use Blender Image"
    bl_property = "image"

    if TYPE_CHECKING:
        image: str
    else:
        image: bpy.props.EnumProperty(
            name="Image",
            description="An image in this file",
            items=_images_of_file,
            translation_context=VERBATIM,
        )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not any(image.type in PICTURES for image in bpy.data.images):
            cls.poll_message_set(translated(Message("There is no image in this file")))
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"FINISHED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        file = image_capture.file_of(self._chosen())
        if file is None:
            return super().execute(context)
        current().part(Captures).writing.clear()  # what was taken before comes too late
        _use(file, None)
        return {"FINISHED"}

    def capture(self, context: bpy.types.Context) -> tuple[RawPicture, str]:
        image = self._chosen()
        return image_capture.capture_image(image), image.name

    def _chosen(self) -> bpy.types.Image:
        return next(image for image in bpy.data.images if _identifier(image) == self.image)


class GENERIO_OT_use_render(CaptureImage, bpy.types.Operator):
    """Use the last render"""

    bl_idname = "generio.use_render"
    bl_label = "Use Last Render"

    def capture(self, context: bpy.types.Context) -> tuple[RawPicture, str]:
        return image_capture.capture_render(), "Render"


class GENERIO_OT_use_view(CaptureImage, bpy.types.Operator):
    """Use what this 3D Viewport shows, without overlays"""

    bl_idname = "generio.use_view"
    bl_label = "Use View"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.area is None or context.area.type != "VIEW_3D":
            cls.poll_message_set(translated(Message("Only available in a 3D Viewport")))
            return False
        return True

    def capture(self, context: bpy.types.Context) -> tuple[RawPicture, str]:
        return image_capture.capture_view(context, context.area), "View"


class GENERIO_OT_paste_image(CaptureImage, bpy.types.Operator):
    """Use the picture in the clipboard"""

    bl_idname = "generio.paste_image"
    bl_label = "Paste"

    def capture(self, context: bpy.types.Context) -> tuple[RawPicture, str]:
        return image_capture.capture_clipboard(context), "Clipboard"


CLASSES = (
    GENERIO_OT_choose_image,
    GENERIO_OT_use_blender_image,
    GENERIO_OT_use_render,
    GENERIO_OT_use_view,
    GENERIO_OT_paste_image,
)
