"""What the suite prints: one row for each figure, then what was wrong, then one clear line."""

from collections.abc import Sequence
from dataclasses import dataclass, field

SHOWN = 20
"""Complaints of a part that are printed; the rest are only counted."""


@dataclass
class Report:
    """What one part found: figures to print, and sentences about what must not be ("" = nothing)."""

    part: str
    figures: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    complaints: list[str] = field(default_factory=list[str])
    seconds: float = 0.0

    def add(self, what: str, figure: object) -> None:
        """Note a figure."""
        self.figures.append((what, f"{figure:,}" if isinstance(figure, int) else str(figure)))


def table(reports: Sequence[Report]) -> str:
    """All figures, with the parts in the first column."""
    rows = [("part", "what", "figure")]
    for report in reports:
        figures = [
            *report.figures,
            ("took", f"{report.seconds:.0f} s"),
            ("faults", str(len(report.complaints))),
        ]
        rows += [(report.part if at == 0 else "", *figure) for at, figure in enumerate(figures)]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    last = max(len(row[2]) for row in rows)
    lines = [f"| {part:<{first}} | {what:<{second}} | {figure:>{last}} |" for part, what, figure in rows]
    lines.insert(1, f"|{'-' * (first + 2)}|{'-' * (second + 2)}|{'-' * (last + 1)}:|")
    return "\n".join(lines)


def complaints(reports: Sequence[Report]) -> str:
    """What was wrong, part by part; "" when nothing was."""
    lines: list[str] = []
    for report in reports:
        lines += [f"{report.part}: {complaint}" for complaint in report.complaints[:SHOWN]]
        if len(report.complaints) > SHOWN:
            lines.append(f"{report.part}: ... and {len(report.complaints) - SHOWN} more")
    return "\n".join(lines)
