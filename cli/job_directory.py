# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a command stores its jobs, and what its host provides: the same for Blender and plain Python."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..api import FlowsClient
from ..core.urls import is_loopback
from ..jobs.clients import Offline, OtherService

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

FOLDER = ".generio"
"""The folder beside the outputs with the jobs of all commands that wrote there; it moves with them."""


def path_key(path: Path) -> str:
    """Return a key that is equal for all spellings of one output's path, including those through links.

    The key also ignores case and the coding of accents, because many disks do.
    """
    try:
        name = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - quicker, for many
    except (OSError, ValueError):  # No file can have such a name, or it is the name of a device.
        name = str(path)
    return unicodedata.normalize("NFC", name).casefold()


class JobDirectory(NamedTuple):
    """A folder with a store and the jobs' files. The store names outputs relative to this folder.

    shared: whether several machines may use it. results_folder: where the folders of the jobs are, None =
    inside this folder.
    """

    folder: Path
    shared: bool = True
    results_folder: Path | None = None

    @property
    def store_path(self) -> Path:
        """The SQLite file."""
        return self.folder / "jobs.sqlite"

    @property
    def ignores_case(self) -> bool:
        """Whether the disk ignores case in names; False if there is no store yet."""
        try:
            return self.store_path.samefile(self.store_path.with_name(self.store_path.name.upper()))
        except OSError:
            return False

    @property
    def results(self) -> Path:
        """The folder that has one folder for each job."""
        return self.results_folder or self.folder / "results"

    def relative(self, output: Path) -> str:
        """Return an output's name in the store, which is valid wherever this folder is mounted."""
        try:
            return Path(os.path.relpath(output, self.folder)).as_posix()
        except ValueError:  # another drive
            return output.as_posix()

    def relative_to_job(self, source: Path) -> str:
        """Return an input's path relative to its job's folder, so that both may be moved together."""
        # Only the disk knows where "link/.." leads. Path.resolve would raise if links form a circle.
        resolved = Path(os.path.realpath(source)) if ".." in source.parts else source
        try:
            return Path(os.path.relpath(resolved, self.results / "job")).as_posix()
        except ValueError:  # another drive
            return resolved.as_posix()

    def output_path(self, name: str) -> Path:
        """Return the path of an output from its name in the store."""
        return Path(os.path.normpath(self.folder / name))


class Host(NamedTuple):
    """The program that runs the command: Blender, or plain Python.

    program: how the user starts it, for messages. service, api_key, online: its settings. window: where the
    jobs of Blender's windows are stored, None without Blender. converter: returns a converter to and from
    .blend, or raises NoChildBlender. key_hint: a sentence about where the key comes from, if it does not come
    from the preferences.
    """

    program: str
    service: str
    api_key: str
    online: bool
    window: JobDirectory | None
    converter: Callable[[], Conversion]
    key_hint: str = ""

    def client(self, service: str = "") -> FlowsClient:
        """Return a client for the service. Raises Offline, and OtherService if `service` is another one."""
        if service and service != self.service:
            raise OtherService(service)
        if not self.online and not is_loopback(self.service):
            raise Offline
        return FlowsClient(self.service, self.api_key)


def job_directory_for(ledger: Path | None, folder: Path) -> JobDirectory:
    """Return where the jobs of outputs in `folder` are stored: in `ledger`, if that is given."""
    return JobDirectory((ledger or folder / FOLDER).absolute())
