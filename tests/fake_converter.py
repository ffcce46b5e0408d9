"""A converter without Blender: it copies, and does what the name of a task says.

With the argument `broken` it ends at once.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    if "broken" in sys.argv:
        sys.exit(3)
    memory = 100 << 20
    for done, line in enumerate(sys.stdin, start=1):
        asked = json.loads(line)
        task, source, target = asked["task"], Path(asked["source"]), Path(asked["target"])
        problem: object = ""
        sys.stdout.write("Blender prints other things, too\n")
        if task == "die" or (task == "die used" and done > 1):
            os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        if task == "hang":
            time.sleep(600.0)
        if task == "refuse":
            problem = "Error: no glTF"
        elif task == "message":
            problem = {"id": "the model is empty.", "values": {}}
        elif task == "grow":
            memory += 1 << 30
        else:
            shutil.copy(source, target)
            if task == "copy":
                with target.open("a") as file:
                    file.write(f" by {os.getpid()} in {os.environ['BLENDER_USER_RESOURCES']}")
        sys.stdout.write(f"\nGENERIO_ANSWER {json.dumps({'problem': problem, 'memory': memory})}\n")
        sys.stdout.flush()
    shutil.rmtree(os.environ["BLENDER_USER_RESOURCES"], ignore_errors=True)  # as the real one does


if __name__ == "__main__":
    main()
