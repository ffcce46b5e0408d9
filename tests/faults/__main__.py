"""`python -m tests.faults`: the fault suite as a program; ends with 1 where it found something."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from . import fuzz, gateways, kills, network, pair, soak, victims
from .table import Report, complaints, table

PARTS = {
    "kills": kills.run,
    "victims": victims.run,
    "network": network.run,
    "gateways": gateways.run,
    "fuzz": fuzz.run,
    "pair": pair.run,
    "soak": soak.run,
}


def main() -> None:
    """Run the parts one after the other, and print their figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts alone")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="to repeat a run")
    parser.add_argument("--share", type=float, default=1.0, help="of each part's number (default: 1)")
    options = parser.parse_args()

    sys.stdout.write(f"SEED={options.seed}\n")
    folder = Path(tempfile.mkdtemp(prefix="generio-faults-"))
    reports: list[Report] = []
    for name in options.only:
        sys.stdout.write(f"{name} ...\n")
        sys.stdout.flush()
        begin = time.monotonic()
        report = PARTS[name](options.seed, options.share, folder / name)
        report.seconds = time.monotonic() - begin
        reports.append(report)
    sys.stdout.write(f"\n{table(reports)}\n")
    found = sum(len(report.complaints) for report in reports)
    if found:
        sys.stdout.write(
            f"\n{complaints(reports)}\n\nFAILED: {found} faults, SEED={options.seed}; see {folder}\n"
        )
        sys.exit(1)
    shutil.rmtree(folder)
    sys.stdout.write(f"\nPASSED: nothing lost, nothing twice, SEED={options.seed}\n")


if __name__ == "__main__":
    main()
