"""What a process holds."""

import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.systems import WINDOWS


def peak_memory() -> float:
    """MB of memory that this process has had at most."""
    if WINDOWS:
        return _memory_on_windows()
    import resource

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
        return cls(round(peak_memory(), 1), _open_files(), threading.active_count())


def _open_files() -> int:
    if not WINDOWS:
        return len(list(Path("/dev/fd").iterdir()))
    import ctypes

    count = ctypes.c_uint32()
    ctypes.WinDLL("kernel32").GetProcessHandleCount(ctypes.c_void_p(-1), ctypes.byref(count))
    return count.value  # handles, of which others than files are a few


def _memory_on_windows() -> float:
    """As `peak_memory`: PeakWorkingSetSize of PROCESS_MEMORY_COUNTERS."""
    import ctypes

    counters = (ctypes.c_uint64 * 9)()  # two numbers of 32 bits, then eight sizes
    size = ctypes.sizeof(counters)
    ctypes.WinDLL("kernel32").K32GetProcessMemoryInfo(ctypes.c_void_p(-1), counters, size)
    return counters[1] / 1e6
