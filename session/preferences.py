# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on's preferences hold: the key, the service, the network, where results are kept."""

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import bpy

from ..core.messages import EMPTY, Message
from ..core.urls import KEY_VARIABLE, PRODUCTION_URL, is_loopback
from ..jobs import Settings
from . import current

ADDON = (__package__ or "").rpartition(".")[0]
"""What Blender calls this extension."""

SHADINGS = (
    ("KEEP", "Keep Shading", "Keep the model's own shading"),
    ("SMOOTH", "Smooth", "Shade all faces smooth"),
    ("FLAT", "Flat", "Shade all faces flat"),
)

LOG_LEVELS = (
    ("WARNING", "Warnings", "What went wrong, or may go wrong"),
    ("INFO", "Steps and Calls", "Each step of a job, and each call to the service"),
)

WHEN_DONE = (
    ("NOTHING", "Nothing", "Only the status bar and the job list show it"),
    ("SOUND", "Sound", "A short sound"),
    # Windows lets no program without an entry in its start menu show one.
    *([] if sys.platform == "win32" else [("SYSTEM", "Notification", "A system notification")]),
)

RELATIVE_PATH: set[str] = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
"""Options of a path that may begin with "//"; without it Blender 5.2 warns, and crashes if that raises."""


def _change_keeping(chosen: "Preferences", _context: bpy.types.Context) -> None:
    """The key moves where it is to be kept from now on."""
    session = current()
    if chosen.session_only:
        session.api_key = chosen.api_key or session.api_key
        chosen.api_key = ""
    else:
        chosen.api_key, session.api_key = session.api_key or chosen.api_key, ""


def _make_absolute(chosen: "Preferences", _context: bpy.types.Context) -> None:
    """A path beside the open file would be another one in each file."""
    if chosen.folder.startswith("//"):
        chosen.folder = bpy.path.abspath(chosen.folder) if bpy.data.filepath else ""


def _get_session_key(_chosen: bpy.types.AddonPreferences) -> str:
    return current().api_key


def _set_session_key(_chosen: bpy.types.AddonPreferences, key: str) -> None:
    current().api_key = key


class Preferences:
    """What the user sets once; `panels.preferences` draws it.

    Blender takes properties from the bases of a class, too, so none of this is registered here.
    """

    if TYPE_CHECKING:
        api_key: str
        session_key: str
        session_only: bool
        service_url: str
        concurrent_jobs: int
        patience: int
        folder: str
        results_limit: float
        delete_flows: bool
        longest_side: int
        model_height: float
        use_unit_scale: bool
        collection: str
        shading: str
        author: str
        log_level: str
        when_done: str
        ask_above: int
        finish_jobs: bool
    else:
        api_key: bpy.props.StringProperty(
            name="API Key",
            description=f"Your GENERIO key. The environment variable {KEY_VARIABLE} takes precedence",
            subtype="PASSWORD",
        )
        session_key: bpy.props.StringProperty(
            name="API Key",
            description="Your GENERIO key, kept until you quit Blender",
            subtype="PASSWORD",
            options={"SKIP_SAVE"},
            get=_get_session_key,
            set=_set_session_key,
        )
        session_only: bpy.props.BoolProperty(
            name="Keep for This Session Only",
            description="Do not save the key in Blender's preferences file, where others may read it; you "
            "enter the key again after each start",
            update=_change_keeping,
        )
        service_url: bpy.props.StringProperty(
            name="Service Address",
            description="Address of the GENERIO Flows API",
            default=PRODUCTION_URL,
        )
        concurrent_jobs: bpy.props.IntProperty(
            name="Simultaneous Jobs",
            description="Maximum number of jobs running at the same time; others are queued",
            default=4,
            min=1,
            max=16,
        )
        patience: bpy.props.IntProperty(
            name="Ask After (Minutes)",
            description="Ask whether to keep waiting when a job has had no news for this many "
            "minutes. 0 waits forever",
            default=60,
            min=0,
            max=10_000,
        )
        folder: bpy.props.StringProperty(
            name="Results Folder",
            description="Folder for the files of jobs; leave empty for the extension's own folder",
            subtype="DIR_PATH",
            options=RELATIVE_PATH,
            update=_make_absolute,
        )
        results_limit: bpy.props.FloatProperty(
            name="Size Limit (GB)",
            description="Disk space for results. Beyond it, the oldest results whose models are in "
            "saved files are deleted; 0 for no limit",
            default=2.0,
            min=0.0,
            soft_max=100.0,
            precision=1,
        )
        delete_flows: bpy.props.BoolProperty(
            name="Delete from Service",
            description="Delete a job from the service once all its models are here and checked. "
            "The vendor recommends it to save storage costs. This cannot be undone",
            default=False,
        )
        longest_side: bpy.props.IntProperty(
            name="Image Size Limit",
            description="Images whose longer side exceeds this many pixels are scaled down before "
            "sending; the originals are unchanged. 0 sends them as they are",
            default=2048,
            min=0,
            soft_max=8192,
            subtype="PIXEL",
        )
        model_height: bpy.props.FloatProperty(
            name="Height (Meters)",
            description="Height of new models in meters; 0 keeps their own height",
            default=0.0,
            min=0.0,
            soft_max=10.0,
            precision=3,
        )
        use_unit_scale: bpy.props.BoolProperty(
            name="Scale by Unit",
            description="Scale models so that a meter stays a meter in scenes whose unit scale is not 1",
            default=False,
        )
        collection: bpy.props.StringProperty(
            name="Collection",
            description="Collection for new models, created if needed; leave empty for the active collection",
        )
        author: bpy.props.StringProperty(
            name="Author", description="Author to write into assets made from models"
        )
        ask_above: bpy.props.IntProperty(
            name="Ask Above (Jobs)",
            description="Ask for confirmation before one click starts more jobs than this",
            default=10,
            min=1,
            soft_max=100,
        )
        finish_jobs: bpy.props.BoolProperty(
            name="Finish Jobs After Blender Closes",
            description="Let a separate process finish the jobs under way and save their results to disk. "
            "Otherwise they continue when Blender is started again",
            default=False,
        )
        when_done: bpy.props.EnumProperty(
            name="When Jobs Are Over",
            description="How you are told that the last job is over, even if you do not see Blender",
            items=WHEN_DONE,
        )
        log_level: bpy.props.EnumProperty(
            name="Terminal",
            description="How much of the log the terminal shows. The log is a file in the extension's "
            "own folder",
            items=LOG_LEVELS,
        )
        shading: bpy.props.EnumProperty(
            name="Shading", description="How the faces of new models are shaded", items=SHADINGS
        )


def key_from_environment() -> str:
    """The key that the environment gives, or ""."""
    return os.environ.get(KEY_VARIABLE, "").strip()


def preferences(context: bpy.types.Context) -> Preferences:
    """This add-on's preferences."""
    assert context.preferences is not None
    return cast(Preferences, context.preferences.addons[ADDON].preferences)


def api_key(context: bpy.types.Context) -> str:
    """The key to use, or ""."""
    chosen = preferences(context)
    return key_from_environment() or (current().api_key if chosen.session_only else chosen.api_key).strip()


def user_folder(context: bpy.types.Context) -> Path:
    """The folder that is the add-on's to write into; it is there."""
    return Path(bpy.utils.extension_path_user(ADDON, create=True)).absolute()


@cache  # asked for at each tick, and Blender looks at the disk
def _user_results() -> Path:
    return Path(bpy.utils.extension_path_user(ADDON, path="results")).absolute()


def results_folder(context: bpy.types.Context) -> Path:
    """Where jobs keep their files; a whole path, since the engine works in another folder."""
    chosen = preferences(context).folder
    return Path(bpy.path.abspath(chosen)).absolute() if chosen else _user_results()


def job_folder(context: bpy.types.Context, token: str) -> Path:
    """The folder for the files of a job."""
    return results_folder(context) / token


def engine_settings(context: bpy.types.Context) -> Settings:
    """What the preferences say, as the engine wants it."""
    chosen = preferences(context)
    return Settings(
        folder=results_folder(context),
        base_url=chosen.service_url.strip().rstrip("/"),
        api_key=api_key(context),
        online=bpy.app.online_access,
        concurrent_jobs=chosen.concurrent_jobs,
        patience=chosen.patience * 60.0,
        results_limit=round(chosen.results_limit * 2**30),
        delete_flows=chosen.delete_flows,
    )


def unavailable_reason(context: bpy.types.Context) -> Message:
    """Why nothing can be sent at the moment, or nothing; cheap enough for `poll` and `draw`."""
    if not api_key(context):
        return Message("Enter your API key in the preferences first")
    if not bpy.app.online_access and not is_loopback(preferences(context).service_url):
        return Message("Blender is offline. Allow online access in Preferences > System")
    return EMPTY
