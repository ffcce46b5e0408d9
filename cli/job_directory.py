# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a command keeps its jobs, and what it may use: the same for Blender and for plain Python."""

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
"""Beside the outputs: the jobs of all commands that wrote there, so that each can go on anywhere."""


def same_place(path: Path) -> str:
    """What all ways to write the path of one output have in common, whichever links lead to its folder.

    Also where names differ in nothing but case, or in how their accents are coded: many disks take those for
    the same.
    """
    try:
        name = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - quicker, for many
    except (OSError, ValueError):  # no file can have such a name, or it is that of a device
        name = str(path)
    return unicodedata.normalize("NFC", name).casefold()


class Home(NamedTuple):
    """A folder that holds a ledger and the jobs' files. Outputs are named relative to it.

    shared: whether several machines may see it. results: where each job's own folder is.
    """

    folder: Path
    shared: bool = True
    results_folder: Path | None = None

    @property
    def ledger(self) -> Path:
        """The SQLite file."""
        return self.folder / "jobs.sqlite"

    @property
    def ignores_case(self) -> bool:
        """Whether its disk takes names for the same that differ in nothing but case; once it has a ledger."""
        try:
            return self.ledger.samefile(self.ledger.with_name(self.ledger.name.upper()))
        except OSError:
            return False

    @property
    def results(self) -> Path:
        """The folder in which each job has one for its files."""
        return self.results_folder or self.folder / "results"

    def relative(self, output: Path) -> str:
        """How the ledger names an output, so that it may be reached by another path on another machine."""
        try:
            return Path(os.path.relpath(output, self.folder)).as_posix()
        except ValueError:  # another drive
            return output.as_posix()

    def from_job(self, source: Path) -> str:
        """How the ledger names an input: from the folder of its job, so that both may be moved together."""
        # Where "link/.." leads, the disk knows. Path.resolve raises where links run in a circle.
        plain = Path(os.path.realpath(source)) if ".." in source.parts else source
        try:
            return Path(os.path.relpath(plain, self.results / "job")).as_posix()
        except ValueError:  # another drive
            return plain.as_posix()

    def output(self, name: str) -> Path:
        """The output that the ledger names so."""
        return Path(os.path.normpath(self.folder / name))


class Host(NamedTuple):
    """What runs the command.

    program: how the user starts it, for messages. service, api_key, online: what is set there. window: where
    the jobs of Blender's windows are, None where there is no Blender. converter: gives the means to convert
    to and from .blend, or raises NoChildBlender. key_hint: where the key comes from, if not from the
    preferences.
    """

    program: str
    service: str
    api_key: str
    online: bool
    window: Home | None
    converter: Callable[[], Conversion]
    key_hint: str = ""

    def client(self, service: str = "") -> FlowsClient:
        """A client for the service that is set. Raises OtherService where `service` is another, Offline."""
        if service and service != self.service:
            raise OtherService(service)
        if not self.online and not is_loopback(self.service):
            raise Offline
        return FlowsClient(self.service, self.api_key)
