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
"""What is wrong with the request itself, and stays so (RFC 9110, section 15.5)."""


def decide_after_error(turn: Turn, job: Job, error: FlowsError, failures: int, chance: float) -> Outcome:
    """What an error means for a job, as it is by now: wait and try again, wait for the user, or the end.

    failures: how often in a row, this one included. chance: 0..1, spreads the repeats of many clients.
    """
    doubt = turn.doubt.about_step(job.status.step)
    if isinstance(error, NotFound) and job.run.flow_id:
        return _decide_about_missing(job, error, _is_gone(turn, job, error), doubt, failures)
    if turn.others_run() and _may_be_a_limit(job, error):
        return _retry_later(job, error, failures, chance)._replace(doubt="refusal")
    return _decide(job, error, failures, doubt, chance)


def _is_gone(turn: Turn, job: Job, error: NotFound) -> bool:
    """Whether all that the service says now agrees that it has no such flow.

    A gateway that knows nothing, or another service, is told apart by what else there is to ask: the list
    of flows, and where there is none, the list of templates.
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
            client.inputs(job.run.flow_id)  # which is there as long as the flow is (contract, section 3)
        except NotFound as no_inputs:
            return no_inputs.own_word
    return False


def _decide(job: Job, error: FlowsError, failures: int, doubt: Doubt, chance: float) -> Outcome:
    """What an error means that is not about a missing flow; doubt: what was heard before and not believed."""
    if isinstance(error, NeedsUser | NotStarted | NoConverter | NotReady):
        return Outcome(job.blocked(Problem.of(error)))
    if not job.run.flow_id and isinstance(error, NotFound | MethodNotAllowed):
        # There is nothing yet that the service could not know: this is another one, or a gateway.
        error = UnexpectedAnswer.of_gateway(error.status)
    transient = isinstance(error, CallFailed) and error.transient
    # A hotel's login page is no answer of the service, and goes away again.
    if transient or isinstance(error, NetworkError | UnexpectedAnswer | WebPage):
        return _retry_later(job, error, failures, chance)
    if isinstance(error, KeyRefused | PaymentRequired):
        # A key that has made the flow was good then.
        longest = (limits.REFUSAL if job.run.flow_id else limits.FIRST_REFUSAL) * limits.LOOKUP_SECONDS
        lasted = doubt.seconds("refusal", time.monotonic())
        if doubt.times("refusal") + 1 < limits.LOOKUPS or lasted < longest:
            return _retry_later(job, error, failures, chance)._replace(doubt="refusal")
        # The user has to act, but may do so where we do not see it: at the service.
        return Outcome(job.blocked(Problem.of(error), time.time() + limits.REFUSED_SECONDS))
    if isinstance(error, CallFailed) and not _is_final(job, error, doubt):
        return _retry_later(job, error, failures, chance)._replace(doubt="refusal")
    if isinstance(error, NoResult | NotAGlb | ResultTruncated) and doubt.times("result") + 1 < limits.LOOKUPS:
        return _retry_later(job, error, failures, chance)._replace(doubt="result")
    return Outcome(job.failed(problem_of(job, error), time.time()))


def problem_of(job: Job, error: FlowsError) -> Problem:
    """What an error is to the user, who has sent a prompt, or else a file."""
    if isinstance(error, TooLarge) and job.request.prompt:
        return replace(Problem.of(error), fix=Message("Shorten the prompt."), remedy="edit_prompt")
    return Problem.of(error)


def _may_be_a_limit(job: Job, error: FlowsError) -> bool:
    """Whether a create may be refused only since there are as many flows already as the account may have."""
    is_refusal = isinstance(error, InvalidRequest | WrongState | KeyRefused | PaymentRequired)
    return not job.run.flow_id and is_refusal and error.status != 401 and not error.validation


def _retry_later(job: Job, error: FlowsError, failures: int, chance: float) -> Outcome:
    """Try again after a while; the job waits, and says why, unless all may be well in a moment."""
    like = error if isinstance(error, CallFailed) and error.transient else NetworkError()
    seconds = decide(limits.BACK_OFF, "GET", failures, like, chance)
    if seconds is None:
        seconds = min(like.retry_after or limits.BACK_OFF.ceiling, limits.LONGEST_BREAK)
    reached = not isinstance(error, CallFailed) or error.sent or job.status.step is Step.STARTED
    if failures <= limits.QUIET_FAILURES and seconds <= limits.QUIET_SECONDS and reached:
        return Outcome(job, retry_in=seconds)
    return Outcome(job.blocked(Problem.of(error), time.time() + seconds), retry_in=seconds)


def _is_final(job: Job, error: CallFailed, doubt: Doubt) -> bool:
    """Whether a refusal is believed: what may be a gateway's, or pass by itself, has to stay for a while."""
    if job.status.step is Step.STARTED:
        return False  # a question about a flow never ends its job
    if isinstance(error, TooLarge):
        return True
    if error.validation or error.status in FINAL_STATUSES:
        return doubt.times("refusal") > 0
    longest = limits.GONE if job.status.step in (Step.COMPLETED, Step.DOWNLOADED) else limits.REFUSAL
    return doubt.seconds("refusal", time.monotonic()) >= longest * limits.LOOKUP_SECONDS


def is_lasting(refusals: Doubt) -> bool:
    """Whether a refusal has lasted for longer than a gateway, or a replica, would give it."""
    return refusals.seconds("refusal", time.monotonic()) >= limits.REFUSAL * limits.LOOKUP_SECONDS


def _decide_about_missing(job: Job, error: NotFound, gone: bool, doubt: Doubt, failures: int) -> Outcome:
    """What it means that a job's flow is not known to the service.

    gone: whether all that the service says agrees with that, see `_is_gone`. Others as above.
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
    """What is told of a cancelled job whose flow could not be stopped."""
    return Problem(
        FLOW_STILL_RUNNING,
        Message("The job could not be stopped at the service, and may still be running there."),
        Message("Check it in your account."),
        "open_account",
    )
