# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the results of jobs to files: completely or not at all, and never over somebody else's file.

The store records the size and digest of each file that was written. Only a file that still matches its record
is "already done", and only a file that a job of the store has written is overwritten.
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
from .job_directory import JobDirectory, path_key

LONGEST_NAME = 255
"""The most bytes that a file name may have on common disks."""

PAGE = 4096
"""Bytes in a page. After a power cut, each page of a file has either what was written, or zeros."""

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
    """A file that no job of this store has written is in the place of an output."""

    message = Message("Another file is where the model belongs.")
    fix = Message("Move it, choose another --output, or overwrite it with --force.")


class ResultGone(FlowsError):
    """The downloaded result is not in the job's folder any more, and cannot be downloaded again."""

    message = Message("The model that was downloaded no longer exists.")
    fix = Message("Delete the job, and run the same command again to make a new model.")


class Content(NamedTuple):
    """The content of a file: its size in bytes, and its SHA-256."""

    size: int
    sha256: str


class _Result(NamedTuple):
    """One result of a job: its file in the job's folder, `source`, whether that is intact, and its output."""

    content: Content
    target: Path
    source: Path
    is_intact: bool


class Outputs:
    """Writes the outputs of one command.

    directory: where the jobs are stored. engine: records in the store what is written. all_outputs: the
    outputs of all items of the command. force: whether to overwrite files that no job of the store has
    written.
    """

    def __init__(
        self, directory: JobDirectory, engine: Engine, all_outputs: Sequence[Path], force: bool
    ) -> None:
        self._directory = directory
        self._engine = engine
        self._all_outputs = all_outputs
        self._force = force
        self._written_digests: dict[str, set[str]] | None = None  # digests of what was written to each path
        self._cleaned_folders: set[Path] = set()
        self._owner_mark = _owner_mark(engine.owner)
        self._part_numbers = count(1)

    def output_path(self, job: Job) -> Path:
        """Return the output of a job, or the first one of several."""
        destination = job.request.destination
        assert isinstance(destination, OutputFile)
        return self._directory.output_path(destination.path)

    def check(self, job: Job) -> None:
        """Check that a job's output can be written, before anything is paid for.

        Raises NotSaved or InTheWay.
        """
        target = self.output_path(job)
        if reason := name_problem(target):
            what = Message("{path} cannot be written: {reason}.", path=display_path(target), reason=reason)
            raise NotSaved(what, RENAME_FIX)
        with _explaining_refusals(target):
            self._check_target(target, lambda: False)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = self._part_path(target, len(target.name))  # Windows may refuse its length.
            part.touch(exist_ok=False)
            files.delete(part)

    def intact_outputs(self, job: Job) -> list[Path] | None:
        """Return the outputs of a job if every one of them is still as it was written, else None."""
        files = self._delivered(job)
        paths = [self._directory.output_path(file.path) for file in files]
        for path in paths:
            self.delete_stray_parts(path.parent)
        as_written = all(
            content_of(path, file.size) == (file.size, file.sha256)
            for path, file in zip(paths, files, strict=True)
        )
        return paths if job.status.step is Step.PLACED and files and as_written else None

    def write(self, job: Job) -> list[Path] | None:
        """Write those outputs of a finished job that are missing, record them, and return all its outputs.

        Returns None if another process has claimed the job meanwhile. Raises NotSaved, InTheWay, LedgerError,
        and ResultGone if the results have to be downloaded first.
        """
        results = self._results(job)
        if not results or not all(result.is_intact for result in results):
            raise ResultGone
        missing = [
            result for result in results if content_of(result.target, result.content.size) != result.content
        ]
        for _, target, source, _ in missing:
            with _explaining_refusals(target):
                self._check_target(target, partial(is_partial_copy, target, source))
        files = [Delivered(self._directory.relative(result.target), *result.content) for result in results]
        if files != [*self._delivered(job)] and not self._engine.mark_delivered(job.token, files):
            return None
        self.record_written(files)
        for result in missing:
            with _explaining_refusals(result.target):
                self._copy(result.source, result.target)
        if job.status.step is not Step.PLACED:
            self._engine.mark_placed(job.token)
        return [result.target for result in results]

    def discard_damaged(self, job: Job) -> None:
        """Delete the downloaded results that were changed since, so that they are downloaded again."""
        with suppress(ResultGone, OSError):
            for result in self._results(job):
                if not result.is_intact:
                    files.delete(result.source)

    def record_written(self, files: Iterable[Delivered]) -> None:
        """Remember what this process, or another one, has written."""
        if self._written_digests is not None:
            for file in files:
                self._written_digests[path_key(self._directory.output_path(file.path))].add(file.sha256)

    def delete_stray_parts(self, folder: Path) -> None:
        """Delete the unfinished files that killed processes have left in a folder; each folder once."""
        if folder in self._cleaned_folders:
            return
        self._cleaned_folders.add(folder)
        with suppress(OSError, ValueError):
            for path in [
                path for path in folder.glob(".generio-*.part") if _is_stray(path, self._owner_mark)
            ]:
                files.delete(path)

    # ------------------------------------------------------------------ where to

    def _delivered(self, job: Job) -> tuple[Delivered, ...]:
        """Return the files that a job's results were last written to, one for each, or ()."""
        delivered = job.placement.delivered
        count = len(job.placement.results) + len(job.placement.files)
        return delivered[:count] if len(delivered) >= count else ()

    def _targets(self, job: Job) -> list[Path]:
        """Return a file for each of a job's results: the output, and -2, -3 … beside it for further ones."""
        if delivered := self._delivered(job):
            return [self._directory.output_path(file.path) for file in delivered]
        output = self.output_path(job)
        endings = [output.suffix] * len(job.placement.results)
        endings += [Path(file).suffix for file in job.placement.files]
        targets: list[Path] = []
        numbers = count(2)
        for ending in endings:
            target = output.with_suffix(ending)
            while target in targets or (targets and path_key(target) in self._taken_keys):
                target = numbered_path(output, next(numbers)).with_suffix(ending)
            targets.append(target)
        return targets

    @cached_property
    def _taken_keys(self) -> set[str]:
        """The keys of the outputs of all items of this command, and of all jobs in the store."""
        known = [job.request.destination for job in self._engine.jobs()]
        names = [destination.path for destination in known if isinstance(destination, OutputFile)]
        paths = chain(self._all_outputs, (self._directory.output_path(name) for name in names))
        return {path_key(path) for path in paths}

    def _check_target(self, target: Path, is_harmless: Callable[[], bool]) -> None:
        """Raise NotSaved or InTheWay if a file is in the way that is not ours, and not harmless either."""
        self.delete_stray_parts(target.parent)
        try:
            target.lstat()
        except FileNotFoundError:
            return
        if target.is_dir():
            raise NotSaved(Message("{path} is a folder.", path=display_path(target)), OTHER_FIX)
        if files.is_protected(target):
            raise NotSaved(Message("{path} is write-protected.", path=display_path(target)), PROTECTED_FIX)
        if self._force:
            return
        content = content_of(target)
        written = self._digests_for(target)
        if content is None or not (content.size == 0 or content.sha256 in written or is_harmless()):
            history = (
                Message("was changed since it was written")
                if written
                else Message("was not written by a job in this folder")
            )
            raise InTheWay(
                Message("{path} already exists, and {history}.", path=display_path(target), history=history)
            )

    def _digests_for(self, target: Path) -> set[str]:
        """Return the digests of all files that jobs of the store have written to a path."""
        if self._written_digests is None:
            self._written_digests = defaultdict(set)
            self.record_written(file for job in self._engine.jobs() for file in job.placement.delivered)
        return self._written_digests.get(path_key(target), set())

    # ------------------------------------------------------------------ what

    def first_glb(self, job: Job) -> Path:
        """Return the path of a finished job's first model, which may have been deleted. Raises ResultGone."""
        if not job.placement.results:
            raise ResultGone
        return JobFolder(self._engine.folder(job.token)).locate(job.placement.results[0].glb)

    def _results(self, job: Job) -> list[_Result]:
        """Return the results of a finished job. Raises ResultGone if a .blend is wanted and none was made."""
        delivered = self._delivered(job) if job.status.step is Step.PLACED else ()
        results: list[_Result] = []
        targets = self._targets(job)
        made = [*job.placement.results, *(Result(file) for file in job.placement.files)]
        for number, (result, target) in enumerate(zip(made, targets, strict=False)):
            model_name = result.blend if target.suffix.lower() == ".blend" else result.glb
            if not model_name:
                raise ResultGone(
                    Message("There was no Blender to make a .blend file from the model."),
                    Message("Run the same command again where Blender is available."),
                )
            source = JobFolder(self._engine.folder(job.token)).locate(model_name)
            destination = job.request.destination
            if isinstance(destination, OutputFile) and destination.bake and model_name == result.glb:
                source = JobFolder.baked_glb(source)
            content = content_of(source) or Content(0, "")
            is_unchanged = not delivered or content == (delivered[number].size, delivered[number].sha256)
            results.append(_Result(content, target, source, is_intact=content.size > 0 and is_unchanged))
        return results

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            atomic_path(target, self._part_path(target)) as part,
            source.open("rb") as model,
            part.open("xb") as file,
        ):
            shutil.copyfileobj(model, file, 1 << 20)
            sync(file)  # Otherwise a power cut may leave an empty file under the new name.

    def _part_path(self, target: Path, length: int = 0) -> Path:
        """Return a new path beside `target`; its name is padded to `length` characters."""
        begin, end = f".generio-{self._owner_mark}-", ".part"
        return target.with_name(
            f"{begin}{next(self._part_numbers):0{max(1, length - len(begin + end))}}{end}"
        )


def display_path(path: Path) -> str:
    """Return a path as the user would write it in the current folder."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative


def numbered_path(path: Path, number: int) -> Path:
    """Return `path` with -`number` after its stem, which is cut to LONGEST_NAME bytes if necessary."""
    stem, ending = path.stem, f"-{number}{path.suffix}"
    while len((stem + ending).encode(errors="surrogatepass")) > LONGEST_NAME:
        stem = stem[:-1]
    return path.with_name(stem + ending)


def content_of(path: Path, size: int | None = None) -> Content | None:
    """Return the content of a file; None if it cannot be read, or does not have `size` bytes."""
    try:
        if not path.is_file() or (size is not None and path.stat().st_size != size):
            return None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Content(file.tell(), digest)
    except (OSError, ValueError):
        return None


def is_partial_copy(path: Path, whole: Path) -> bool:
    """Whether a file may be what a power cut has left of a copy of `whole`: parts of it, and zeros."""
    with path.open("rb") as first, whole.open("rb") as second:
        for page in iter(lambda: first.read(PAGE), b""):
            if page != second.read(PAGE)[: len(page)] and page.strip(b"\0"):
                return False
    return True


@contextmanager
def _explaining_refusals(target: Path) -> Generator[None]:
    """Turn an error of the disk into a NotSaved that names the output."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        fix = _FIXES.get(disk_trouble(error), OTHER_FIX)
        raise NotSaved(
            Message("{path} cannot be written: {reason}.", path=display_path(target), reason=reason), fix
        ) from error
    except ValueError as error:
        raise NotSaved(
            Message("{path} cannot be written: that is not a valid file name.", path=display_path(target)),
            OTHER_FIX,
        ) from error


def name_problem(path: Path) -> Message:
    """Return why Windows does not allow the name of a file or of a folder to be made for it, or EMPTY.

    This is checked on every system, because outputs are shared. Folders that exist already are not checked.
    """
    for part in (path, *path.parents):
        if part != path and part.is_dir():
            break
        if reason := trouble(part.name):
            return reason
    return EMPTY


def _owner_mark(owner: str) -> str:
    """Return a mark that distinguishes the files of one engine: computer, process, and a random word."""
    host, process, engine = owner.split(":")
    return f"{hashlib.sha256(host.encode()).hexdigest()[:8]}-{process}-{engine}"


def _is_stray(path: Path, mark: str) -> bool:
    """Whether an unfinished output was left behind by a process that has ended.

    mark: the mark of this engine. Processes of other computers cannot be checked, so a file of theirs counts
    as left behind after a day.
    """
    found = _PART.fullmatch(path.name)
    if found is None or f".generio-{mark}-" in path.name:
        return False
    this_machine = machine()
    if found["machine"] != hashlib.sha256(this_machine.encode()).hexdigest()[:8]:
        alive = None
    elif found["process"].partition("-")[0] == str(os.getpid()):
        alive = False  # an earlier process with this id, or an earlier engine of this process
    else:
        alive = is_alive(f"{this_machine}:{found['process']}:")
    return alive is False or (alive is None and time.time() - path.stat().st_mtime > DAY)
