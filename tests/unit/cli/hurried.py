"""The command line as a program, like `python path/to/generio_flows`, that waits no longer than it must.

The times are those between two looks at the service, or at the other processes of the same folder.
"""

import importlib
import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    """Be that program; there is no way back."""
    name = runpy.run_path(str(ROOT / "__main__.py"))["package"]()
    polling, limits = (importlib.import_module(f"{name}.jobs.{part}") for part in ("polling", "limits"))
    polling.SHORTEST = 0.05
    limits.LOOKUP_SECONDS = 0.05
    limits.SYNC_SECONDS = 0.5
    runpy.run_path(str(ROOT / "tests/systems.py"))["listen"]()
    sys.argv[0] = str(ROOT)
    os._exit(importlib.import_module(f"{name}.cli.standalone").main(sys.argv[1:]))


if __name__ == "__main__":
    main()
