# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that jobs' results become: each whole or not at all, and never over one that is not ours.

What was written is in the ledger, with size and digest: only a file that still has it is "already done", and
only one that a job of the ledger has put there is written over.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from ..api import FlowsError, NotSaved, disk_trouble
from ..api.transfer import sync
from ..core import files
from ..core.destination import OutputFile
from ..core.file_names import trouble
from ..core.files import atomic_path
from ..core.messages import EMPTY, Message
from ..jobs import Delivered, Job, Result, Step
from ..jobs.engine import Engine
from ..jobs.job_folder import JobFolder
from ..jobs.process_id import is_alive, machine
from .job_directory import Home, same_place

LONGEST_NAME = 255
"""Bytes that the name of a file may have on common disks."""

PAGE = 4096
"""Bytes. After a power cut, a page of a file has what was written, or zeros."""

DAY = 24 * 3600.0
"""Seconds."""

_PART = re.compile(
    r"\.generio-(?P<machine>[0-9a-f]{8})-(?P<process>\d+(?:-\w*)?)-(?P<engine>[0-9a-f]{8})-\d+\.part"
)

_FIXES = {
    "full": Message("Free some disk space, or choose another --output."),
    "forbidden": Message("Get write permission there, or choose another --output."),
    "too_long": Message("Give it a shorter name, or choose another --output."),
}
OTHER_FIX = Message("Choose another --output.")
PROTECTED_FIX = Message("Check it out, remove its protection, or choose another --output.")
RENAME_FIX = Message("Give it another name, or choose another --output.")


class InTheWay(FlowsError):
    """Where an output belongs there is a file already that no job of this ledger has written."""

    message = Message("Another file is where the model belongs.")
    fix = Message("Move it, choose another --output, or overwrite it with --force.")


class ResultGone(FlowsError):
    """What the service sent is not in the job's folder any more, and cannot be had again."""

    message = Message("The model that was downloaded no longer exists.")
    fix = Message("Delete the job, and run the same command again to make a new model.")


class Content(NamedTuple):
    """What is in a file: its size in bytes, and the SHA-256 of that."""

    size: int
    sha256: str


class _Piece(NamedTuple):
    """One result of a job: what is kept of it, at `source`, whether that is whole, and what it becomes."""

    content: Content
    target: Path
    source: Path
    whole: bool


class Outputs:
    """Writes the outputs of one command.

    home: where its jobs are kept. engine: what notes in the ledger what is written. wanted: the outputs of
    all models that the command is about. force: whether files are written over that are not ours.
    """

    def __init__(self, home: Home, engine: Engine, wanted: Sequence[Path], force: bool) -> None:
        self._home = home
        self._engine = engine
        self._wanted = wanted
        self._force = force
        self._ours: dict[str, set[str]] | None = None  # digests of what was written to a place
        self._tidied: set[Path] = set()
        self._mark = _mark(engine.owner)
        self._parts = count(1)

    def path(self, job: Job) -> Path:
        """The output of a job, or the first of several."""
        where = job.request.destination
        assert isinstance(where, OutputFile)
        return self._home.output(where.path)

    def check(self, job: Job) -> None:
        """Raise what would keep a job's output from being written, before anything is paid for.

        Raises NotSaved or InTheWay.
        """
        target = self.path(job)
        if reason := name_trouble(target):
            what = Message("{path} cannot be written: {reason}.", path=display(target), reason=reason)
            raise NotSaved(what, RENAME_FIX)
        with _written(target):
            self._look(target, lambda: False)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = self._part(target, len(target.name))  # of which Windows may refuse the length
            part.touch(exist_ok=False)
            files.delete(part)

    def standing(self, job: Job) -> list[Path] | None:
        """The outputs of a job, where each is there as it was written; else None."""
        files = self._noted(job)
        paths = [self._home.output(file.path) for file in files]
        for path in paths:
            self.tidy(path.parent)
        as_written = all(
            content_of(path, file.size) == (file.size, file.sha256)
            for path, file in zip(paths, files, strict=True)
        )
        return paths if job.status.step is Step.PLACED and files and as_written else None

    def write(self, job: Job) -> list[Path] | None:
        """Write what is missing of a finished job's outputs, and note it; returns them all.

        None where another process has the job meanwhile. Raises NotSaved or InTheWay; ResultGone where the
        results have to be fetched first; LedgerError.
        """
        pieces = self._pieces(job)
        if not pieces or not all(piece.whole for piece in pieces):
            raise ResultGone
        missing = [piece for piece in pieces if content_of(piece.target, piece.content.size) != piece.content]
        for _, target, source, _ in missing:
            with _written(target):
                self._look(target, partial(is_remainder, target, source))
        files = [Delivered(self._home.relative(piece.target), *piece.content) for piece in pieces]
        if files != [*self._noted(job)] and not self._engine.mark_delivered(job.token, files):
            return None
        self.learn(files)
        for piece in missing:
            with _written(piece.target):
                self._copy(piece.source, piece.target)
        if job.status.step is not Step.PLACED:
            self._engine.mark_placed(job.token)
        return [piece.target for piece in pieces]

    def discard_damaged(self, job: Job) -> None:
        """Delete what was received, but is not as it was any more, so that it is fetched once more."""
        with suppress(ResultGone, OSError):
            for piece in self._pieces(job):
                if not piece.whole:
                    files.delete(piece.source)

    def learn(self, files: Iterable[Delivered]) -> None:
        """Know what was written, here or by another process."""
        if self._ours is not None:
            for file in files:
                self._ours[same_place(self._home.output(file.path))].add(file.sha256)

    def tidy(self, folder: Path) -> None:
        """Delete, once, what processes that were killed have left unfinished in a folder of outputs."""
        if folder in self._tidied:
            return
        self._tidied.add(folder)
        with suppress(OSError, ValueError):
            for path in [path for path in folder.glob(".generio-*.part") if _is_stray(path, self._mark)]:
                files.delete(path)

    # ------------------------------------------------------------------ where to

    def _noted(self, job: Job) -> tuple[Delivered, ...]:
        """What became of a job's results, one file each, when they were written last; () = it was not yet."""
        delivered = job.placement.delivered
        count = len(job.placement.results) + len(job.placement.files)
        return delivered[:count] if len(delivered) >= count else ()

    def _targets(self, job: Job) -> list[Path]:
        """The files that a job's results become: the output, and beside it -2, -3 … where there are more."""
        if noted := self._noted(job):
            return [self._home.output(file.path) for file in noted]
        output = self.path(job)
        endings = [output.suffix] * len(job.placement.results)
        endings += [Path(file).suffix for file in job.placement.files]
        targets: list[Path] = []
        numbers = count(2)
        for ending in endings:
            target = output.with_suffix(ending)
            while target in targets or (targets and same_place(target) in self._taken):
                target = numbered(output, next(numbers)).with_suffix(ending)
            targets.append(target)
        return targets

    @cached_property
    def _taken(self) -> set[str]:
        """The places of the outputs of all models that this command, or a job in the ledger, is about."""
        known = [job.request.destination for job in self._engine.jobs()]
        names = [destination.path for destination in known if isinstance(destination, OutputFile)]
        paths = chain(self._wanted, (self._home.output(name) for name in names))
        return {same_place(path) for path in paths}

    def _look(self, target: Path, is_harmless: Callable[[], bool]) -> None:
        """Raise NotSaved or InTheWay where something is at `target` that is not ours, and not harmless."""
        self.tidy(target.parent)
        try:
            target.lstat()
        except FileNotFoundError:
            return
        if target.is_dir():
            raise NotSaved(Message("{path} is a folder.", path=display(target)), OTHER_FIX)
        if files.is_protected(target):
            raise NotSaved(Message("{path} is write-protected.", path=display(target)), PROTECTED_FIX)
        if self._force:
            return
        there = content_of(target)
        ours = self._written_to(target)
        if there is None or not (there.size == 0 or there.sha256 in ours or is_harmless()):
            history = (
                Message("was changed since it was written")
                if ours
                else Message("was not written by a job in this folder")
            )
            raise InTheWay(
                Message("{path} already exists, and {history}.", path=display(target), history=history)
            )

    def _written_to(self, target: Path) -> set[str]:
        """The digests of all that jobs of the ledger, this one or others, have written to a place."""
        if self._ours is None:
            self._ours = defaultdict(set)
            self.learn(file for job in self._engine.jobs() for file in job.placement.delivered)
        return self._ours.get(same_place(target), set())

    # ------------------------------------------------------------------ what

    def kept_glb(self, job: Job) -> Path:
        """Where a finished job's folder has its first model, unless that was deleted. Raises ResultGone."""
        if not job.placement.results:
            raise ResultGone
        return JobFolder(self._engine.folder(job.token)).kept(job.placement.results[0].glb)

    def _pieces(self, job: Job) -> list[_Piece]:
        """What becomes of each of a finished job's results. Raises ResultGone where no .blend was made."""
        noted = self._noted(job) if job.status.step is Step.PLACED else ()
        pieces: list[_Piece] = []
        targets = self._targets(job)
        made = [*job.placement.results, *(Result(file) for file in job.placement.files)]
        for number, (result, target) in enumerate(zip(made, targets, strict=False)):
            kept = result.blend if target.suffix.lower() == ".blend" else result.glb
            if not kept:
                raise ResultGone(
                    Message("There was no Blender to make a .blend file from the model."),
                    Message("Run the same command again where Blender is available."),
                )
            source = JobFolder(self._engine.folder(job.token)).kept(kept)
            where = job.request.destination
            if isinstance(where, OutputFile) and where.bake and kept == result.glb:
                source = JobFolder.baked_glb(source)
            content = content_of(source) or Content(0, "")
            as_noted = not noted or content == (noted[number].size, noted[number].sha256)
            pieces.append(_Piece(content, target, source, whole=content.size > 0 and as_noted))
        return pieces

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            atomic_path(target, self._part(target)) as part,
            source.open("rb") as kept,
            part.open("xb") as file,
        ):
            shutil.copyfileobj(kept, file, 1 << 20)
            sync(file)  # else a power cut may leave the new name, and nothing in it

    def _part(self, target: Path, length: int = 0) -> Path:
        """A new name beside a target, which is no longer than common names, or has `length` characters."""
        begin, end = f".generio-{self._mark}-", ".part"
        return target.with_name(f"{begin}{next(self._parts):0{max(1, length - len(begin + end))}}{end}")


def display(path: Path) -> str:
    """A path as the user would write it here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative


def numbered(path: Path, number: int) -> Path:
    """The path with -`number` behind its stem, of which so much is kept as leaves a name that disks take."""
    stem, ending = path.stem, f"-{number}{path.suffix}"
    while len((stem + ending).encode(errors="surrogatepass")) > LONGEST_NAME:
        stem = stem[:-1]
    return path.with_name(stem + ending)


def content_of(path: Path, size: int | None = None) -> Content | None:
    """What is in a file; None where none can be read, or it has another size than `size`, in bytes."""
    try:
        if not path.is_file() or (size is not None and path.stat().st_size != size):
            return None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Content(file.tell(), digest)
    except (OSError, ValueError):
        return None


def is_remainder(path: Path, whole: Path) -> bool:
    """Whether a file has nothing but what a power cut leaves of a copy of `whole`: parts of it, and zeros."""
    with path.open("rb") as left, whole.open("rb") as right:
        for page in iter(lambda: left.read(PAGE), b""):
            if page != right.read(PAGE)[: len(page)] and page.strip(b"\0"):
                return False
    return True


@contextmanager
def _written(target: Path) -> Generator[None]:
    """Says of what the disk refuses which output that was. Raises NotSaved."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        fix = _FIXES.get(disk_trouble(error), OTHER_FIX)
        raise NotSaved(
            Message("{path} cannot be written: {reason}.", path=display(target), reason=reason), fix
        ) from error
    except ValueError as error:
        raise NotSaved(
            Message("{path} cannot be written: that is not a valid file name.", path=display(target)),
            OTHER_FIX,
        ) from error


def name_trouble(path: Path) -> Message:
    """Why Windows does not take the name of a file, or of a folder that is still to be made for it, or EMPTY.

    It counts on each system, since outputs are shared. What a folder has that is there is its owner's affair.
    """
    for place in (path, *path.parents):
        if place != path and place.is_dir():
            break
        if reason := trouble(place.name):
            return reason
    return EMPTY


def _mark(owner: str) -> str:
    """What tells the files of one engine from those of others: computer, process, and a random word."""
    place, process, engine = owner.split(":")
    return f"{hashlib.sha256(place.encode()).hexdigest()[:8]}-{process}-{engine}"


def _is_stray(path: Path, mark: str) -> bool:
    """Whether a file that was to become an output was left by a process that is no more.

    mark: that of this one. Of other computers there is no telling, so there it is after a day.
    """
    found = _PART.fullmatch(path.name)
    if found is None or f".generio-{mark}-" in path.name:
        return False
    here = machine()
    if found["machine"] != hashlib.sha256(here.encode()).hexdigest()[:8]:
        alive = None
    elif found["process"].partition("-")[0] == str(os.getpid()):
        alive = False  # who had this number before, or an engine of this process that is no more
    else:
        alive = is_alive(f"{here}:{found['process']}:")
    return alive is False or (alive is None and time.time() - path.stat().st_mtime > DAY)
