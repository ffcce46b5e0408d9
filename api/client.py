# SPDX-License-Identifier: GPL-3.0-or-later
"""The Flows API: one method for each endpoint of the contract's section 4."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ..core.call_errors import (
    CallFailed,
    InvalidRequest,
    MethodNotAllowed,
    NetworkError,
    NotFound,
    ServiceDown,
    UnexpectedAnswer,
    WrongState,
)
from ..core.errors import (
    Cancelled,
    NoResult,
    NotAGlb,
    ResultTooLarge,
    ResultTruncated,
    ResultUnusable,
    UnsupportedFile,
)
from ..core.messages import Message
from ..core.urls import PRODUCTION_URL, segment
from ..formats.glb import MAGIC, GlbInfo
from ..formats.images import SENDABLE, detect_image, read_head
from .models import GLB_MIME, Asset, File, Flow, Prompt, Source, Template, as_object, parse_list
from .prompts import check_prompt
from .retry import RetryPolicy
from .transfer import CancelCheck, DataUri, JsonBody, Progress, receive, receive_file, watched

__all__ = ["PRODUCTION_URL", "FlowsClient"]

T = TypeVar("T")

_JPEG, _JPG = "image/jpeg", "image/jpg"
_ANOTHER = Message("The answer is about a different job.")
_ABOUT_THE_TYPE = re.compile(r"mime|jpe?g|unsupported|media|\btypes?\b", re.IGNORECASE)


class FlowsClient:
    """A connection to the Flows API, for one thread; use it as a context manager, or call `close()`.

    `timeout` is the seconds to wait for a connection, and for each next sign of life; `policy` says how often
    a failed call is repeated, `wait` is called with the seconds before that (it may raise Cancelled);
    `max_download` is the most bytes that one download may have. Raises UnsafeAddress, MissingKey or
    MalformedKey.

    Every method raises the classes of CallFailed; what else it may raise is said there. `progress` is called
    with the bytes done and the bytes in all (None when unknown), `cancelled` is asked between blocks and
    ends a transfer with Cancelled.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: tuple[float, float] = (10, 60),
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008  # frozen
        wait: Callable[[float], object] = time.sleep,
        max_download: int = 1 << 30,
    ) -> None:
        # requests takes far longer to import than all the rest, and Blender waits for an add-on to register.
        from .transport import Transport

        self._transport = Transport(base_url, api_key, timeout, policy, wait)
        self._max_download = max_download

    def __repr__(self) -> str:
        return f"FlowsClient({self._transport.base!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that were kept alive."""
        self._transport.close()

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._transport.base

    def hang_up(self) -> None:
        """End the call that is under way, which raises NetworkError; the one method for other threads."""
        self._transport.hang_up()

    # ---- templates and flows -------------------------------------------------------------------------

    def templates(self) -> list[Template]:
        """List what the service offers (4.1); nothing should depend on it, see `parameters`."""
        return parse_list(self._transport.call("GET", "/templates"), "templates", Template.parse)

    def flows(self) -> list[Flow]:
        """List the account's flows (4.2), in no known order and perhaps not all of them (V19, V20, V21)."""
        return parse_list(self._transport.call("GET", "/flows"), "flows", Flow.parse)

    def create_flow(
        self,
        template: str,
        parameters: Mapping[str, Any] | None = None,
        inputs: Sequence[Source] | None = None,
        additional: Any = None,
        *,
        progress: Progress | None = None,
        cancelled: CancelCheck | None = None,
    ) -> Flow:
        """Create a flow (4.3), which starts by itself if it has `inputs` and waits in `created` if not.

        Never repeated when an earlier attempt may have arrived: look for a token in `additional` first.
        Raises InputRefused's classes before anything is sent, and Cancelled.
        """
        for source in inputs or ():
            _check_source(source)

        def body(jpeg: str) -> JsonBody:
            value: dict[str, Any] = {"template": template, "additional": additional}
            if parameters:
                value["parameters"] = dict(parameters)
            if inputs:  # V13: an empty list has no known meaning
                value["inputs"] = [_input_item(source, "data", jpeg) for source in inputs]
            return JsonBody(value, progress, cancelled)

        def send(method: str, path: str, value: JsonBody) -> Any:
            if inputs:  # it runs at once, so no late answer to another call may be taken for its own
                self._transport.close()  # the connections; it makes others
            return self._transport.call(method, path, value)

        flow = Flow.parse(_post(send, "/flows", body, inputs or ()))
        ours, theirs = (as_object(value).get("token") for value in (additional, flow.additional))
        if ours is not None and theirs is not None and ours != theirs:
            raise UnexpectedAnswer(_ANOTHER)
        return flow

    def flow(self, flow_id: str) -> Flow:
        """Read one flow (4.4); poll it, but not more often than every few seconds."""
        flow = Flow.parse(self._transport.call("GET", _path(flow_id)))
        if flow.flow_id != flow_id:
            raise UnexpectedAnswer(_ANOTHER)
        return flow

    def start_flow(self, flow_id: str) -> None:
        """Start a flow that was created without inputs and has some now (4.5, V12)."""
        _about(flow_id, self._transport.send("PATCH", _path(flow_id), JsonBody({"action": "start"})))

    def abort_flow(self, flow_id: str) -> None:
        """Ask a starting or running flow to stop (4.5); it goes on to be `aborting` for a while."""
        _about(flow_id, self._transport.send("PATCH", _path(flow_id), JsonBody({"action": "abort"})))

    def delete_flow(self, flow_id: str) -> None:
        """Remove a flow that does not run, with all its files (4.6)."""
        answer_lost = False

        def once() -> None:
            nonlocal answer_lost
            try:
                _about(flow_id, self._transport.send_once("DELETE", _path(flow_id)))
            except NotFound:
                if not answer_lost:  # else the attempt whose answer was lost has done it
                    raise
            except (NetworkError, ServiceDown) as error:
                answer_lost = answer_lost or error.sent
                raise

        self._transport.repeat("DELETE", once)

    # ---- inputs --------------------------------------------------------------------------------------

    def inputs(self, flow_id: str) -> list[Asset]:
        """List the inputs of a flow, without their data (4.7)."""
        answer = _about(flow_id, self._transport.call("GET", _path(flow_id, "inputs")))
        return parse_list(answer, "inputs", Asset.parse)

    def add_input(
        self,
        flow_id: str,
        source: Source,
        *,
        progress: Progress | None = None,
        cancelled: CancelCheck | None = None,
    ) -> Asset | None:
        """Add an input to a flow in `created` (4.8); returns what the service says of it, if anything.

        Where the service has no such endpoint, a file goes to the older one (4.12, V5). Raises NotFound when
        the flow is gone, MethodNotAllowed when the flow is there but the service offers neither endpoint,
        InputRefused's classes before anything is sent, and Cancelled.
        """
        _check_source(source)

        def post(endpoint: str, key: str) -> Asset | None:
            def body(jpeg: str) -> JsonBody:
                return JsonBody(_input_item(source, key, jpeg), progress, cancelled)

            answer = _about(flow_id, _post(self._transport.send, _path(flow_id, endpoint), body, [source]))
            with suppress(UnexpectedAnswer):
                return Asset.parse(answer)
            return None

        try:
            return post("inputs", "data")
        except (NotFound, MethodNotAllowed) as error:
            refusal = error
        self.flow(flow_id)  # raises NotFound when it was the flow that is unknown, not the endpoint
        if isinstance(source, File):
            with suppress(NotFound, MethodNotAllowed):
                return post("input", "file_data")
        raise MethodNotAllowed(status=refusal.status, detail=refusal.detail, own_word=refusal.own_word)

    def input(self, flow_id: str, asset_id: str) -> Asset:
        """Read one input with its data (4.9), which has to fit into memory: 16 MiB at most."""
        answer = _about(flow_id, self._transport.call("GET", _path(flow_id, "inputs", asset_id)))
        # No document says that the answer repeats the id.
        return Asset.parse({**as_object(answer), "asset_id": asset_id})

    # ---- outputs -------------------------------------------------------------------------------------

    def outputs(self, flow_id: str, *, expect_outputs: bool = True) -> list[Asset]:
        """List the outputs of a flow that has ended, without their data (4.10).

        A flow that has just ended may answer "not yet" or an empty list (V24), so it is asked again as often
        as the policy allows. expect_outputs: False for a flow that may have none; the first answer counts.
        """

        def once() -> list[Asset]:
            try:
                answer = _about(flow_id, self._transport.call_once("GET", _path(flow_id, "outputs")))
            except (WrongState, InvalidRequest) as error:
                if expect_outputs:
                    raise _NotYet(error) from None
                raise
            found = parse_list(answer, "outputs", Asset.parse)
            if expect_outputs and not found:
                raise _NotYet(None)
            return found

        try:
            return self._transport.repeat("GET", once)
        except _NotYet as not_yet:
            if not_yet.refusal is None:
                return []
            refusal = not_yet.refusal
        raise refusal

    def download_output(
        self,
        flow_id: str,
        asset_id: str,
        path: Path,
        *,
        progress: Progress | None = None,
        cancelled: CancelCheck | None = None,
    ) -> GlbInfo:
        """Download an output to `path` as a checked GLB (4.11, V2), which appears there only when complete.

        When the answer holds no usable model, the flow's list of outputs with their data is tried once.
        Raises ResultUnusable's classes (a whole file that is not fit for use is put aside, see `kept`),
        NotSaved when the disk refuses, and Cancelled.
        """

        def download(url_path: str, wanted: str | None) -> GlbInfo:
            return self._download(
                url_path, lambda body: receive(body, path, wanted=wanted), progress, cancelled
            )

        try:
            return download(_path(flow_id, "outputs", asset_id), None)
        except (NoResult, NotAGlb, ResultTruncated) as error:
            unusable = error
        with suppress(CallFailed, ResultUnusable):
            return download(_path(flow_id, "outputs") + "?include_data=true", asset_id)
        raise unusable

    def download_file(
        self,
        flow_id: str,
        asset_id: str,
        stem: Path,
        *,
        progress: Progress | None = None,
        cancelled: CancelCheck | None = None,
    ) -> Path:
        """Download an output of whatever kind (4.11, V2), as templates make that this version does not know.

        Returns where it is: `stem` with an ending, which is .glb for a GLB that was checked. Raises as
        `download_output`.
        """
        path = _path(flow_id, "outputs", asset_id)
        return self._download(path, lambda body: receive_file(body, stem), progress, cancelled)

    def _download(
        self,
        url_path: str,
        receive: Callable[[Iterator[bytes]], T],
        progress: Progress | None,
        cancelled: CancelCheck | None,
    ) -> T:
        """What `receive` makes of the body of an answer, which may be asked for several times."""
        from .transport import blocks, content_length

        def once() -> T:
            if cancelled is not None and cancelled():
                raise Cancelled()
            with self._transport.download(url_path) as response:
                total = content_length(response)
                body = _limited(blocks(response), total, self._max_download)
                return receive(watched(body, total, progress, cancelled))

        return self._transport.repeat("GET", once)


class _NotYet(CallFailed):
    """An ended flow that does not show its outputs yet: for the retry policy, never for a caller."""

    transient = True

    def __init__(self, refusal: CallFailed | None) -> None:
        super().__init__()
        self.refusal = refusal


def _about(flow_id: str, answer: Any) -> Any:
    """`answer`, which need not name a flow; raises UnexpectedAnswer where it names another one."""
    named = as_object(answer).get("flow_id")
    if isinstance(named, str | int) and str(named) != flow_id:
        raise UnexpectedAnswer(_ANOTHER)
    return answer


def _path(flow_id: str, *steps: str) -> str:
    return "/".join(("/flows", segment(flow_id), *(segment(step) for step in steps)))


def _post(
    send: Callable[[str, str, JsonBody], Any],
    path: str,
    body: Callable[[str], JsonBody],
    sources: Iterable[Source],
) -> Any:
    """Send `body(MIME type of JPEG)`, once more with its other spelling when the type is refused (V7)."""
    try:
        return send("POST", path, body(_JPEG))
    except InvalidRequest as error:
        about_the_type = error.status == 415 or _ABOUT_THE_TYPE.search(error.detail)
        if not about_the_type or not any(_is_jpeg(source) for source in sources):
            raise
    return send("POST", path, body(_JPG))


def _input_item(source: Source, key: str, jpeg: str) -> dict[str, Any]:
    """Item of a request: the data under `key` (V5, V6), JPEG spelled as `jpeg` (V7), and `additional`."""
    if isinstance(source, Prompt):
        return {key: source.text, "additional": source.additional}
    mime = jpeg if _is_jpeg(source) else source.mime
    return {key: DataUri(source.path, mime), "additional": source.additional}


def _is_jpeg(source: Source) -> bool:
    return isinstance(source, File) and source.mime in (_JPEG, _JPG)


def _check_source(source: Source) -> None:
    """Raise one of InputRefused's classes for what the service could not use (section 6)."""
    if isinstance(source, Prompt):
        check_prompt(source.text)
        return
    mime = _JPEG if _is_jpeg(source) else source.mime
    if mime == GLB_MIME:
        if read_head(source.path)[:4] != MAGIC:
            raise UnsupportedFile(Message('The file "{name}" is not a GLB model.', name=source.path.name))
    elif mime not in SENDABLE:
        raise UnsupportedFile(Message('Files of the type "{type}" are not supported.', type=mime))
    elif detect_image(source.path) != mime:
        kind = mime.removeprefix("image/").upper()
        raise UnsupportedFile(
            Message('The file "{name}" is not a {kind} picture.', name=source.path.name, kind=kind)
        )


def _limited(body: Iterator[bytes], total: int | None, limit: int) -> Iterator[bytes]:
    """Pass the body on; raises ResultTooLarge when it has more than `limit` bytes."""
    if total is not None and total > limit:
        raise _too_large(limit)
    count = 0
    for block in body:
        count += len(block)
        if count > limit:
            raise _too_large(limit)
        yield block


def _too_large(limit: int) -> ResultTooLarge:
    return ResultTooLarge(
        Message("The result is larger than the {limit:,} MB that are allowed.", limit=limit >> 20)
    )
