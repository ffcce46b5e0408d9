# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error means for a job: wait and try again, wait for the user, or the end."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

from ...api import (
    CallFailed,
    FlowsError,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NetworkError,
    NoResult,
    NotAGlb,
    NotFound,
    NotReady,
    PaymentRequired,
    ResultTruncated,
    TooLarge,
    UnexpectedAnswer,
    WebPage,
    WrongState,
    decide,
)
from ...core.messages import Message
from .. import limits
from ..doubt import Doubt
from ..errors import DELETED, NeedsUser, NoConverter, NotStarted
from ..model import Job
from ..problem import FLOW_STILL_RUNNING, Problem
from ..step import Step
from .turn import Outcome, Turn

FINAL_STATUSES = frozenset({414, 415, 431, 451})
"""Statuses that blame the request itself, so repeating it cannot help (RFC 9110, section 15.5)."""


def decide_after_error(turn: Turn, job: Job, error: FlowsError, failures: int, chance: float) -> Outcome:
    """Decide what an error means for a job: wait and try again, wait for the user, or the end.

    job: as it is after the failed step. failures: how many in a row, this one included. chance: 0 to 1, by
    which the repeats of many clients are spread.
    """
    doubt = turn.doubt.about_step(job.status.step)
    if isinstance(error, NotFound) and job.run.flow_id:
        return _decide_about_missing(job, error, _is_gone(turn, job, error), doubt, failures)
    if turn.others_run() and _may_be_a_limit(job, error):
        return _retry_later(job, error, failures, chance)._replace(doubt="refusal")
    return _decide(job, error, failures, doubt, chance)


def _is_gone(turn: Turn, job: Job, error: NotFound) -> bool:
    """Whether everything that the service says now agrees that it has no such flow.

    A gateway that knows nothing, or another service, gives itself away by its other answers: the list of
    flows is asked for, and if the service has none, the list of templates.
    """
    if not error.own_word:
        return False
    with suppress(FlowsError):
        client = turn.client()
        try:
            return all(flow.flow_id != job.run.flow_id for flow in client.flows())
        except (NotFound, MethodNotAllowed) as no_list:
            if not no_list.own_word or not client.templates():
                return False
        try:
            client.inputs(job.run.flow_id)  # which exists as long as the flow does (contract, section 3)
        except NotFound as no_inputs:
            return no_inputs.own_word
    return False


def _decide(job: Job, error: FlowsError, failures: int, doubt: Doubt, chance: float) -> Outcome:
    """Decide what an error means that is not about a missing flow. doubt: what is not believed yet."""
    if isinstance(error, NeedsUser | NotStarted | NoConverter | NotReady):
        return Outcome(job.blocked(Problem.of(error)))
    if not job.run.flow_id and isinstance(error, NotFound | MethodNotAllowed):
        # No flow exists yet, so this answer comes from a wrong server or a gateway.
        error = UnexpectedAnswer.of_gateway(error.status)
    transient = isinstance(error, CallFailed) and error.transient
    # A hotel's login page is no answer of the service, and goes away again.
    if transient or isinstance(error, NetworkError | UnexpectedAnswer | WebPage):
        return _retry_later(job, error, failures, chance)
    if isinstance(error, KeyRefused | PaymentRequired):
        # A key that has created a flow was accepted then, so a refusal is doubted for longer.
        longest = (limits.REFUSAL if job.run.flow_id else limits.FIRST_REFUSAL) * limits.LOOKUP_SECONDS
        lasted = doubt.seconds("refusal", time.monotonic())
        if doubt.times("refusal") + 1 < limits.LOOKUPS or lasted < longest:
            return _retry_later(job, error, failures, chance)._replace(doubt="refusal")
        # The user has to act, but may do so at the service, where we do not see it; so we ask again.
        return Outcome(job.blocked(Problem.of(error), time.time() + limits.REFUSED_SECONDS))
    if isinstance(error, CallFailed) and not _is_final(job, error, doubt):
        return _retry_later(job, error, failures, chance)._replace(doubt="refusal")
    if isinstance(error, NoResult | NotAGlb | ResultTruncated) and doubt.times("result") + 1 < limits.LOOKUPS:
        return _retry_later(job, error, failures, chance)._replace(doubt="result")
    return Outcome(job.failed(problem_of(job, error), time.time()))


def problem_of(job: Job, error: FlowsError) -> Problem:
    """The problem that an error is to the user, whose fix depends on whether a prompt or a file was sent."""
    if isinstance(error, TooLarge) and job.request.prompt:
        return replace(Problem.of(error), fix=Message("Shorten the prompt."), remedy="edit_prompt")
    return Problem.of(error)


def _may_be_a_limit(job: Job, error: FlowsError) -> bool:
    """Whether a create may have been refused because the account has all the flows it may have."""
    is_refusal = isinstance(error, InvalidRequest | WrongState | KeyRefused | PaymentRequired)
    return not job.run.flow_id and is_refusal and error.status != 401 and not error.validation


def _retry_later(job: Job, error: FlowsError, failures: int, chance: float) -> Outcome:
    """Try again after a while. The job is shown as waiting, with the reason, unless this may soon be over."""
    like = error if isinstance(error, CallFailed) and error.transient else NetworkError()
    seconds = decide(limits.BACK_OFF, "GET", failures, like, chance)
    if seconds is None:
        seconds = min(like.retry_after or limits.BACK_OFF.ceiling, limits.LONGEST_BREAK)
    reached = not isinstance(error, CallFailed) or error.sent or job.status.step is Step.STARTED
    if failures <= limits.QUIET_FAILURES and seconds <= limits.QUIET_SECONDS and reached:
        return Outcome(job, retry_in=seconds)
    return Outcome(job.blocked(Problem.of(error), time.time() + seconds), retry_in=seconds)


def _is_final(job: Job, error: CallFailed, doubt: Doubt) -> bool:
    """Whether a refusal is believed: one that may be a gateway's, or may pass, has to last a while."""
    if job.status.step is Step.STARTED:
        return False  # asking about a flow never ends its job
    if isinstance(error, TooLarge):
        return True
    if error.validation or error.status in FINAL_STATUSES:
        return doubt.times("refusal") > 0
    longest = limits.GONE if job.status.step in (Step.COMPLETED, Step.DOWNLOADED) else limits.REFUSAL
    return doubt.seconds("refusal", time.monotonic()) >= longest * limits.LOOKUP_SECONDS


def is_lasting(refusals: Doubt) -> bool:
    """Whether refusals have lasted longer than those of a gateway, or of a replica that lags behind, do."""
    return refusals.seconds("refusal", time.monotonic()) >= limits.REFUSAL * limits.LOOKUP_SECONDS


def _decide_about_missing(job: Job, error: NotFound, gone: bool, doubt: Doubt, failures: int) -> Outcome:
    """Decide what it means that the service does not know a job's flow.

    gone: whether everything that the service says agrees with that, see `_is_gone`. Others as for `_decide`.
    """
    if not gone:
        if job.status.cancelling and is_lasting(doubt):
            return Outcome(job.cancelled(time.time(), flow_still_running()))
        outcome = _retry_later(job, UnexpectedAnswer.of_gateway(error.status), failures, 1.0)
        if error.own_word and outcome.job.status.waiting:
            outcome = outcome._replace(job=job.blocked(_missing(), outcome.job.status.retry_at))
        return outcome._replace(doubt="refusal")
    believed = doubt.seconds("gone", time.monotonic()) >= limits.GONE * limits.LOOKUP_SECONDS
    if job.status.cancelling and doubt.times("gone") + 1 >= limits.LOOKUPS:
        return Outcome(job.cancelled(time.time(), None if believed else flow_still_running()))
    if believed and doubt.times("gone") >= limits.LOOKUPS:
        return Outcome(job.failed(_deleted(), time.time()))
    seconds = decide(limits.BACK_OFF, "GET", failures, NetworkError(), 1.0) or limits.LOOKUP_SECONDS
    return Outcome(job.blocked(_missing(), time.time() + seconds), retry_in=seconds, doubt="gone")


def _missing() -> Problem:
    return Problem(
        "missing",
        Message("The service does not know this job at the moment."),
        Message("The add-on keeps asking for some minutes before it gives up."),
    )


def _deleted() -> Problem:
    return Problem(
        DELETED,
        Message("The job was deleted at the service, or belongs to another account."),
        Message("Retry looks for it once more, and runs it again if it is not there."),
        "retry",
    )


def flow_still_running() -> Problem:
    """The problem of a cancelled job whose flow could not be stopped."""
    return Problem(
        FLOW_STILL_RUNNING,
        Message("The job could not be stopped at the service, and may still be running there."),
        Message("Check it in your account."),
        "open_account",
    )
