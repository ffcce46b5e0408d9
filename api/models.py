# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Flows API talks about, as frozen values, with parsers that tolerate every documented variant.

`X.parse(json)` takes decoded JSON of whatever shape and returns an X, or raises UnexpectedAnswer when the one
thing is missing that makes it an X: its id. Fields that are absent or of another type become None or empty.
The rows V1 … V29 are those of the contract's table of variants.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar, cast

from ..core.call_errors import UnexpectedAnswer
from ..core.text import reason_of, scalar_text, tidy

GLB_MIME = "model/gltf-binary"
TEXT_TO_MODEL = "model_generate_fromprompt"
IMAGE_TO_MODEL = "model_generate_fromimage"
OPTIMIZE = "model_optimize"

_LONGEST_ID = 200  # characters; ids in the contract have 24

T = TypeVar("T")


class Prompt(NamedTuple):
    """A text input. `additional` is any JSON, kept with the input and copied to its output (section 8)."""

    text: str
    additional: Any = None


class File(NamedTuple):
    """A picture or model on disk, with the MIME type that its content has; `additional` as in Prompt."""

    path: Path
    mime: str
    additional: Any = None


Source = Prompt | File


class FlowState(StrEnum):
    """Where a flow is in its life (contract section 3).

    A state that the contract does not name is kept in lower case, and counts as not yet ended (V10).
    """

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    ABORTING = "aborting"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        text = value if isinstance(value, str) else ""
        text = tidy(text, 40).lower() or "unknown"
        for member in cls:
            if member.value == text:
                return member
        state = str.__new__(cls, text)
        state._name_, state._value_ = "UNKNOWN", text
        return state

    @property
    def known(self) -> bool:
        """Whether the contract names this state."""
        return self.name != "UNKNOWN"

    @property
    def terminal(self) -> bool:
        """Whether the flow has ended and will not change any more."""
        return self in (FlowState.COMPLETED, FlowState.FAILED, FlowState.ABORTED)


@dataclass(frozen=True)
class Flow:
    """One execution of a template (contract 4.4).

    `progress` is 0..1 or None when the service does not say (V9; it never decides completion); timestamps are
    text as the service wrote it, for display; `reason` is why it failed, when the service says so.
    """

    flow_id: str
    template: str | None = None
    state: FlowState = FlowState.UNKNOWN
    progress: float | None = None
    created_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    additional: Any = None
    reason: str | None = None

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read a flow; raises UnexpectedAnswer when there is no flow id (V29)."""
        entry = _entry(json)
        return cls(
            flow_id=_identifier(entry, "flow_id", "id", "_id"),
            template=_template_of(entry),
            state=FlowState(entry.get("state") or entry.get("status")),
            progress=_fraction(entry.get("progress")),
            created_at=scalar_text(entry.get("created_at")),
            started_at=scalar_text(entry.get("started_at")),
            finished_at=scalar_text(entry.get("finished_at")),
            parameters=as_object(entry.get("parameters")),
            additional=_additional(entry),
            reason=reason_of(entry),
        )


class Asset(NamedTuple):
    """One input or output of a flow (contract section 7).

    `status` is lower-case text, "" when absent; `processed` is opaque, for display (V22); `data` is there
    only where the service sent it; `reason` is why this asset is in error, when the service says so.
    """

    asset_id: str
    status: str = ""
    processed: str | bool | None = None
    additional: Any = None
    data: str | None = None
    reason: str | None = None

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read an asset; raises UnexpectedAnswer when it has no id (V1)."""
        entry = _entry(json)
        data = entry.get("data", entry.get("file_data"))
        processed = entry.get("processed")
        return cls(
            asset_id=_identifier(entry, *ASSET_ID_KEYS),
            status=(scalar_text(entry.get("status")) or "").lower(),
            processed=processed if isinstance(processed, bool) else scalar_text(processed),
            additional=_additional(entry),
            data=data if isinstance(data, str) else None,
            reason=reason_of(entry),
        )

    @property
    def pending(self) -> bool:
        """Still being processed (V3)."""
        return self.status == "processing"

    @property
    def usable(self) -> bool:
        """Worth a download: neither in error nor pending; every other status, or none, is good (V3)."""
        return self.status not in ("error", "failed") and not self.pending


ASSET_ID_KEYS = ("asset_id", "id", "_id")


@dataclass(frozen=True)
class Template:
    """A pipeline that the service offers (contract section 2); `parameters` maps names to descriptions."""

    name: str
    template_id: str | None = None
    description: str = ""
    input_types: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read a template; `create_flow` takes its name (V25). Raises UnexpectedAnswer without one."""
        entry = {"name": json} if isinstance(json, str) else _entry(json)
        template_id = find_identifier(entry, "template_id", "id", "_id")
        name = find_identifier(entry, "template_name", "name", "template") or template_id
        if name is None:
            raise UnexpectedAnswer()
        return cls(
            name=name,
            template_id=template_id,
            description=scalar_text(entry.get("description")) or "",
            input_types=_texts(entry.get("input_types", entry.get("inputs"))),
            output_types=_texts(entry.get("output_types", entry.get("outputs"))),
            parameters=_described(entry.get("parameters")),
        )


def parse_list(json: object, key: str, parse: Callable[[object], T]) -> list[T]:
    """Read a list that comes bare, or in an object under `key`, "items" or "data" (4.2; V21).

    Entries without an id are skipped (V1). Raises UnexpectedAnswer when there is no list.
    """
    entries: object = json
    if isinstance(json, dict):
        envelope = cast(dict[str, object], json)
        lists = [envelope[name] for name in (key, *ENVELOPE_KEYS) if isinstance(envelope.get(name), list)]
        entries = lists[0] if lists else None
    if not isinstance(entries, list):
        raise UnexpectedAnswer()
    parsed: list[T] = []
    for entry in cast(list[object], entries):
        try:
            parsed.append(parse(entry))
        except UnexpectedAnswer:
            continue
    return parsed


ENVELOPE_KEYS = ("items", "data")


def as_object(value: object) -> dict[str, Any]:
    """`value` when it is a JSON object, else an empty one."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def find_identifier(entry: dict[str, Any], *keys: str) -> str | None:
    """Text of the first of `keys` that holds a usable id: one printable word or number of sane length."""
    for key in keys:
        value = entry.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64:
            value = str(value)
        if isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= _LONGEST_ID:
            return value
    return None


def _identifier(entry: dict[str, Any], *keys: str) -> str:
    identifier = find_identifier(entry, *keys)
    if identifier is None:
        raise UnexpectedAnswer()
    return identifier


def _entry(json: object) -> dict[str, Any]:
    if not isinstance(json, dict):
        raise UnexpectedAnswer()
    return cast(dict[str, Any], json)


def _template_of(entry: dict[str, Any]) -> str | None:
    """V28: a string, an object with a name, or keys of its own."""
    template = entry.get("template")
    if isinstance(template, dict):
        inner = cast(dict[str, Any], template)
        return find_identifier(inner, "template_name", "name", "template", "template_id", "id", "_id")
    return find_identifier(entry, "template", "template_name", "template_id")


def _fraction(value: object) -> float | None:
    """V9: a fraction, or a percentage when above 1; None when it is neither."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond every float
        return None
    if not math.isfinite(number):
        return None
    return max(0.0, min(1.0, number / 100 if number > 1 else number))


def _additional(entry: dict[str, Any]) -> Any:
    """V14: null, {} and absent are the same."""
    value = entry.get("additional")
    return None if value == {} else value


_MOST_TEXTS = 100

_TYPE_KEYS = ("type", "mime_type", "media_type", "name")


def _texts(value: object) -> tuple[str, ...]:
    """Names of types: one or several, bare or in an object each."""
    entries = cast(list[object], value) if isinstance(value, list) else [value]
    found: list[str] = []
    for entry in entries[:_MOST_TEXTS]:
        if isinstance(entry, dict):
            raw = cast(dict[str, object], entry)
            entry = next((raw[key] for key in _TYPE_KEYS if isinstance(raw.get(key), str)), None)
        if isinstance(entry, str):
            found.append(tidy(entry, 80))
    return tuple(found)


def _described(value: object) -> dict[str, Any]:
    """Descriptions of parameters by their names: of such an object, of a list, or of a JSON Schema.

    What a schema says of all of them becomes part of each description: which are required, and what a
    reference stands for.
    """
    if isinstance(value, list):
        found: dict[str, Any] = {}
        for entry in cast(list[object], value):
            raw = {"name": entry} if isinstance(entry, str) else as_object(entry)
            name = find_identifier(raw, "name", "parameter_name", "parameter", "key", "id")
            if name is not None:
                found[name] = raw
        return found
    schema = as_object(value)
    inner, required = schema.get("properties"), schema.get("required")
    if not isinstance(inner, dict) or not (schema.get("type") == "object" or isinstance(required, list)):
        return schema
    shared = {**as_object(schema.get("definitions")), **as_object(schema.get("$defs"))}
    needed = cast(list[object], required) if isinstance(required, list) else []
    names = {name for name in needed if isinstance(name, str)}
    return {
        name: _with_references(raw, shared) | {"required": name in names}
        for name, raw in cast(dict[str, Any], inner).items()
    }


def _with_references(raw: object, shared: dict[str, Any]) -> dict[str, Any]:
    """A description with what it refers to in its place, whether it does so itself or by one of its parts."""
    entry = as_object(raw)
    whole = [entry, *(part for key in ("allOf", "anyOf", "oneOf") for part in _objects(entry.get(key)))]
    references = [part["$ref"] for part in whole if isinstance(part.get("$ref"), str)]
    if len(references) != 1:
        return entry
    meant = as_object(shared.get(references[0].rpartition("/")[2]))
    own = {key: value for key, value in entry.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
    return {**meant, **own}


def _objects(value: object) -> list[dict[str, Any]]:
    return [as_object(part) for part in cast(list[object], value)[:8]] if isinstance(value, list) else []
