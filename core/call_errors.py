# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service, or the way to it, can say (contract, section 5); the tree of errors is in `errors`."""

from typing import ClassVar, Self

from .errors import FlowsError, Remedy
from .messages import EMPTY, Message
from .text import plain_reason


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
    fix = Message("Check your internet connection; jobs already started continue.")


class CertificateError(NetworkError):
    """The other side could not prove who it is."""

    transient = False
    remedy: Remedy = "check_address"
    message = Message("The service could not prove its identity, so nothing was sent.")
    fix = Message("Check the service address and this computer's clock, or ask your network administrator.")


class KeyRefused(CallFailed):
    """401, 403: key missing, wrong, expired or not allowed to do this (contract section 1)."""

    remedy: Remedy = "enter_key"
    message = Message("The service rejected the API key.")
    fix = Message(
        "The key may have expired: create a new one at account.generio.ai and paste it into the preferences."
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
        "It may have been deleted, or belong to another account: check your account before you start it "
        "again."
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
    message = Message("The service has an internal problem at the moment.")
    fix = Message("Try again in a few minutes; jobs already started are not lost.")


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
