"""The other side of the memory test: one transfer in a process of its own, which then tells its peak memory.

Run as a program: way (upload, raw, json, list), URL, file. Prints the peak resident set in KiB.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests import conftest  # noqa: F401  # maps the package's name

KEY = "a-secret-key-0123456789"


def peak_kib() -> int:
    """Peak of this program alone: getrusage may tell that of the process which started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(
            int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")
        )
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def main(way: str, url: str, path: Path) -> None:
    from generio_flows.api import GLB_MIME, File, FlowsClient

    with FlowsClient(url, KEY) as client:
        if way == "upload":
            client.add_input("f1", File(path, GLB_MIME))
        else:
            client.download_output("f1", way, path)
    sys.stdout.write(f"{peak_kib()}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
