"""Plays network scenarios in one child process, several at once, each with an engine of its own.

`python -m tests.faults.lanes scenarios.json` writes JSON: what has never come to an end, by number.
"""

import asyncio
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .impatience import hurry
from .relay import Outage, Relay
from .worker import NeverDone, Plan, Worker

AT_ONCE = 12


def main() -> None:
    """Play all scenarios that the file on the command line holds."""
    hurry()
    path = Path(sys.argv[1])
    plan = json.loads(path.read_text())
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="relays", daemon=True).start()

    def play(scenario: dict[str, Any]) -> str:
        return _play(scenario, plan["urls"][scenario["profile"]], path.parent, loop)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(play, plan["scenarios"]))
    json.dump({at: reason for at, reason in enumerate(ends) if reason}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


def _play(scenario: dict[str, Any], url: str, folder: Path, loop: asyncio.AbstractEventLoop) -> str:
    """Have the scenario's job done; returns why it never came to an end, or ""."""
    number: int = scenario["number"]
    own = folder / str(number)
    own.mkdir()
    relay = Relay(url, Outage(**scenario["outage"])) if scenario["outage"] else None
    if relay is not None:
        asyncio.run_coroutine_threadsafe(relay.start(), loop).result()
        url = relay.url
    plan = Plan(str(own), str(folder / "user"), "scene", url, f"key-{number}", number, first=number, count=1)
    try:
        Worker(plan).run()
    except NeverDone as never:
        return str(never)
    finally:
        if relay is not None:
            asyncio.run_coroutine_threadsafe(relay.close(), loop).result()
    return ""


if __name__ == "__main__":
    main()
