"""What the service says, in each of its documented variants (contract, section 10).

`REFERENCE` plays the newest reference pages, `QUICKSTART` what the vendor's quickstart shows and no more;
`ONE_SHOT` is in between, with all endpoints, but inputs that have to come with the create. Each field is one
question that the documents answer differently; `dataclasses.replace` plays any other mixture. Rows that need
no field, since the service has one answer: V6, V17 (only `data`, never a URL), V12 (a flow made with inputs
starts by itself), V13 (`inputs` null or absent), V15, V16 (bare text, otherwise data URIs only), V19, V20
(the query of the list), V21 (no paging fields), V24 (an error before the end; a fault makes it last longer),
V25 (a template's id, in the reference only), V27 (200). V23 and V26 are the client's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from .flows import Asset, Flow
from .media import TEXT, data_uri
from .templates import TEMPLATES, Template

_IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/tiff")
_LEGACY_IMAGE_TYPES = ("image/png", "image/jpg", "image/tiff", "image/bmp")


@dataclass(frozen=True)
class Profile:
    """One consistent way to answer."""

    name: str
    everything: bool  # all endpoints, or only the four that the quickstart calls
    empty_create: bool = True  # section 4.3: whether a flow may be created before it has inputs
    flow_key: Literal["flow_id", "id"] = "flow_id"  # V29
    asset_key: Literal["asset_id", "id", "_id"] = "asset_id"  # V1
    download: Literal["json", "raw", "base64"] = "json"  # V2
    swapped_data_uri: bool = False  # V18, in what is sent out
    output_status: Literal["ready", "available"] | None = "ready"  # V3
    asset_error_key: str = "error_message"  # V4
    flow_error_key: str | None = None  # section 4.4: the flow itself may say why it failed
    plural_inputs: bool = True  # V5; False leaves only the legacy endpoint
    image_types: tuple[str, ...] = _IMAGE_TYPES  # V7, V8
    legacy_image_types: tuple[str, ...] = _LEGACY_IMAGE_TYPES
    progress: Literal["steps", "fraction", "percent", "null"] = "steps"  # V9, details
    list_progress: Literal["steps", "fraction", "percent", "null"] = "percent"  # V9, list
    aborting: bool = True  # V10
    state_in_created: bool = True  # V11
    nothing_additional: Literal["null", "object", "absent"] = "null"  # V14
    input_processed: Literal["flag", "timestamp"] = "flag"  # V22, in the list
    output_processed: bool = False  # V22
    template_form: Literal["string", "object", "template_name", "template_id"] = "string"  # V28, details
    list_template_form: Literal["string", "object", "template_name", "template_id"] = "object"  # V28, list
    template_envelope: bool = True  # section 4.1, or a bare list
    template_name_key: Literal["template_name", "name", "template"] = "template_name"  # section 4.1
    parameters_form: Literal["map", "list", "schema"] = "map"  # section 4.1: nobody says which
    list_envelope: Literal["flows", "items", "data"] | None = "flows"  # section 4.2

    def accepted_types(self, template: Template) -> tuple[str, ...]:
        """List the MIME types of a template's inputs."""
        return self.image_types if template.takes_images else template.input_types

    def templates(self) -> Any:
        """4.1."""
        entries = [self._template(template) for template in TEMPLATES]
        return {"templates": entries} if self.template_envelope else entries

    def _template(self, template: Template) -> dict[str, Any]:
        key = "template_id" if self.template_name_key == "template_name" else "id"
        types = template.told_types
        schema = template.parameters.model_json_schema()
        entry: dict[str, Any] = {
            key: template.template_id,
            self.template_name_key: template.name,
            "description": template.description,
            "input_types": list(self.accepted_types(template) if types is None else types),
            "output_types": [template.output],
            "parameters": _PARAMETERS[self.parameters_form](schema),
        }
        return entry

    def flow_list(self, flows: list[Flow]) -> Any:
        """4.2."""
        entries = [self._flow(flow, self.list_progress, self.list_template_form) for flow in flows]
        return {self.list_envelope: entries} if self.list_envelope else entries

    def created(self, flow: Flow) -> dict[str, Any]:
        """4.3, and the answer to PATCH."""
        answer = {self.flow_key: flow.flow_id}
        return answer | {"state": self._state(flow)} if self.state_in_created else answer

    def details(self, flow: Flow) -> dict[str, Any]:
        """4.4."""
        whole = self._flow(flow, self.progress, self.template_form)
        return whole if self.everything else {key: whole[key] for key in whole if key in self._shown}

    @property
    def _shown(self) -> set[str | None]:
        return {self.flow_key, "state", "progress", self.flow_error_key}

    def _flow(self, flow: Flow, progress: str, template_form: str) -> dict[str, Any]:
        answer: dict[str, Any] = {
            self.flow_key: flow.flow_id,
            "state": self._state(flow),
            "progress": _PROGRESS[progress](flow.fraction()),
            "created_at": _timestamp(flow.created_at),
            "started_at": _timestamp(flow.started_at),
            "finished_at": _timestamp(flow.finished_at),
            "parameters": flow.given_parameters,
        }
        match template_form:
            case "string":
                answer["template"] = flow.template.name
            case "object":
                answer["template"] = {
                    "template_id": flow.template.template_id,
                    "template_name": flow.template.name,
                }
            case "template_id":
                answer["template_id"] = flow.template.template_id
            case _:
                answer["template_name"] = flow.template.name
        if self.flow_error_key and flow.reason:
            answer[self.flow_error_key] = flow.reason
        return answer | self._additional(flow.additional)

    def _state(self, flow: Flow) -> str:
        return "running" if flow.state == "aborting" and not self.aborting else str(flow.state)

    def _additional(self, value: Any) -> dict[str, Any]:
        if value is None and self.nothing_additional == "absent":
            return {}
        return {"additional": {} if value is None and self.nothing_additional == "object" else value}

    def input_list(self, flow: Flow, *, with_data: bool) -> dict[str, Any]:
        """4.7."""
        flag = self.input_processed == "flag"
        return {
            self.flow_key: flow.flow_id,
            "inputs": [
                self.input(asset, with_data=with_data)
                | ({"processed": asset.processed is not None} if flag else {})
                for asset in flow.inputs
            ],
        }

    def input(self, asset: Asset, *, with_data: bool = True) -> dict[str, Any]:
        """4.9; without the data also the answer to 4.8."""
        answer: dict[str, Any] = {
            self.asset_key: asset.asset_id,
            "status": "error" if asset.error else "available",
            "processed": _timestamp(asset.processed),
        }
        return answer | self._additional(asset.additional) | (self._data(asset) if with_data else {})

    def output_list(self, flow: Flow, *, with_data: bool) -> dict[str, Any]:
        """4.10."""
        return {
            self.flow_key: flow.flow_id,
            "outputs": [self._output(asset, with_data=with_data) for asset in flow.outputs],
        }

    def _output(self, asset: Asset, *, with_data: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {self.asset_key: asset.asset_id}
        if asset.data is None:
            answer |= {"status": "error", self.asset_error_key: asset.error}
        elif self.output_status:
            answer["status"] = self.output_status
        if self.output_processed:
            answer["processed"] = _timestamp(asset.processed)
        return answer | self._additional(asset.additional) | (self._data(asset) if with_data else {})

    def _data(self, asset: Asset) -> dict[str, Any]:
        if asset.data is None:
            return {"data": None}
        mime = f"{TEXT};charset=utf-8" if asset.mime == TEXT else asset.mime
        uri = data_uri(mime, asset.data)
        return {"data": uri.replace(";base64,", ",base64;", 1) if self.swapped_data_uri else uri}


_PROGRESS = {
    "steps": lambda fraction: float(fraction == 1.0),
    "fraction": lambda fraction: round(fraction, 3),
    "percent": lambda fraction: round(100 * fraction, 1),
    "null": lambda _: None,
}


def _described(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each parameter's own description, by its name."""
    required = schema.get("required", [])
    return {
        name: {key: value for key, value in about.items() if key != "title"}
        | ({"required": True} if name in required else {})
        for name, about in schema["properties"].items()
    }


_PARAMETERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "map": _described,
    "list": lambda schema: [{"name": name, **about} for name, about in _described(schema).items()],
    "schema": lambda schema: schema,
}


def _timestamp(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


REFERENCE = Profile("reference", everything=True)
QUICKSTART = Profile(
    "quickstart",
    everything=False,
    empty_create=False,
    asset_key="id",
    download="raw",
    output_status=None,
    asset_error_key="error",
    flow_error_key="error",
    progress="fraction",
    aborting=False,
    state_in_created=False,
    output_processed=True,
)
ONE_SHOT = replace(REFERENCE, name="one-shot", empty_create=False)
PROFILES = {profile.name: profile for profile in (REFERENCE, QUICKSTART, ONE_SHOT)}
