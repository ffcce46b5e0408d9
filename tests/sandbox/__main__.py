"""`python -m tests.sandbox`: the service double as a program; ends on SIGTERM or Ctrl-C."""

import argparse
import signal
import sys
import threading

from . import Sandbox
from .profiles import PROFILES


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8377, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--key", default="demo-key", help="what keys to accept (default: %(default)s)")
    parser.add_argument(
        "--profile", choices=sorted(PROFILES), default="reference", help="default: %(default)s"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="multiplies the simulated durations (default: %(default)s)"
    )
    parser.add_argument(
        "--vary",
        type=float,
        default=0.0,
        help="how much these vary, 0.25 for a quarter (default: %(default)s)",
    )
    parser.add_argument(
        "--body-limit", type=int, default=1 << 30, help="bytes that a request may have (default: %(default)s)"
    )
    options = parser.parse_args()

    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    try:
        with Sandbox(
            options.profile,
            options.speed,
            options.key,
            port=options.port,
            body_limit=options.body_limit,
            vary=options.vary,
        ) as sandbox:
            sys.stdout.write(f"listening on {sandbox.url}\n")
            sys.stdout.flush()
            told.wait()
    except OSError as error:
        parser.exit(1, f"cannot listen on port {options.port}: {error.strerror}\n")


main()
