"""What a process holds."""

import resource
import sys
import threading
from dataclasses import dataclass
from pathlib import Path


def peak_memory() -> float:
    """MB of memory that this process has had at most."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage remembers the process that this one was forked from
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


@dataclass(frozen=True)
class Holding:
    """MB of memory at its peak, open files, and threads."""

    memory: float
    files: int
    threads: int

    @classmethod
    def now(cls) -> "Holding":
        """What this process holds."""
        return cls(round(peak_memory(), 1), len(list(Path("/dev/fd").iterdir())), threading.active_count())
