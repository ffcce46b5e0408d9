# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the figures of models that were sent and received with each other, and with limits."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.errors import FlowsError
from ..core.text import plain_reason
from ..formats.figures import Figures, deviation, read_figures
from .lists import UsageError

if TYPE_CHECKING:
    from ..formats.deviation import Deviation

FAR_SHARE = 0.2
"""A result is far off if its triangles differ from those requested by more than this share."""


class Limits(NamedTuple):
    """The most that a model may have; None = no limit. texture: pixels per side. bytes: size of the file."""

    triangles: int | None = None
    texture: int | None = None
    bytes: int | None = None

    def exceeded(self, figures: Figures) -> list[str]:
        """Return a phrase for each of these figures that exceeds its limit."""
        checks = (
            (figures.triangles, self.triangles, "{:,} triangles; the limit is {:,}"),
            (figures.largest_texture, self.texture, "a texture of {:,} pixels; the limit is {:,}"),
            (figures.bytes, self.bytes, "{:,} bytes; the limit is {:,}"),
        )
        return [text.format(has, most) for has, most, text in checks if most is not None and has > most]


@dataclass(frozen=True)
class Measurement:
    """The figures of one model before and after a job, or of one file.

    file: as the user would write it. before, after: the figures of the model that was sent and of the result;
    None if nothing was sent, or the file cannot be read any more. deviation: how far the surfaces are apart.
    asked: the requested number of triangles, None = any. exceeded: a phrase for each limit that is exceeded.
    is_far_off: whether the triangle count is far from `asked`.
    """

    file: str
    before: Figures | None
    after: Figures | None
    deviation: Deviation | None = None
    asked: int | None = None
    exceeded: tuple[str, ...] = ()
    is_far_off: bool = False

    @property
    def warnings(self) -> list[str]:
        """A sentence for each figure that is not as it should be."""
        found = [f"{self.file}: it has {words}." for words in self.exceeded]
        if self.is_far_off and self.after is not None:
            found.append(
                f"{self.file}: {self.asked:,} triangles were requested, and it has {self.after.triangles:,}."
            )
        return found

    def to_data(self) -> dict[str, Any]:
        """Return the measurement for JSON."""
        return {
            "file": self.file,
            "before": self.before.to_data() if self.before else None,
            "after": self.after.to_data() if self.after else None,
            "deviation": self.deviation._asdict() if self.deviation else None,
            "asked_triangles": self.asked,
            "warnings": self.warnings,
        }


class Inspector(NamedTuple):
    """Measures models. check, strict: whether a model over a limit, or far off, is an error."""

    limits: Limits = Limits()
    check: bool = False
    strict: bool = False

    def measure(self, file: str, path: Path) -> Measurement:
        """Return the figures of one GLB. Raises the errors of `glb.check_glb`."""
        figures = read_figures(path)
        return Measurement(file, None, figures, exceeded=tuple(self.limits.exceeded(figures)))

    def compare(
        self,
        file: str,
        before: Path | None,
        after: Path,
        asked: int | None,
        cancelled: Callable[[], bool] | None,
    ) -> Measurement:
        """Return the figures of a result, and of the GLB that was sent for it, if any.

        cancelled: ends the measuring of the deviation early; None skips it. An error in here never makes a
        result fail: the measurement names the error instead.
        """
        try:
            measured = self.measure(file, after)
        except Exception as error:
            reason = error.message if isinstance(error, FlowsError) else plain_reason(error)
            return Measurement(file, None, None, exceeded=(f"figures that cannot be read ({reason})",))
        assert measured.after is not None
        sent = _figures(before)
        if asked is not None and sent is not None:
            asked = min(asked, sent.triangles)  # An optimized model never has more than the original.
        far = asked is not None and abs(measured.after.triangles - asked) > FAR_SHARE * asked
        deviation = _deviation(before, after, cancelled) if before and sent and cancelled else None
        return replace(measured, before=sent, deviation=deviation, asked=asked, is_far_off=far)

    def refuses(self, measured: Sequence[Measurement]) -> bool:
        """Whether any of these measurements is an error."""
        return any((self.check and one.exceeded) or (self.strict and one.is_far_off) for one in measured)


def _figures(path: Path | None) -> Figures | None:
    try:
        return read_figures(path) if path else None
    except Exception:  # The file was moved or changed after it was sent.
        return None


def _deviation(before: Path, after: Path, cancelled: Callable[[], bool]) -> Deviation | None:
    try:
        return deviation(before, after, cancelled)
    except Exception:  # The file was changed, or there is not enough memory.
        return None


def inspector_for(options: argparse.Namespace) -> Inspector:
    """Return what --check, its limits, and --strict mean. Raises UsageError."""
    limits = Limits(options.max_triangles, options.max_texture, options.max_bytes)
    if options.check and limits == Limits():
        raise UsageError("--check needs a limit: --max-triangles, --max-texture or --max-bytes")
    return Inspector(limits, options.check, getattr(options, "strict", False))
