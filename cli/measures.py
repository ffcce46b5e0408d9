# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of what went in and came out, and whether they are as they should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.errors import FlowsError
from ..core.text import plain_reason
from ..formats.figures import Figures, deviation, read_figures

if TYPE_CHECKING:
    from ..formats.deviation import Deviation

FAR = 0.2
"""A result is far from what was asked where its triangles differ by more than this part of them."""


class Limits(NamedTuple):
    """What a model may have at most; None = any. texture: pixels of the longest side. bytes: of the file."""

    triangles: int | None = None
    texture: int | None = None
    bytes: int | None = None

    def exceeded(self, figures: Figures) -> list[str]:
        """What of these figures is too much, each in words."""
        checks = (
            (figures.triangles, self.triangles, "{:,} triangles; the limit is {:,}"),
            (figures.largest_texture, self.texture, "a texture of {:,} pixels; the limit is {:,}"),
            (figures.bytes, self.bytes, "{:,} bytes; the limit is {:,}"),
        )
        return [text.format(has, most) for has, most, text in checks if most is not None and has > most]


@dataclass(frozen=True)
class Measured:
    """What became of one model, or what one file is.

    file: as the user would write it. before, after: the figures of what was sent and of what came; None where
    nothing was sent, or it cannot be read any more. asked: how many triangles it was to have, None = any.
    over: what exceeds a limit, in words. far: whether it is far from what was asked.
    """

    file: str
    before: Figures | None
    after: Figures | None
    deviation: Deviation | None = None
    asked: int | None = None
    over: tuple[str, ...] = ()
    far: bool = False

    @property
    def warnings(self) -> list[str]:
        """Sentences about what is not as it should be."""
        found = [f"{self.file}: it has {words}." for words in self.over]
        if self.far and self.after is not None:
            found.append(
                f"{self.file}: {self.asked:,} triangles were requested, and it has {self.after.triangles:,}."
            )
        return found

    def to_data(self) -> dict[str, Any]:
        """The same as JSON can say it."""
        return {
            "file": self.file,
            "before": self.before.to_data() if self.before else None,
            "after": self.after.to_data() if self.after else None,
            "deviation": self.deviation._asdict() if self.deviation else None,
            "asked_triangles": self.asked,
            "warnings": self.warnings,
        }


class Inspector(NamedTuple):
    """Looks at models. check, strict: whether one over a limit, or far from what was asked, is an error."""

    limits: Limits = Limits()
    check: bool = False
    strict: bool = False

    def look(self, file: str, path: Path) -> Measured:
        """The figures of one GLB. Raises what `glb.check_glb` does."""
        figures = read_figures(path)
        return Measured(file, None, figures, over=tuple(self.limits.exceeded(figures)))

    def compare(
        self,
        file: str,
        before: Path | None,
        after: Path,
        asked: int | None,
        cancelled: Callable[[], bool] | None,
    ) -> Measured:
        """The figures of a result, and of the GLB that was sent for it, if any.

        cancelled: ends the measuring of how far they are apart; None leaves that out. A result that is there
        fails for nothing that goes wrong here: then that is what it is said to have.
        """
        try:
            measured = self.look(file, after)
        except Exception as error:
            reason = error.message if isinstance(error, FlowsError) else plain_reason(error)
            return Measured(file, None, None, over=(f"figures that cannot be read ({reason})",))
        assert measured.after is not None
        sent = _figures(before)
        if asked is not None and sent is not None:
            asked = min(asked, sent.triangles)  # nobody expects more than there was
        far = asked is not None and abs(measured.after.triangles - asked) > FAR * asked
        apart = _deviation(before, after, cancelled) if before and sent and cancelled else None
        return replace(measured, before=sent, deviation=apart, asked=asked, far=far)

    def refuses(self, measured: Sequence[Measured]) -> bool:
        """Whether any of these is an error."""
        return any((self.check and one.over) or (self.strict and one.far) for one in measured)


def _figures(path: Path | None) -> Figures | None:
    try:
        return read_figures(path) if path else None
    except Exception:  # it was moved away, or changed, since it was sent
        return None


def _deviation(before: Path, after: Path, cancelled: Callable[[], bool]) -> Deviation | None:
    try:
        return deviation(before, after, cancelled)
    except Exception:  # as above, or the memory is full
        return None
