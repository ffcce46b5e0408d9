"""Mutated GLBs, downloads and answers through `api/`: each is taken, or refused with an error of the tree.

`python -m tests.faults.fuzz family seed first last folder` is the child. It writes a line for each case. It
may not grow much, and a watchdog ends it in the middle of a case that takes more than a second of its own
time; then its last line is not complete, and another child goes on with the next case.
"""

import faulthandler
import os
import signal
import subprocess
import sys
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from generio_flows.api import FlowsError

from .cases import GIANTS, Cases
from .measures import peak_memory
from .service import ROOT
from .table import Report

COUNTS = {"glb": 9_000, "download": 6_000, "json": 5_000, "http": 1_000}
MORE_MEMORY = 512
"""MB that a child may grow by."""

SECONDS = 1.0
"""Of a child's own time for one case, so that a busy machine is not taken for a hang."""

SILENCE = 30.0
"""Seconds of anybody's time for one case: after these, something is waited for that never comes."""


def run(seed: int, share: float, folder: Path) -> Report:
    """Play as many cases of each family as `share` of COUNTS says, and all the giants."""
    report = Report("fuzz")
    counts = {family: max(100, round(count * share)) for family, count in COUNTS.items()}
    counts["giant"] = len(GIANTS)
    with ThreadPoolExecutor(2) as pool:
        played = pool.map(lambda family: _family(family, seed, counts[family], folder / family), counts)
        for family, (ends, grown, wrong) in zip(counts, played, strict=True):
            figures = f"{ends.total():,} / {ends['taken']:,} / {ends['refused']:,}"
            report.add(f"{family}: cases / taken / refused", figures)
            report.add(f"{family}: memory grew by", f"{grown:.0f} MB")
            report.complaints += [f"{family} {text}" for text in wrong]
    return report


def _family(family: str, seed: int, count: int, folder: Path) -> tuple[Counter[str], float, list[str]]:
    """Play one family, in as many children as it takes: how its cases ended, MB grown by, what is wrong."""
    folder.mkdir(parents=True)
    ends, grown, wrong = Counter[str](), 0.0, list[str]()
    first = 0
    while first < count:
        command = [sys.executable, "-m", "tests.faults.fuzz", family, str(seed), str(first), str(count)]
        child = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True)
        last_words = child.stderr.strip().splitlines()[-8:]
        before = first
        for line in child.stdout.splitlines():
            number, _, end = line.partition(" ")
            if number == "grown":
                grown = max(grown, float(end))
                continue
            first = int(number) + 1
            ends[end if end in ("taken", "refused") else "wrong"] += 1
            if end not in ("taken", "refused"):
                reason = end or f"ended the child with {child.returncode}: {' '.join(last_words)}"
                wrong.append(f"case {number} (seed {seed}): {reason}")
        if first == before:
            return ends, grown, [*wrong, f"could not be played: {' '.join(last_words)}"]
    return ends, grown, wrong


def main() -> None:
    """The child: play the cases from `first` to `last`."""
    family, seed, first, last, folder = sys.argv[1:]
    for alarm in (signal.SIGPROF, signal.SIGALRM):
        faulthandler.register(alarm, chain=True)  # says where it was, and ends as the signal would have it
    cases = Cases(Path(folder))
    before = peak_memory()
    _limit_memory()
    for number in range(int(first), int(last)):
        sys.stdout.write(f"{number} ")
        sys.stdout.flush()
        cases.prepare(family, number)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, SILENCE)
        end = _end(cases, family, int(seed), number)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        left = cases.clear()
        sys.stdout.write(f"{end if not left else 'left behind: ' + ', '.join(left)}\n")
    sys.stdout.write(f"grown {peak_memory() - before:.1f}\n")
    sys.stdout.flush()
    os._exit(0)


def _end(cases: Cases, family: str, seed: int, number: int) -> str:
    """Play a case; "taken", "refused", or what must not be."""
    try:
        cases.play(family, seed, number)
    except FlowsError:
        return "refused"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return f"{text} at {Path(where.filename).name}:{where.lineno}"
    return "taken"


def _limit_memory() -> None:
    """Let this process have MORE_MEMORY beyond what it has, where the system tells (not on macOS)."""
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        import resource

        now = int(sizes.read_text().split()[0]) * resource.getpagesize()
        most = now + (MORE_MEMORY << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main()
