"""The routes: the contract's section 4, in the words of one profile.

Bodies are parsed and base64 is decoded in worker threads, so that a large upload delays nobody else.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import ClientDisconnect

from .faults import Orders, Outcome
from .flows import TERMINAL, Asset, Flow, State, Store, WrongStateError
from .media import TEXT, encoded_length, in_pieces, parse_data_uri
from .profiles import Profile
from .templates import TEMPLATES, Template

_M = TypeVar("_M", bound=BaseModel)
_SHOWN_INPUT = 120  # characters of a refused value that a 422 repeats


@dataclass
class Service:
    """What the routes work with."""

    profile: Profile
    store: Store
    orders: Orders
    key: str
    expired_key: str | None
    body_limit: int
    requests: Counter[str] = field(default_factory=Counter)
    unauthorised: int = 0

    def stats(self) -> dict[str, Any]:
        """Everything that was counted; see `GET /_sandbox/stats`."""
        flows = self.store.stats()
        return {
            "flows": flows,
            "requests": dict(self.requests),
            "unauthorised": self.unauthorised,
            "run_total": sum(flow["run"] for flow in flows.values()),
        }


class NewInput(BaseModel):
    """An input, as 4.3 and 4.8 take it."""

    data: str
    additional: Any = None


class LegacyInput(BaseModel):
    """An input, as 4.12 takes it."""

    file_data: str
    additional: Any = None


_Inputs = Annotated[list[NewInput], Field(min_length=1)]  # an empty list has no documented meaning


class _AnyNewFlow(BaseModel):
    template: str
    parameters: dict[str, Any] | None = None
    additional: Any = None


class NewFlow(_AnyNewFlow):
    """4.3."""

    inputs: _Inputs | None = None


class NewFlowWithInputs(_AnyNewFlow):
    """4.3, where there is no other way to send inputs."""

    inputs: _Inputs


class Action(BaseModel):
    """4.5."""

    action: Literal["start", "abort"]


class _RefusedError(Exception):
    """Something in the body cannot be accepted; becomes a 422 in FastAPI's shape."""

    def __init__(self, where: tuple[str | int, ...], why: str, value: Any) -> None:
        self.error = {"type": "value_error", "loc": ("body", *where), "msg": why, "input": value}


def create_app(service: Service) -> FastAPI:
    """Make the service double, as an ASGI application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.store.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(_quickstart_routes(service))
    if service.profile.everything:
        app.include_router(_other_routes(service))
    app.include_router(_sandbox_routes(service))

    @app.exception_handler(WrongStateError)
    async def wrong_state(_: Request, error: WrongStateError) -> Response:
        return JSONResponse({"detail": str(error)}, 409)

    @app.exception_handler(_RefusedError)
    async def refused(_: Request, error: _RefusedError) -> Response:
        return _unprocessable([error.error])

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # which nobody gets; a client that hangs up is no error of ours

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return _unprocessable(error.errors())

    return app


def _quickstart_routes(service: Service) -> APIRouter:
    """Route the four calls that the quickstart makes."""
    profile, store = service.profile, service.store
    router = APIRouter(dependencies=[Depends(_authorise(service))])
    new_flow = NewFlow if profile.empty_create else NewFlowWithInputs

    @router.post("/flows")
    async def create(
        body: Annotated[NewFlow | NewFlowWithInputs, Depends(_body(service, new_flow))],
    ) -> Response:
        template = _find_template(profile, body.template)
        flow = Flow(template, _parameters(template, body.parameters), body.parameters or {}, body.additional)
        given = body.inputs or []
        inputs = [
            await run_in_threadpool(_accept, profile.accepted_types(template), item, ("inputs", at, "data"))
            for at, item in enumerate(given)
        ]
        store.create(flow, inputs)
        if inputs:
            flow.starts_by_itself = True
            store.start(flow, service.orders.for_flow(template.name))
        return JSONResponse(profile.created(flow))

    @router.get("/flows/{flow_id}")
    async def details(flow_id: str) -> Response:
        return JSONResponse(profile.details(_find_flow(store, flow_id)))

    @router.get("/flows/{flow_id}/outputs")
    async def outputs(flow_id: str, include_data: bool = False) -> Response:
        flow = _find_flow(store, flow_id)
        flow.require(*TERMINAL)
        if flow.fault and flow.fault.outcome == Outcome.SLOW_OUTPUTS and flow.fault.reads > 0:
            flow.fault.reads -= 1
            if flow.fault.conflict:
                raise WrongStateError("The outputs are not ready yet")
            return JSONResponse({profile.flow_key: flow_id, "outputs": []})
        return await run_in_threadpool(
            lambda: JSONResponse(profile.output_list(flow, with_data=include_data and profile.everything))
        )

    @router.get("/flows/{flow_id}/outputs/{asset_id}")
    async def download(flow_id: str, asset_id: str) -> Response:
        flow = _find_flow(store, flow_id)
        flow.require(*TERMINAL)
        asset = _find_asset(flow.outputs, asset_id)
        if asset.data is None:
            raise HTTPException(404, "Output has no data")
        flow.counts.downloaded += 1
        return _download(profile, asset.mime, asset.data)

    return router


def _other_routes(service: Service) -> APIRouter:
    """Route what only the reference pages describe."""
    profile, store = service.profile, service.store
    router = APIRouter(dependencies=[Depends(_authorise(service))])

    @router.get("/templates")
    async def templates() -> Response:
        return JSONResponse(profile.templates())

    @router.get("/flows")
    async def flows(
        filter_by: Literal["created", "running", "aborting", "completed", "aborted", "failed"] | None = None,
        sort_by: Literal[
            "progress", "created_at", "started_at", "finished_at", "state", "status"
        ] = "created_at",
    ) -> Response:
        found = [flow for flow in store.flows.values() if filter_by in (None, flow.state)]
        found.sort(key=lambda flow: _sort_key(flow, sort_by))
        return JSONResponse(profile.flow_list(found))

    @router.patch("/flows/{flow_id}")
    async def act(flow_id: str, body: Annotated[Action, Depends(_body(service, Action))]) -> Response:
        flow = _find_flow(store, flow_id)
        if body.action == "abort":
            store.abort(flow)
        elif flow.starts_by_itself:
            raise WrongStateError("A flow that was created with inputs starts by itself")
        else:
            store.start(flow, service.orders.for_flow(flow.template.name))
        return JSONResponse(profile.created(flow))

    @router.delete("/flows/{flow_id}")
    async def delete(flow_id: str) -> None:
        store.delete(_find_flow(store, flow_id))

    @router.get("/flows/{flow_id}/inputs")
    async def inputs(flow_id: str, include_data: bool = False) -> Response:
        flow = _find_flow(store, flow_id)
        return await run_in_threadpool(lambda: JSONResponse(profile.input_list(flow, with_data=include_data)))

    @router.get("/flows/{flow_id}/inputs/{asset_id}")
    async def one_input(flow_id: str, asset_id: str) -> Response:
        asset = _find_asset(_find_flow(store, flow_id).inputs, asset_id)
        return await run_in_threadpool(lambda: JSONResponse(profile.input(asset)))

    async def add(flow_id: str, item: NewInput, types: tuple[str, ...] | None, field_name: str) -> Response:
        flow = _find_flow(store, flow_id)
        flow.require(State.CREATED)
        types = types or profile.accepted_types(flow.template)
        asset = await run_in_threadpool(_accept, types, item, (field_name,))
        store.add_input(_find_flow(store, flow_id), asset)
        return JSONResponse(profile.input(asset, with_data=False))

    if profile.plural_inputs:

        @router.post("/flows/{flow_id}/inputs")
        async def add_input(
            flow_id: str, body: Annotated[NewInput, Depends(_body(service, NewInput))]
        ) -> Response:
            return await add(flow_id, body, None, "data")

    @router.post("/flows/{flow_id}/input")
    async def add_legacy_input(
        flow_id: str, body: Annotated[LegacyInput, Depends(_body(service, LegacyInput))]
    ) -> Response:
        if not _find_flow(store, flow_id).template.takes_images:
            raise _RefusedError(("file_data",), "Only images can be sent here", body.file_data)
        item = NewInput(data=body.file_data, additional=body.additional)
        return await add(flow_id, item, profile.legacy_image_types, "file_data")

    return router


def _sandbox_routes(service: Service) -> APIRouter:
    """Route what tests need: no key, and no fault ever hits it."""
    router = APIRouter(prefix="/_sandbox")

    @router.get("/stats")
    async def stats() -> Response:
        return JSONResponse(service.stats())

    @router.put("/faults")
    async def faults(orders: list[dict[str, Any]]) -> None:
        try:
            service.orders.replace(orders)
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_url=False)) from error

    @router.get("/faults")
    async def faults_left() -> Response:
        return JSONResponse(service.orders.left())

    @router.post("/reset")
    async def reset() -> None:
        service.orders.replace([])
        service.requests.clear()
        service.unauthorised = 0
        await service.store.reset()

    return router


def _authorise(service: Service) -> Callable[..., Awaitable[None]]:
    """Section 1: a bearer key on every call."""

    async def check(authorization: Annotated[str | None, Header()] = None) -> None:
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and fnmatchcase(key, service.key):
            return
        service.unauthorised += 1
        if scheme.lower() == "bearer" and key and key == service.expired_key:
            raise HTTPException(403, "API key has expired")
        raise HTTPException(401, "Invalid API key" if authorization else "Not authenticated")

    return check


def _body(service: Service, model: type[_M]) -> Callable[[Request], Awaitable[_M]]:
    """Make a dependency that reads the request's JSON body as `model`."""

    def parse(raw: bytes | bytearray) -> _M:
        try:
            return model.model_validate_json(raw)
        except ValidationError as error:
            found = error.errors(include_url=False)
            raise RequestValidationError(
                [item | {"loc": ("body", *item["loc"])} for item in found]
            ) from error

    async def read(request: Request) -> _M:
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            raise _RefusedError((), "Expected a JSON body (Content-Type: application/json)", None)
        raw = bytearray()
        size = 0
        async for piece in request.stream():  # to the end, so that the client gets to read the refusal
            size += len(piece)
            if size <= service.body_limit:
                raw += piece
        if size > service.body_limit:
            raise HTTPException(413, "Request body too large")
        return await run_in_threadpool(parse, raw)

    return read


def _accept(types: tuple[str, ...], item: NewInput, where: tuple[str | int, ...]) -> Asset:
    """Decode an input and check its type; what is inside is found out when the flow runs."""
    if types == (TEXT,) and not item.data.startswith("data:"):
        if not item.data.strip():
            raise _RefusedError(where, "The prompt is empty", item.data)
        return Asset(TEXT, item.data.encode(), item.additional)
    try:
        mime, data = parse_data_uri(item.data)
    except ValueError as error:
        raise _RefusedError(where, str(error), item.data) from error
    if mime not in types:
        raise _RefusedError(
            where, f"Unsupported media type {mime}; expected one of: {', '.join(types)}", item.data
        )
    return Asset(mime, data, item.additional)


def _parameters(template: Template, given: dict[str, Any] | None) -> BaseModel:
    try:
        return template.parameters.model_validate(given or {})
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError(
            [item | {"loc": ("body", "parameters", *item["loc"])} for item in found]
        ) from error


def _find_template(profile: Profile, wanted: str) -> Template:
    """V25: by name or id; the quickstart shows names only."""
    for template in TEMPLATES:
        if wanted == template.name or (profile.everything and wanted == template.template_id):
            return template
    raise _RefusedError(("template",), "Unknown template", wanted)


def _find_flow(store: Store, flow_id: str) -> Flow:
    if flow_id not in store.flows:
        raise HTTPException(404, "Flow not found")
    return store.flows[flow_id]


def _sort_key(flow: Flow, column: str) -> Any:
    """V19: the page that documents the list has two names for the state."""
    if column == "progress":
        return flow.fraction()
    return str(getattr(flow, "state" if column == "status" else column) or "")


def _find_asset(assets: list[Asset], asset_id: str) -> Asset:
    for asset in assets:
        if asset.asset_id == asset_id:
            return asset
    raise HTTPException(404, "Asset not found")


def _download(profile: Profile, mime: str, data: bytes) -> Response:
    """V2: the same file in one of three wrappings."""
    before = after = b""
    if profile.download == "json":
        separator = ",base64;" if profile.swapped_data_uri else ";base64,"
        before, after = f'{{"data":"data:{mime}{separator}'.encode(), b'"}'
    encode = profile.download != "raw"
    length = len(before) + (encoded_length(data) if encode else len(data)) + len(after)
    return StreamingResponse(
        in_pieces(before, data, after, encode=encode),
        headers={"content-length": str(length)},
        media_type={"json": "application/json", "raw": mime, "base64": TEXT}[profile.download],
    )


def _unprocessable(errors: Any) -> Response:
    """Answer in FastAPI's own shape, except that it does not send back whole files."""

    def shown(value: Any) -> Any:
        if isinstance(value, bytes | bytearray):
            value = value[: _SHOWN_INPUT + 1].decode(errors="replace")
        if isinstance(value, str):
            return value if len(value) <= _SHOWN_INPUT else value[:_SHOWN_INPUT] + "..."
        if isinstance(value, dict):
            return {key: shown(item) for key, item in value.items()}
        return [shown(item) for item in value] if isinstance(value, list | tuple) else value

    return JSONResponse({"detail": jsonable_encoder(shown(errors))}, 422)
