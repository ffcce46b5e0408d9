# SPDX-License-Identifier: GPL-3.0-or-later
"""The items that a command makes: one for each output file, with an identity that survives a restart."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..api import (
    GLB_MIME,
    IMAGE_TO_MODEL,
    OPTIMIZE,
    SENDABLE,
    TEXT_TO_MODEL,
    BadParameter,
    UnsupportedFile,
    check_glb,
    check_prompt,
    check_sendable,
    detect_image,
)
from ..api.descriptions import InputKind
from ..api.forms import KNOWN
from ..api.parameters import POLYGON_COUNT, Parameter, parameters_of
from ..api.transfer import digest_of
from ..core.destination import OutputFile, to_data
from ..core.file_names import absolute, fitting
from ..core.messages import Message
from ..jobs import Job, Request
from .job_directory import JobDirectory, path_key
from .lists import UsageError
from .outputs import numbered_path

SUFFIXES = (".glb", ".blend")
OTHER_MODELS = (".gltf", ".obj", ".fbx", ".stl", ".ply", ".dae", ".abc", ".usd", ".usda", ".usdc", ".usdz")
"""Suffixes of other model files; an output with one of these is not taken for a folder."""
LONGEST_STEM = 60  # characters of a prompt that become a file's name


@dataclass(frozen=True)
class Item:
    """One model to make.

    template: the API's name of the template. output: the .glb or .blend file to write. prompt, source: the
    prompt, or the picture or GLB to send. parameters: as the API names them. ratio: the target as a share of
    the source's triangles, instead of a polygon count. optimize: the polygon count that a generated model is
    reduced to afterwards, or None. lods: ratios of levels of detail; `_levels` makes an item of each. bake:
    pixels per side of the maps baked for an optimized model, 0 = none. level_of: for a level of detail, the
    output that the model itself would have.
    """

    template: str
    output: Path
    prompt: str = ""
    source: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ratio: float | None = None
    optimize: int | None = None
    lods: tuple[float, ...] = ()
    bake: int = 0
    level_of: Path | None = None

    def job(self, service: str, directory: JobDirectory) -> Job:
        """Return the job that makes this item at `service`; its token is the same each time.

        Raises subclasses of InputRefused or ResultUnusable if the input cannot be sent.
        """
        parameters = dict(self.parameters)
        mime, content = "", self.prompt
        if self.source is not None:
            mime = _mime(self)
            content = digest_of(self.source)
        else:
            check_prompt(self.prompt)
        if self.ratio is not None and self.source is not None:
            check_sendable(self.source)
            parameters[POLYGON_COUNT.name] = max(1, round(self.ratio * check_glb(self.source).triangles))
        source = directory.relative_to_job(self.source) if self.source is not None else ""
        destination = OutputFile(directory.relative(self.output), self.optimize, self.bake)
        identity = (self.template, parameters, content, to_data(destination))
        return Job(
            Request(
                service=service,
                template=self.template,
                name=self.output.name,
                parameters=parameters,
                prompt=self.prompt,
                input_path=source if mime else "",
                input_mime=mime,
                input_digest=content if self.source is not None else "",
                source="" if mime else source,
                destination=replace(destination, wish=_token(*identity)),
            ),
            token=_token(service, *identity),
        )


def item_key(job: Job, directory: JobDirectory) -> Hashable:
    """Return a key that is equal for jobs that make the same item, at whichever service; "" = there is none.

    Outputs whose names differ only in case are the same if the disk treats them so.
    """
    destination = job.request.destination
    if not isinstance(destination, OutputFile) or not destination.wish or not directory.ignores_case:
        return destination.wish if isinstance(destination, OutputFile) else ""
    parameters = json.dumps(dict(job.request.parameters), sort_keys=True)
    content = job.request.input_digest or job.request.prompt
    return (
        job.request.template,
        parameters,
        content,
        destination.optimize,
        destination.bake,
        path_key(directory.output_path(destination.path)),
    )


def followup_of(generated: Job, model: str) -> Job:
    """Return the job that optimizes the model of the job `generated`.

    model: the name of the model's file in the folder of `generated`.
    """
    first = generated.request
    assert isinstance(first.destination, OutputFile)
    destination = OutputFile(first.destination.path)
    parameters = {POLYGON_COUNT.name: first.destination.optimize}
    return Job(
        Request(
            service=first.service,
            template=OPTIMIZE,
            name=first.name,
            parameters=parameters,
            input_path=f"../{generated.token}/{model}",
            input_mime=GLB_MIME,
            destination=destination,
        ),
        token=_token(first.service, OPTIMIZE, parameters, generated.token, to_data(destination)),
    )


def _token(*parts: Any) -> str:
    """Return a token that is the same for the same parts on every machine, so no store has a job twice."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def kind_of(item: Item) -> InputKind:
    """What is sent."""
    if item.source is None:
        return "TEXT"
    return "MODEL" if _is_model(item) else "IMAGE"


def _is_model(item: Item) -> bool:
    assert item.source is not None
    if item.template in KNOWN:
        return item.template == OPTIMIZE
    return item.source.suffix.lower() in (".glb", *OTHER_MODELS)


def _mime(item: Item) -> str:
    """Return the MIME type of the file to send, "" if a background Blender has to make a PNG of it first."""
    assert item.source is not None
    if _is_model(item):
        if item.source.suffix.lower() != ".glb":
            raise UnsupportedFile(
                Message('The file "{name}" is not a GLB model.', name=item.source.name),
                Message("Export it as GLB."),
            )
        return GLB_MIME
    mime = detect_image(item.source)
    return mime if mime in SENDABLE else ""


# ---------------------------------------------------------------------- from options and lists to items


def items_to_generate(
    prompts: Sequence[str],
    images: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    common: Mapping[str, Any],
) -> list[Item]:
    """Return the items of the `generate` command. Raises UsageError."""
    wanted = [{"prompt": prompt} for prompt in prompts] + [
        {"image": path} for path in expand_patterns(images)
    ]
    return _with_outputs([_item_to_generate({**common, **wish}) for wish in [*wanted, *rows]], common)


def items_to_optimize(
    models: Sequence[str], rows: Iterable[Mapping[str, Any]], common: Mapping[str, Any]
) -> list[Item]:
    """Return the items of the `optimize` command. Raises UsageError."""
    wanted = [{"model": path} for path in expand_patterns(models, common["folder"])]
    # A target of its own takes the place of whichever the options have.
    without_target = {
        name: value for name, value in common.items() if name not in ("polygons", "ratio", "lods")
    }
    complete = [
        {**(without_target if "polygons" in wish or "ratio" in wish else common), **wish}
        for wish in [*wanted, *rows]
    ]
    return _with_outputs([_item_to_optimize(wish) for wish in complete], common)


def items_to_run(
    template: str,
    prompt: str | None,
    source: Path | None,
    values: Sequence[str],
    common: Mapping[str, Any],
) -> list[Item]:
    """Return the items of the `run` command, which is one.

    values: of parameters, as NAME=VALUE. A value that is JSON is taken as such, and anything else as a text:
    what the service says of them is not asked, so that the same command always means the same job. Raises
    UsageError.
    """
    if template in KNOWN:
        raise UsageError(f"{template} has a command of its own: generate or optimize")
    if not template.strip() or not template.isprintable():
        raise UsageError("a template has a name")
    parameters: dict[str, Any] = {}
    for pair in values:
        name, is_pair, value = pair.partition("=")
        if not name.strip() or not is_pair:
            raise UsageError(f"--set wants NAME=VALUE, and not {pair}")
        if name in parameters:
            raise UsageError(f"--set has {name} twice")
        parameters[name] = _json_or_text(value)
    path = source.absolute() if source is not None else None
    return _with_outputs([Item(template, Path(), (prompt or "").strip(), path, parameters)], common)


def _json_or_text(value: str) -> Any:
    with suppress(ValueError, RecursionError):
        found = json.loads(value)
        json.dumps(found, allow_nan=False)  # of NaN and the like the service could make nothing
        return found
    return value


def expand_patterns(patterns: Iterable[str], results: Path | None = None) -> list[str]:
    """Return the files that match patterns such as "in/**/*.png", for shells that do not expand them.

    results: files in this folder are left out, because an earlier run of the command has written them. Raises
    UsageError if a pattern matches nothing.
    """
    paths: list[str] = []
    for pattern in patterns:
        if glob.has_magic(pattern) and not Path(pattern).exists():
            found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - knows absolute patterns
            inputs = [path for path in found if results is None or not _in(path, results)]
            if not inputs:
                but = " except in the output folder; choose another --output" if found else ""
                raise UsageError(f"no file matches {pattern}{but}")
            paths += inputs
        else:
            paths.append(pattern)
    return paths


def _in(path: str, folder: Path) -> bool:
    return os.path.realpath(Path(path).parent) == os.path.realpath(folder)


def shard(items: list[Item], spec: str) -> list[Item]:
    """Return the items of the shard "i/n", from 1/n to n/n. Raises UsageError."""
    found = re.fullmatch(r"(\d+)/(\d+)", spec)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"--shard must be i/n, such as 3/8, not {spec}")
    return items[number - 1 :: count]


def _item_to_generate(row: Mapping[str, Any]) -> Item:
    if ("prompt" in row) == ("image" in row) or "model" in row:
        raise UsageError("each model to generate needs either a prompt or an image")
    source = Path(str(row["image"])).absolute() if "image" in row else None
    template = IMAGE_TO_MODEL if source else TEXT_TO_MODEL
    given = [parameter for parameter in parameters_of(template) if parameter.name in row]
    return Item(
        template=template,
        output=Path(str(row.get("output", ""))),
        prompt=str(row.get("prompt", "")).strip(),
        source=source,
        parameters={parameter.name: _read(parameter, row, parameter.name) for parameter in given},
        optimize=_read(POLYGON_COUNT, row, "optimize") if "optimize" in row else None,
    )


def _item_to_optimize(row: Mapping[str, Any]) -> Item:
    if "model" not in row or "prompt" in row or "image" in row:
        raise UsageError("each model to optimize needs a GLB file")
    if "polygons" in row and "ratio" in row:
        raise UsageError("a model is optimized to a number of polygons or by a ratio, not both")
    count = {POLYGON_COUNT.name: _read(POLYGON_COUNT, row, "polygons")} if "polygons" in row else {}
    return Item(
        template=OPTIMIZE,
        output=Path(str(row.get("output", ""))),
        source=Path(str(row["model"])).absolute(),
        parameters=count,
        ratio=_ratio(row["ratio"]) if "ratio" in row else None,
        lods=row.get("lods", ()),
        bake=row.get("bake", 0),
    )


def _read(parameter: Parameter, row: Mapping[str, Any], name: str) -> Any:
    """Return the value of the column `name` of a row, as the API expects it. Raises UsageError."""
    try:
        return parameter.read(row[name], name)
    except BadParameter as error:
        raise UsageError(error.message.removesuffix(".")) from None


def _ratio(value: object) -> float:
    try:
        ratio = float(str(value))
    except ValueError:
        raise UsageError(f"ratio must be a number, not {value}") from None
    if not 0.0 < ratio <= 1.0:
        raise UsageError(f"a ratio must be more than 0 and at most 1, not {value}")
    return ratio


def _with_outputs(items: list[Item], common: Mapping[str, Any]) -> list[Item]:
    """Return the items with distinct outputs; `common` has folder, file, and suffix. Raises UsageError."""
    if not items:
        raise UsageError("there is nothing to do: give an input, or a list that is not empty")
    folder, file, suffix = common["folder"], common["file"], common["suffix"]
    if file and len(items) > 1:
        raise UsageError(f"{len(items)} models do not fit into {file}; give a folder as --output")
    named = [_output_path(item, folder, file, suffix) for item in items]
    taken_keys = _distinct_keys(
        path for item, path in zip(items, named, strict=True) if file or item.output.name
    )
    next_numbers: dict[str, int] = {}
    for index, item in enumerate(items):
        if not file and not item.output.name:  # An output that nobody has named gets out of the way.
            named[index] = _free_path(named[index], taken_keys, next_numbers)
    made = [
        level
        for item, path in zip(items, named, strict=True)
        for level in _levels(replace(item, output=path))
    ]
    if any(item.lods for item in items):
        _distinct_keys(item.output for item in made)
    inputs = {_identity(item.source) for item in items if item.source is not None} - {None}
    for item in made:
        if _identity(item.output) in inputs:
            raise UsageError(f"{item.output} is an input; choose another --output for its result")
    return made


def _levels(item: Item) -> list[Item]:
    """Return the item itself, or an item for each of its levels of detail; each is made from the original."""
    if not item.lods:
        return [item]
    path = item.output
    return [
        replace(
            item,
            output=path.with_name(f"{path.stem}_LOD{number}{path.suffix}"),
            ratio=ratio,
            lods=(),
            level_of=path,
        )
        for number, ratio in enumerate(item.lods, 1)
    ]


def _output_path(item: Item, folder: Path, file: Path | None, suffix: str) -> Path:
    """Return the absolute path of an item's output, whether or not another item has it already."""
    own = item.output if item.output.name else None
    if own is not None and own.suffix.lower() not in SUFFIXES:
        own = own.with_name(own.name + suffix)
    return absolute(file or folder / (own or f"{stem(item)}{suffix}"))


def _distinct_keys(outputs: Iterable[Path]) -> set[str]:
    """Return the keys of outputs that the user has named. Raises UsageError if two are the same."""
    taken_keys: set[str] = set()
    for path in outputs:
        key = path_key(path)
        if key in taken_keys:
            raise UsageError(
                f"two models have the output {path}, or names that differ only in case; give each its own"
            )
        taken_keys.add(key)
    return taken_keys


def _free_path(path: Path, taken_keys: set[str], next_numbers: dict[str, int]) -> Path:
    """Return the path, or one with a number after its stem, that no other item has, and mark it as taken.

    next_numbers: the last number that was tried for each key.
    """
    wanted_key = key = path_key(path)
    free = path
    while key in taken_keys:
        number = next_numbers[wanted_key] = next_numbers.get(wanted_key, 1) + 1
        free = numbered_path(path, number)
        key = path_key(free)
    taken_keys.add(key)
    return free


def is_same_file(first: Path, second: Path) -> bool:
    """Whether both paths lead to the same existing file."""
    return (identity := _identity(first)) is not None and identity == _identity(second)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what identifies a file, by whichever path; None if there is no such file."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_dev, stat.st_ino


def stem(item: Item) -> str:
    """Return the stem of the file that is made from an item, after its source or prompt."""
    if item.source is not None:
        return fitting(item.source.stem)
    words = re.sub(r"[^\w]+", "-", item.prompt.lower()).strip("-_")
    return fitting(words[:LONGEST_STEM].rstrip("-_") or "model")
