# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command is to make: one item for each output file, with an identity that survives a restart."""

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
from ..api.forms import KNOWN, InputKind
from ..api.parameters import POLYGON_COUNT, Parameter, parameters_of
from ..api.transfer import digest_of
from ..core.destination import OutputFile, to_data
from ..core.file_names import absolute, fitting
from ..core.messages import Message
from ..jobs import Job, Request
from .job_directory import Home, same_place
from .lists import UsageError
from .outputs import numbered

SUFFIXES = (".glb", ".blend")
OTHER_MODELS = (".gltf", ".obj", ".fbx", ".stl", ".ply", ".dae", ".abc", ".usd", ".usda", ".usdc", ".usdz")
"""No folder is meant by a name with one of these."""
LONGEST_STEM = 60  # characters that a prompt gives to a file's name


@dataclass(frozen=True)
class Item:
    """One model to make.

    template: as the API names it. output: where it goes, .glb or .blend. prompt, or source: the picture or
    GLB to send. parameters: as the API names them. ratio: of the source's triangles, instead of a polygon
    count. optimize: to how many polygons a generated model is reduced afterwards, or None. lods: ratios, for
    each of which there is an item of its own once outputs have names. bake: pixels a side of the maps that
    are baked of what an optimized model has lost, 0 = none are. level_of: of such an item, the output that it
    is a level of, as it would be called.
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

    def job(self, service: str, home: Home) -> Job:
        """The job that makes this item at `service`, with a token that is the same each time.

        Raises InputRefused's or ResultUnusable's classes where the input cannot be sent.
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
        source = home.from_job(self.source) if self.source is not None else ""
        destination = OutputFile(home.relative(self.output), self.optimize, self.bake)
        wish = (self.template, parameters, content, to_data(destination))
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
                destination=replace(destination, wish=_token(*wish)),
            ),
            token=_token(service, *wish),
        )


def wish_of(job: Job, home: Home) -> Hashable:
    """What jobs for the same item have in common, whichever service it was asked of; "" = nothing.

    That is so, too, where the same output is spelled in another way, if the disk does not tell them apart.
    """
    where = job.request.destination
    if not isinstance(where, OutputFile) or not where.wish or not home.ignores_case:
        return where.wish if isinstance(where, OutputFile) else ""
    parameters = json.dumps(dict(job.request.parameters), sort_keys=True)
    content = job.request.input_digest or job.request.prompt
    return (
        job.request.template,
        parameters,
        content,
        where.optimize,
        where.bake,
        same_place(home.output(where.path)),
    )


def optimizing(generated: Job, model: str) -> Job:
    """The second job of an item that is generated and then optimized.

    model: name of the file in the folder of the first job that the second one takes.
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
    """The same words for the same wish, on every machine, so that no ledger takes it twice."""
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
    """The type of the file to send, "" where a child Blender has to make a PNG of it first."""
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


def generated(
    prompts: Sequence[str],
    images: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    common: Mapping[str, Any],
) -> list[Item]:
    """Items of the `generate` command. Raises UsageError."""
    wishes = [{"prompt": prompt} for prompt in prompts] + [{"image": path} for path in matching(images)]
    return _named([_generated({**common, **wish}) for wish in [*wishes, *rows]], common)


def optimized(
    models: Sequence[str], rows: Iterable[Mapping[str, Any]], common: Mapping[str, Any]
) -> list[Item]:
    """Items of the `optimize` command. Raises UsageError."""
    wishes = [{"model": path} for path in matching(models, common["folder"])]
    # A target of its own takes the place of whichever the options have.
    others = {name: value for name, value in common.items() if name not in ("polygons", "ratio", "lods")}
    todo = [
        {**(others if "polygons" in wish or "ratio" in wish else common), **wish} for wish in [*wishes, *rows]
    ]
    return _named([_optimized(wish) for wish in todo], common)


def of_template(
    template: str,
    prompt: str | None,
    source: Path | None,
    values: Sequence[str],
    common: Mapping[str, Any],
) -> list[Item]:
    """The item of the `run` command.

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
    return _named([Item(template, Path(), (prompt or "").strip(), path, parameters)], common)


def _json_or_text(value: str) -> Any:
    with suppress(ValueError, RecursionError):
        found = json.loads(value)
        json.dumps(found, allow_nan=False)  # of NaN and the like the service could make nothing
        return found
    return value


def matching(patterns: Iterable[str], results: Path | None = None) -> list[str]:
    """The files that patterns such as "in/**/*.png" name, for shells that do not look themselves.

    results: a folder whose files are left out: they are what this command wrote when it ran before.
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
    """The items of share "i/n", 1/n to n/n; all shares together are all items. Raises UsageError."""
    found = re.fullmatch(r"(\d+)/(\d+)", spec)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"--shard must be i/n, such as 3/8, not {spec}")
    return items[number - 1 :: count]


def _generated(wish: Mapping[str, Any]) -> Item:
    if ("prompt" in wish) == ("image" in wish) or "model" in wish:
        raise UsageError("each model to generate needs either a prompt or an image")
    source = Path(str(wish["image"])).absolute() if "image" in wish else None
    template = IMAGE_TO_MODEL if source else TEXT_TO_MODEL
    given = [parameter for parameter in parameters_of(template) if parameter.name in wish]
    return Item(
        template=template,
        output=Path(str(wish.get("output", ""))),
        prompt=str(wish.get("prompt", "")).strip(),
        source=source,
        parameters={parameter.name: _read(parameter, wish, parameter.name) for parameter in given},
        optimize=_read(POLYGON_COUNT, wish, "optimize") if "optimize" in wish else None,
    )


def _optimized(wish: Mapping[str, Any]) -> Item:
    if "model" not in wish or "prompt" in wish or "image" in wish:
        raise UsageError("each model to optimize needs a GLB file")
    if "polygons" in wish and "ratio" in wish:
        raise UsageError("a model is optimized to a number of polygons or by a ratio, not both")
    count = {POLYGON_COUNT.name: _read(POLYGON_COUNT, wish, "polygons")} if "polygons" in wish else {}
    return Item(
        template=OPTIMIZE,
        output=Path(str(wish.get("output", ""))),
        source=Path(str(wish["model"])).absolute(),
        parameters=count,
        ratio=_ratio(wish["ratio"]) if "ratio" in wish else None,
        lods=wish.get("lods", ()),
        bake=wish.get("bake", 0),
    )


def _read(parameter: Parameter, wish: Mapping[str, Any], name: str) -> Any:
    """The value of a parameter that a wish calls `name`, as the API wants it. Raises UsageError."""
    try:
        return parameter.read(wish[name], name)
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


def _named(items: list[Item], common: Mapping[str, Any]) -> list[Item]:
    """The items with the paths of their outputs, no two alike; `common` has folder, file and suffix."""
    if not items:
        raise UsageError("there is nothing to do: give an input, or a list that is not empty")
    folder, file, suffix = common["folder"], common["file"], common["suffix"]
    if file and len(items) > 1:
        raise UsageError(f"{len(items)} models do not fit into {file}; give a folder as --output")
    named = [_placed(item, folder, file, suffix) for item in items]
    taken = _wished(path for item, path in zip(items, named, strict=True) if file or item.output.name)
    next_numbers: dict[str, int] = {}
    for index, item in enumerate(items):
        if not file and not item.output.name:  # made from the input's name, so it makes way
            named[index] = _free(named[index], taken, next_numbers)
    made = [
        level
        for item, path in zip(items, named, strict=True)
        for level in _levels(replace(item, output=path))
    ]
    if any(item.lods for item in items):
        _wished(item.output for item in made)
    inputs = {_identity(item.source) for item in items if item.source is not None} - {None}
    for item in made:
        if _identity(item.output) in inputs:
            raise UsageError(f"{item.output} is an input; choose another --output for its result")
    return made


def _levels(item: Item) -> list[Item]:
    """The item, or one for each of its levels of detail; each is made of the original."""
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


def _placed(item: Item, folder: Path, file: Path | None, suffix: str) -> Path:
    """Where an item's output goes, if that is free: absolute."""
    own = item.output if item.output.name else None
    if own is not None and own.suffix.lower() not in SUFFIXES:
        own = own.with_name(own.name + suffix)
    return absolute(file or folder / (own or f"{stem(item)}{suffix}"))


def _wished(outputs: Iterable[Path]) -> set[str]:
    """The places of the outputs that were wished for by name. Raises UsageError where two are the same."""
    taken: set[str] = set()
    for path in outputs:
        place = same_place(path)
        if place in taken:
            raise UsageError(
                f"two models have the output {path}, or names that differ only in case; give each its own"
            )
        taken.add(place)
    return taken


def _free(path: Path, taken: set[str], next_numbers: dict[str, int]) -> Path:
    """The path, or one with a number behind its stem, that nobody has taken; now it is.

    next_numbers: by place, where to go on counting.
    """
    wanted = place = same_place(path)
    free = path
    while place in taken:
        number = next_numbers[wanted] = next_numbers.get(wanted, 1) + 1
        free = numbered(path, number)
        place = same_place(free)
    taken.add(place)
    return free


def is_same_file(first: Path, second: Path) -> bool:
    """Whether both paths lead to one file, which is there."""
    return (identity := _identity(first)) is not None and identity == _identity(second)


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells files apart, whatever leads to them; None where there is no such file."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_dev, stat.st_ino


def stem(item: Item) -> str:
    """What a file that is made of an item is named after its source."""
    if item.source is not None:
        return fitting(item.source.stem)
    words = re.sub(r"[^\w]+", "-", item.prompt.lower()).strip("-_")
    return fitting(words[:LONGEST_STEM].rstrip("-_") or "model")
