# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are not believed at once: a gateway, a replica or a restart may give them for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .step import Step

About = Literal["", "create", "outputs", "start", "refusal", "gone", "unknown", "result"]
"""What is in doubt: a lost create that is not found, outputs that are not there yet, a start that has no
effect yet, a call that was refused, a flow that is said to be gone, an id that is not known, a result that is
of no use."""


@dataclass(frozen=True)
class Doubt:
    """What a job has heard without believing it: how often, and since when (`time.monotonic`).

    is_latest: whether the last call of the job had such an answer, and no other error.
    """

    about: About = ""
    step: Step | None = None
    count: int = 0
    since: float = 0.0
    is_latest: bool = True

    def heard_again(self, about: About, step: Step, now: float) -> Doubt:
        """The doubt after one more such answer; one about something else, or at another step, begins anew."""
        if (about, step) != (self.about, self.step):
            return Doubt(about, step, 1, now)
        return replace(self, count=self.count + 1, is_latest=True)

    def interrupted(self) -> Doubt:
        """The doubt after an error that says nothing about it, such as a lost answer."""
        return replace(self, is_latest=False)

    def about_step(self, step: Step) -> Doubt:
        """What of it is about `step`."""
        return self if step is self.step else Doubt()

    def times(self, about: About) -> int:
        """How often in a row that was heard."""
        return self.count if about == self.about else 0

    def seconds(self, about: About, now: float) -> float:
        """For how long that has been heard, and nothing else."""
        return now - self.since if about == self.about else 0.0


class OneShotServices:
    """Services that said that they want the input together with the create, which is the riskier way.

    Where an answer to such a create is lost, only the service's list tells whether it runs. So what was
    learned is forgotten when it proves wrong, and after a while: a gateway may have said it.
    """

    LASTS = 600.0
    """Seconds."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def learn(self, service: str, now: float) -> None:
        """Note that `service`, a base URL, has said so; `now`: time.monotonic()."""
        self._until[service] = now + self.LASTS

    def forget(self, service: str) -> None:
        """Note that it is not so, or that nobody knows."""
        self._until.pop(service, None)

    def includes(self, service: str, now: float) -> bool:
        """Whether `service` is known to be one of them."""
        return now < self._until.get(service, 0.0)
