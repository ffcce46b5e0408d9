# SPDX-License-Identifier: GPL-3.0-or-later
"""The GENERIO Flows API, without Blender: `FlowsClient`, what it talks about, and what can go wrong.

Nothing is kept between calls. The facts come from the contract, whose sections and rows (V1 … V29) are
named where they are used. `client` sits on `transport` (one HTTP exchange: key, redirects, limits, errors),
`transfer` (streaming bodies both ways), and `decode` with `scan` (a streamed answer becomes a GLB, whatever
it is wrapped in). The client repeats nothing for the engine: whole steps are repeated, so that each repeat
is seen, can be cancelled, and looks before it acts.

Bodies have a largest size, answers a largest number of values and depth, also where they come packed
(`coding`). One connection gives one answer to one call: interim answers are skipped, whatever else comes
closes the connection, and a model, which does not say whose it is, comes over a connection of its own. Each
read is measured at the socket (`pace`), heads included: fewer than 4 KiB in a minute of waiting, two
minutes for an answer, or a day for a download, and it is over; the time that we ourselves take does not
count.
"""

from ..core.call_errors import (
    CallFailed,
    CertificateError,
    FlowFailed,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NetworkError,
    NotFound,
    PaymentRequired,
    RateLimited,
    ServiceDown,
    TooLarge,
    UnexpectedAnswer,
    WrongState,
)
from ..core.disk_errors import NotSaved, disk_trouble
from ..core.errors import (
    AmbiguousPrompt,
    BadParameter,
    Cancelled,
    EmptyPrompt,
    FlowsError,
    GarbledPrompt,
    InputRefused,
    MalformedKey,
    MissingKey,
    NoResult,
    NotAGlb,
    NotReady,
    NotSelfContained,
    ResultTooLarge,
    ResultTruncated,
    ResultUnusable,
    UnreadableFile,
    UnsafeAddress,
    UnsupportedFile,
    UnusableModel,
    WebPage,
)
from ..formats.glb import MOST_TEXELS, GlbInfo, check_glb
from ..formats.images import SENDABLE, check_regular, detect_image, picture_size
from ..formats.sendable import check_sendable
from .client import PRODUCTION_URL, FlowsClient
from .models import (
    GLB_MIME,
    IMAGE_TO_MODEL,
    OPTIMIZE,
    TEXT_TO_MODEL,
    Asset,
    File,
    Flow,
    FlowState,
    Prompt,
    Source,
    Template,
)
from .prompts import check_prompt
from .retry import RetryPolicy, decide, parse_retry_after
from .transfer import CancelCheck, Progress

__all__ = [
    "GLB_MIME",
    "IMAGE_TO_MODEL",
    "MOST_TEXELS",
    "OPTIMIZE",
    "PRODUCTION_URL",
    "SENDABLE",
    "TEXT_TO_MODEL",
    "AmbiguousPrompt",
    "Asset",
    "BadParameter",
    "CallFailed",
    "CancelCheck",
    "Cancelled",
    "CertificateError",
    "EmptyPrompt",
    "File",
    "Flow",
    "FlowFailed",
    "FlowState",
    "FlowsClient",
    "FlowsError",
    "GarbledPrompt",
    "GlbInfo",
    "InputRefused",
    "InvalidRequest",
    "KeyRefused",
    "MalformedKey",
    "MethodNotAllowed",
    "MissingKey",
    "NetworkError",
    "NoResult",
    "NotAGlb",
    "NotFound",
    "NotReady",
    "NotSaved",
    "NotSelfContained",
    "PaymentRequired",
    "Progress",
    "Prompt",
    "RateLimited",
    "ResultTooLarge",
    "ResultTruncated",
    "ResultUnusable",
    "RetryPolicy",
    "ServiceDown",
    "Source",
    "Template",
    "TooLarge",
    "UnexpectedAnswer",
    "UnreadableFile",
    "UnsafeAddress",
    "UnsupportedFile",
    "UnusableModel",
    "WebPage",
    "WrongState",
    "check_glb",
    "check_prompt",
    "check_regular",
    "check_sendable",
    "decide",
    "detect_image",
    "disk_trouble",
    "parse_retry_after",
    "picture_size",
]
