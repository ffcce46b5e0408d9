"""Another Blender: a process of its own with the add-on, which does what it is told and may be killed.

As a program (`python -m tests.blender.another_blender URL KEY`) it is that process: each line of its standard
input is Python to run, as a JSON string; each answer is a line of JSON after ANSWER.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from tests.systems import install

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "bl_ext.user_default.generio_flows"
ANSWER = "SESSION_ANSWER "
LONGEST = 120.0
"""Seconds after which what is waited for never comes."""


class Session:
    """A Blender whose user folder is `home`; use it as a context manager, which kills what still runs."""

    def __init__(self, home: Path, url: str, key: str) -> None:
        extensions = home / "extensions" / "user_default"
        install(ROOT, extensions)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.blender.another_blender", url, key],
            cwd=ROOT,
            env={**os.environ, "BLENDER_USER_RESOURCES": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, code: str) -> Any:
        """Run `code` there; returns what it leaves in `result`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith(ANSWER):
                answer = json.loads(line.removeprefix(ANSWER))
                assert "error" not in answer, answer["error"]
                return answer["result"]
        raise AssertionError("this Blender has ended")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.gone()

    def quit(self) -> None:
        """End it in good order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.gone()

    def gone(self) -> int:
        """Wait until it has ended; returns its exit code."""
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.kill()


def main() -> None:
    """Be the process."""
    import bpy

    # isort: split
    import addon_utils  # comes with bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    addon_utils.enable(EXTENSION, default_set=True)
    addon = sys.modules[EXTENSION]
    addon.jobs.polling.SHORTEST = 0.05
    preferences = bpy.context.preferences.addons[EXTENSION].preferences
    preferences.service_url, preferences.api_key = sys.argv[1:]
    session, place = addon.session.current(), addon.scene.place.place
    model = addon.scene.place.loading.Model

    def tick_until(condition: Any) -> None:
        end = time.monotonic() + LONGEST
        while not condition():
            assert time.monotonic() < end, f"this never came; {rows()}"
            session.tick(bpy.context)
            time.sleep(0.02)

    def tick_for(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            session.tick(bpy.context)
            time.sleep(0.02)

    def rows() -> list[tuple[str, str]]:
        session.tick(bpy.context)
        return [(row.state, row.message) for row in bpy.context.window_manager.generio.jobs]

    def settled() -> bool:
        return all(job.final for job in session.open_engine(bpy.context).jobs())

    def names() -> list[str]:
        return sorted(item.name for item in bpy.data.objects)

    known = dict(locals())
    for line in sys.stdin:
        answer: dict[str, Any] = {}
        try:
            exec(json.loads(line), known)
            answer["result"] = known.pop("result", None)
        except BaseException as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        sys.stdout.write(f"\n{ANSWER}{json.dumps(answer)}\n")
        sys.stdout.flush()
    session.stop()  # what atexit does in a Blender; as a module it may never come to that
    os._exit(0)


if __name__ == "__main__":
    main()
