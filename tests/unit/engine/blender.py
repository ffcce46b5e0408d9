"""A Blender without Blender: it starts a job and waits to be killed.

`python -m tests.unit.engine.blender STORE FOLDER URL KEY FINISH` prints the engine's process id and the job's
token as soon as its flow is over and its result is on the way.
"""

import os
import signal
import sys
import time
from pathlib import Path

import tests.conftest  # noqa: F401 - maps the name

# isort: split
from generio_flows.api import TEXT_TO_MODEL
from generio_flows.engine.client import EngineClient
from generio_flows.engine.connection import Start
from generio_flows.engine.process import python_command
from generio_flows.jobs import Job, Request, Settings, Step, limits, polling
from generio_flows.jobs.process_id import new_owner


def fork() -> None:
    """Have another process that has all that this one has open, until it is killed."""
    if sys.platform != "win32" and not os.fork():
        sys.stdout.write("forked\n")
        sys.stdout.flush()
        time.sleep(600.0)


def main() -> None:
    if sys.platform != "win32":  # whoever runs tests in the background has these ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    store, folder, url, key, finish = sys.argv[1:]
    limits.LOOKUP_SECONDS, polling.SHORTEST = 0.05, 0.05
    start = Start(
        owner=new_owner(),
        command=(*python_command(sys.executable, ""), "--engine"),
        store=Path(store),
        patience=0.2,
        converter=("/no/such/program",),
        previews=False,
        log=Path(store).parent,
    )
    client = EngineClient(start, Settings(Path(folder), url, key), "CRITICAL", finish == "True")
    job = Job(
        Request(
            service=url,
            template=TEXT_TO_MODEL,
            name="lamp",
            prompt="a lamp",
            parameters={"quality": "low"},
        ),
    )
    token = client.submit(job).token
    while client.job(token).status.step is not Step.COMPLETED:  # type: ignore[union-attr]
        client.pump()
        time.sleep(0.005)
    if sys.platform != "win32":
        signal.signal(signal.SIGUSR1, lambda *_: fork())
    sys.stdout.write(f"{client.pid} {token}\n")
    sys.stdout.flush()
    time.sleep(600.0)


if __name__ == "__main__":
    main()
