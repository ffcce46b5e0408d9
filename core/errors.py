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

CallFailed and what is below it, and FlowFailed, are in `call_errors`; NotSaved is in `disk_errors`. Some
rooms have errors of their own.

Every error has `message` (one sentence: what happened) and `fix` (one sentence: what to do about it),
`remedy` (slug of the button that does it, or "") and `code` (the class name as a slug, for the ledger).
No error ever holds the API key.
"""

import re
from pathlib import Path
from typing import ClassVar, Literal, Self

from .messages import EMPTY, Message, ended

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
    "show_folder",
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
    message = Message("The API key contains spaces, line breaks or other invalid characters.")
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
    message = Message('A prompt cannot begin with "data:", because the service would mistake it for a file.')
    fix = Message("Begin the prompt with another word.")


class GarbledPrompt(InputRefused):
    """The prompt was damaged on its way here, or was never text."""

    remedy: Remedy = "edit_prompt"
    message = Message("The prompt contains invalid characters.")
    fix = Message("Type it again, or save its list as UTF-8.")


class BadParameter(InputRefused):
    """A script, a list or a command gave a parameter or an option a value that it cannot have."""

    message = Message("A setting has an invalid value.")
    fix = Message("Use another value.")


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
                Message('The file "{name}" does not exist.', name=path.name),
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
    fix = Message("Export it again, as one GLB that contains everything.")


# ---- the caller's wish -------------------------------------------------------------------------------


class Cancelled(FlowsError):
    """The caller's `cancelled()` said so."""

    message = Message("Canceled.")
    fix = Message("Start again whenever you like.")


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
    message = Message("The result is a web page, not a GLB model.")
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


class NoChildBlender(Exception):
    """No second Blender can be started on this machine, or there is none to start; the text says why."""
