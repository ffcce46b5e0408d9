# SPDX-License-Identifier: GPL-3.0-or-later
# the names say what happened, and the root of the tree says that it is an error
"""What can go wrong with the Flows API: one class for each thing that somebody can do about it.

FlowsError
├── NotReady                nothing can be sent yet
│   ├── MissingKey          no API key is set
│   ├── MalformedKey        the API key cannot be one: blanks or control characters inside
│   └── UnsafeAddress       the service address is no URL, or neither https nor this computer
├── InputRefused            refused here, before anything was sent
│   ├── EmptyPrompt         the prompt has no words
│   ├── AmbiguousPrompt     the prompt begins with "data:", which the service would read as a file
│   ├── GarbledPrompt       the prompt has characters that are no text
│   ├── BadParameter        a parameter or option with a value that it cannot have
│   ├── UnreadableFile      missing, empty, a folder, not permitted, or changed while it was read
│   ├── UnsupportedFile     a type that is not accepted, or content that is not what it claims to be
│   └── UnusableModel       damaged, or so that its like could not be opened when it comes back
├── Cancelled               the caller asked to stop
├── CallFailed              one call failed; the job behind it may be alive
│   ├── NetworkError        no connection, no answer, or half an answer
│   │   └── CertificateError  the connection is not trustworthy
│   ├── KeyRefused          401, 403
│   ├── PaymentRequired     402
│   ├── NotFound            404
│   ├── MethodNotAllowed    405
│   ├── WrongState          409
│   ├── TooLarge            413
│   ├── InvalidRequest      400, 422 and every other 4xx
│   ├── RateLimited         429
│   ├── ServiceDown         408 and every 5xx
│   └── UnexpectedAnswer    not as the contract says: another flow's, a web page, a foreign redirect
├── FlowFailed              the calls worked, the service's own work failed
├── ResultUnusable          an answer arrived, but no model that Blender could open
│   ├── NoResult            nothing in it
│   ├── NotAGlb             something else in it
│   │   ├── WebPage         a page in its place, which a network's login puts there for a while
│   │   └── TexturesTooLarge  unpacks to more than memory has
│   ├── ResultTruncated     cut off
│   ├── ResultTooLarge      larger than allowed
│   └── NotSelfContained    refers to files outside itself
└── NotSaved                the result could not be written to this computer's disk

Every error has `message` (one sentence: what happened) and `fix` (one sentence: what to do about it),
`remedy` (slug of the button that does it, or "") and `code` (the class name as a slug, for the ledger).
No error ever holds the API key.
"""

import errno
import re
from pathlib import Path
from typing import ClassVar, Literal, Self

from .messages import EMPTY, Message, ended
from .text import plain_reason

Remedy = Literal[
    "",
    "enter_key",
    "open_account",
    "check_address",
    "retry",
    "edit_input",
    "edit_prompt",
    "choose_image",
    "add_box",
    "convert",
    "make_lods",
    "cancel",
    "import",
    "recover",
    "render",
    "open_preferences",
    "open_file_paths",
    "go_online",
    "open_folder",
    "update",
    "restart",
    "report",
]


class FlowsError(Exception):
    """Root of the tree (see the module's docstring).

    Texts and remedy have defaults in the class; a place that knows better gives its own.
    """

    code: ClassVar[str] = "flows_error"
    remedy: Remedy = ""
    message: Message = Message("Something went wrong with GENERIO Flows.")
    fix: Message = Message("Try again.")

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()

    def __init__(self, message: Message = EMPTY, fix: Message = EMPTY, remedy: Remedy = "") -> None:
        self.message = ended(message or type(self).message)  # Blender's words at its end may have no stop
        self.fix = fix or type(self).fix
        self.remedy = remedy or type(self).remedy
        super().__init__(self.message, self.fix)

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


# ---- nothing can be sent yet -------------------------------------------------------------------------


class NotReady(FlowsError):
    """Nothing can be sent yet."""

    remedy: Remedy = "open_preferences"
    message = Message("GENERIO Flows is not set up yet.")
    fix = Message("Open the extension's preferences.")


class MissingKey(NotReady):
    """No API key is set."""

    remedy: Remedy = "enter_key"
    message = Message("There is no API key yet.")
    fix = Message("Create a key at account.generio.ai and paste it into the preferences.")


class MalformedKey(NotReady):
    """The API key holds what no key can hold."""

    remedy: Remedy = "enter_key"
    message = Message("The API key contains spaces, line breaks or other characters that no key has.")
    fix = Message("Copy the whole key once more and paste it into the preferences.")


class UnsafeAddress(NotReady):
    """The address would carry the key unprotected, or is none at all."""

    remedy: Remedy = "check_address"
    message = Message("The service address cannot be used.")
    fix = Message("Enter an address that begins with https://, such as https://flows.generio.ai.")


# ---- refused before anything was sent ----------------------------------------------------------------


class InputRefused(FlowsError):
    """Refused here, before anything was sent."""

    remedy: Remedy = "edit_input"
    message = Message("This input cannot be sent.")
    fix = Message("Choose another input.")


class EmptyPrompt(InputRefused):
    """The prompt has no words."""

    remedy: Remedy = "edit_prompt"
    message = Message("The prompt is empty.")
    fix = Message("Describe in a few words what you want.")


class AmbiguousPrompt(InputRefused):
    """The service could not tell this prompt from a file (contract section 6)."""

    remedy: Remedy = "edit_prompt"
    message = Message('A prompt cannot begin with "data:", because the service would take it for a file.')
    fix = Message("Begin the prompt with another word.")


class GarbledPrompt(InputRefused):
    """The prompt was damaged on its way here, or was never text."""

    remedy: Remedy = "edit_prompt"
    message = Message("The prompt has characters that are no text.")
    fix = Message("Type it once more, or save the list that it comes from as UTF-8.")


class BadParameter(InputRefused):
    """A script, a list or a command gave a parameter or an option a value that it cannot have."""

    message = Message("A setting has a value that it cannot have.")
    fix = Message("Give another value.")


class UnreadableFile(InputRefused):
    """A file that cannot be read to its end."""

    remedy: Remedy = "choose_image"
    message = Message("The file cannot be read.")
    fix = Message("Check that it still exists and is not empty, or choose another file.")

    @classmethod
    def because(cls, path: Path, error: OSError | ValueError) -> Self:
        """The error of the file at `path`, which the system does not open or read."""
        if isinstance(error, FileNotFoundError):
            return cls(
                Message('The file "{name}" is not there.', name=path.name),
                Message("Put it back, or choose another file."),
            )
        return cls(Message('The file "{name}" cannot be read.', name=path.name))


class UnsupportedFile(InputRefused):
    """A file that the service would not understand."""

    remedy: Remedy = "choose_image"
    message = Message("This type of file is not supported.")
    fix = Message("Use a PNG, JPEG, WebP or TIFF picture, or a GLB model.")


class UnusableModel(InputRefused):
    """A model that is damaged, or so that its like could not be opened when it comes back."""

    message = Message("The model cannot be sent.")
    fix = Message("Export it anew, as one GLB with everything in it.")


# ---- the caller's wish -------------------------------------------------------------------------------


class Cancelled(FlowsError):
    """The caller's `cancelled()` said so."""

    message = Message("Cancelled.")
    fix = Message("Start again whenever you like.")


# ---- one call failed ---------------------------------------------------------------------------------


class CallFailed(FlowsError):
    """One HTTP call failed; the job behind it may be alive.

    `status` is the HTTP status or None, `detail` what the service said about it ("" if nothing),
    `retry_after` the seconds that the service asks to wait or None, `transient` whether the same call may
    work later, `sent` whether the call may have reached the service (False: surely not). `own_word` says
    whether the answer has the shape that the service's own errors have (contract section 5), which few
    gateways imitate; `validation` whether it lists what is wrong with the request, field by field.
    """

    transient: ClassVar[bool] = False
    remedy: Remedy = "retry"
    message = Message("The service could not be reached.")
    fix = Message("Try again in a moment.")

    def __init__(
        self,
        message: Message = EMPTY,
        fix: Message = EMPTY,
        *,
        status: int | None = None,
        detail: str = "",
        retry_after: float | None = None,
        sent: bool = True,
        own_word: bool = False,
        validation: bool = False,
    ) -> None:
        super().__init__(message, fix)
        self.own_word = own_word
        self.validation = validation
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.sent = sent


class NetworkError(CallFailed):
    """No connection, no answer, or half an answer."""

    transient = True
    message = Message("The connection to the service broke.")
    fix = Message("Check your internet connection; what was started goes on.")


class CertificateError(NetworkError):
    """The other side could not prove who it is."""

    transient = False
    remedy: Remedy = "check_address"
    message = Message("The service could not prove its identity, so nothing was sent.")
    fix = Message("Check the service address and this computer's clock, or ask whoever runs your network.")


class KeyRefused(CallFailed):
    """401, 403: key missing, wrong, expired or not allowed to do this (contract section 1)."""

    remedy: Remedy = "enter_key"
    message = Message("The service rejected the API key.")
    fix = Message(
        "Perhaps it has expired: create a new one at account.generio.ai and paste it into the preferences."
    )


class PaymentRequired(CallFailed):
    """402: out of credit or plan."""

    remedy: Remedy = "open_account"
    message = Message("Your GENERIO account has no credit left for this.")
    fix = Message("Open your account at account.generio.ai.")


class NotFound(CallFailed):
    """404: unknown, deleted, or somebody else's."""

    remedy: Remedy = ""
    message = Message("The service no longer knows this job or file.")
    fix = Message(
        "It may have been deleted, or belong to another account: look there before you start it again."
    )


class MethodNotAllowed(CallFailed):
    """405: this service speaks another variant of the contract."""

    remedy: Remedy = "check_address"
    message = Message("The service does not offer this function.")
    fix = Message("Check the service address in the preferences.")


class WrongState(CallFailed):
    """409: not possible at this point of the flow's life (contract section 3)."""

    message = Message("The job is not in a state that allows this.")
    fix = Message("Wait until its state has changed, then try again.")


class TooLarge(CallFailed):
    """413: input too large."""

    remedy: Remedy = "edit_input"
    message = Message("The input is too large for the service.")
    fix = Message("Use a smaller picture, or a model with fewer polygons or smaller textures.")


class InvalidRequest(CallFailed):
    """400, 422 and every other 4xx."""

    remedy: Remedy = "edit_input"
    message = Message("The service rejected this request.")
    fix = Message("Change the input or its settings and try again.")


class RateLimited(CallFailed):
    """429: too many calls."""

    transient = True
    message = Message("The service asks for a pause: too many requests.")
    fix = Message("Wait a minute, then try again.")


class ServiceDown(CallFailed):
    """408 and every 5xx."""

    transient = True
    message = Message("The service has a problem of its own at the moment.")
    fix = Message("Try again in a few minutes; what was started is not lost.")


class UnexpectedAnswer(CallFailed):
    """An answer, but not as the contract says: another flow's, a web page; or a redirect not followed."""

    remedy: Remedy = "check_address"
    message = Message("This answer does not come from the GENERIO Flows service.")
    fix = Message("Check the service address in the preferences, and look for an update of this extension.")

    @classmethod
    def of_gateway(cls, status: int | None) -> Self:
        """A refusal that the service cannot have meant: a page, or a word about what it does not know."""
        return cls(
            Message("Something else answered in place of the service ({status}).", status=str(status)),
            Message("Log in to the network that you use, check the service address, or try again later."),
            status=status,
        )


# ---- the service's own work --------------------------------------------------------------------------


class FlowFailed(FlowsError):
    """The calls worked, the service's own work failed or was aborted; `reason` is what it says, or ""."""

    remedy: Remedy = "retry"
    message = Message("The service could not make the model and gave no reason.")
    fix = Message("Try again, or change the input or its settings.")

    def __init__(self, reason: str | None = None) -> None:
        self.reason = reason or ""
        super().__init__(
            Message("The service could not make the model: {reason}", reason=plain_reason(reason))
            if reason
            else EMPTY
        )


# ---- the answer is no model --------------------------------------------------------------------------


class ResultUnusable(FlowsError):
    """An answer arrived, but no model that Blender could open.

    `kept` is where the file was put aside, for a look at it, or None.
    """

    remedy: Remedy = "retry"
    message = Message("The result cannot be used.")
    fix = Message("Download it again; if that does not help, generate it again.")
    kept: Path | None = None


class NoResult(ResultUnusable):
    """Nothing in the answer."""

    message = Message("The service sent no model.")
    fix = Message("Download it again in a minute; if that does not help, generate it again.")


class NotAGlb(ResultUnusable):
    """Something else in the answer."""

    message = Message("The result is not a GLB model.")


class WebPage(NotAGlb):
    """A page in place of the answer, as a network shows before one has logged in."""

    remedy: Remedy = "check_address"
    message = Message("The result is not a GLB model, it is a web page.")
    fix = Message("Log in to the network that you use, or check the service address.")


class ResultTruncated(ResultUnusable):
    """The model ends before its end."""

    message = Message("The model is cut off.")
    fix = Message("Download it again.")


class ResultTooLarge(ResultUnusable):
    """Larger than the limit."""

    remedy: Remedy = "edit_input"
    message = Message("The result is larger than allowed.")
    fix = Message("Generate it with fewer polygons or without textures.")


class TexturesTooLarge(NotAGlb):
    """The pictures of the model unpack to more than memory has."""

    remedy: Remedy = "edit_input"
    message = Message("The pictures of the model are too large to be opened.")
    fix = Message("Generate it without textures, or optimize it with a smaller Texture Limit.")


class NotSelfContained(ResultUnusable):
    """The model refers to files outside itself, which were not sent and are not to be opened."""

    message = Message("The model needs other files that the service did not send.")
    fix = Message("Generate it again.")


DiskTrouble = Literal["full", "forbidden", "too_long", "other"]
"""What a disk refuses: more bytes, this user, the length of a name, or something else."""

_DISK_TROUBLES: dict[int | None, DiskTrouble] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "forbidden",
    errno.EPERM: "forbidden",
    errno.EROFS: "forbidden",
    errno.ENAMETOOLONG: "too_long",
}


_LONGEST_FOLDER = 247
"""Characters of a path to a folder on Windows, unless that was told to take longer ones; of files 12 more."""

_NO_SUCH_PATH = (2, 3, 206)
"""Errors of Windows (winerror.h): FILE_NOT_FOUND, PATH_NOT_FOUND, FILENAME_EXCED_RANGE."""


def disk_trouble(error: OSError) -> DiskTrouble:
    """What it was that the disk refused."""
    if getattr(error, "winerror", None) in _NO_SUCH_PATH and len(str(error.filename)) > _LONGEST_FOLDER:
        return "too_long"
    return _DISK_TROUBLES.get(error.errno, "other")


_NOT_SAVED_FIXES: dict[DiskTrouble, Message] = {
    "full": Message("Free some disk space, or choose another results folder in the preferences."),
    "forbidden": Message(
        "Get the right to write there, or choose another results folder in the preferences."
    ),
    "too_long": Message("Choose a results folder with a shorter path in the preferences."),
}


class NoChildBlender(Exception):
    """No second Blender can be started on this machine, or there is none to start; the text says why."""


class NotSaved(FlowsError):
    """The result could not be written to this computer's disk."""

    remedy: Remedy = "open_preferences"
    message = Message("The result could not be saved.")
    fix = Message("Check the disk, or choose another results folder in the preferences.")

    @classmethod
    def because(cls, message: Message, error: OSError | RuntimeError) -> Self:
        """The error with this message, and the fix that suits the disk's own; RuntimeError is Blender's."""
        trouble = disk_trouble(error) if isinstance(error, OSError) else "other"
        return cls(message, _NOT_SAVED_FIXES.get(trouble, EMPTY))
