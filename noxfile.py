"""The tests on every Blender that the add-on supports, each with the requests that this Blender bundles.

`make matrix`, or one of them: `nox -s "blender(4.2)"`. A missing interpreter is skipped with the reason.
"""

import re
import subprocess
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True

OLD_REQUESTS = ("requests==2.27.1", "urllib3==1.26.8", "charset-normalizer==2.0.10")
NEW_REQUESTS = ("requests==2.32.3", "urllib3==2.4.0")


def interpreter(version: str) -> str:
    """The path of that Python, or its bare version, which nox then reports as missing."""
    found = subprocess.run(
        ["sh", "scripts/find_python.sh", version], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or version


def constraints(session: nox.Session, bundled: tuple[str, ...]) -> str:
    """The path of the lock, in which what Blender bundles replaces the newest versions."""
    lock = Path("constraints.txt").read_text("utf-8").splitlines()
    replaced = {_name(line) for line in bundled}
    kept = [line for line in lock if _name(line) not in replaced]
    path = Path(session.create_tmp(), "constraints.txt")
    path.write_text("\n".join([*kept, *bundled]) + "\n", "utf-8")
    return str(path)


def _name(line: str) -> str:
    return re.split("[ =]", line, maxsplit=1)[0]


@nox.session
@nox.parametrize(
    ("python", "version", "bundled"),
    [
        nox.param(interpreter("3.11"), "4.2", OLD_REQUESTS, id="4.2"),
        nox.param(interpreter("3.11"), "4.5", NEW_REQUESTS, id="4.5"),
        nox.param(interpreter("3.11"), "5.0", NEW_REQUESTS, id="5.0"),
        nox.param(interpreter("3.13"), "5.2", NEW_REQUESTS, id="5.2"),
    ],
)
def blender(session: nox.Session, version: str, bundled: tuple[str, ...]) -> None:
    """Run what needs bpy; with a requests that is older than the newest, also what needs only that."""
    locked = ("--quiet", "--constraint", constraints(session, bundled))
    session.install(*locked, "--upgrade", "pip")
    session.install(*locked, f"bpy=={version}.*", "requests", "--group", "test")
    tests = ["tests/blender"]
    if bundled == OLD_REQUESTS:
        tests += ["tests/unit/api"]
    side_by_side = ("--numprocesses", "4", "--dist", "worksteal")  # as in `make test`
    session.run("python", "-m", "pytest", "-q", *side_by_side, *tests, *session.posargs)
