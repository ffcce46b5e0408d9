"""What the Makefile does, where there is no make; and the tests on every Blender that the add-on supports.

`python -m nox -s test` is `make test`, and so with the other names of COMMANDS; what follows `--` is handed
on to the last program. All of them share `.venv` with the Makefile, which `setup` makes with the Python that
nox was started with.

`make matrix` is `nox`, or one of them: `nox -s "blender(4.2)"`, each with the requests that this Blender
bundles. A missing interpreter is skipped with the reason.
"""

import platform
import re
import subprocess
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["blender"]

ROOT = Path(__file__).resolve().parent
WINDOWS = sys.platform == "win32"
INTEL_MAC = (platform.system(), platform.machine()) == ("Darwin", "x86_64")
PYTHON = ROOT / ".venv" / ("Scripts/python.exe" if WINDOWS else "bin/python")
"""With its ending, which nox on Python 3.11 adds to no path."""

BPY = {"3.11": "4.5.*", "3.13": "5.2.*"}
"""The bpy wheel that exists for a Python; the second one for no Mac with a processor of Intel."""

SIDE_BY_SIDE = ("--numprocesses", "4", "--dist", "worksteal")

LINT = [
    ("-m", "ruff", "check", "."),
    ("-m", "ruff", "format", "--check", "."),
    ("-m", "pyright"),
    ("scripts/check_layers.py",),
    ("scripts/package.py", "--check"),
]
PURE = ("-m", "pytest", "-q", "-m", "not slow", "tests/unit", "tests/package")
COMMANDS = {
    "demo": [("scripts/demo.py",)],
    "check": [*LINT, PURE],
    "pure-test": [PURE],
    "test": [("-m", "pytest", *SIDE_BY_SIDE)],
    "lint": LINT,
    "faults": [("-m", "tests.faults")],
    "bench": [("scripts/bench.py",)],
    "pictures": [("scripts/renders.py",), ("scripts/pictures.py",)],
    "docs": [("scripts/site.py",)],
    "docs-test": [("-m", "pytest", "-q", "tests/site")],
    "mutants": [("scripts/mutants.py",)],
    "lock": [("scripts/lock.py",)],
    "package": [("scripts/package.py",)],
}
"""By name: what Python is started with, one time after the other."""


@nox.session(venv_backend="none")
def setup(session: nox.Session) -> None:
    """The virtual environment .venv, with bpy and the development tools."""
    ready = ROOT / ".venv/.ready"
    sources = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    if ready.exists() and all(path.stat().st_mtime <= ready.stat().st_mtime for path in sources):
        return
    if (ROOT / ".venv").is_symlink():  # to clear it would empty what others use, too
        session.error(".venv is a link to an environment of another checkout, which only that one sets up.")
    if (owner := made_for()) and owner != ROOT:
        session.error(f".venv is the environment of {owner}, which only that checkout sets up.")
    if (ROOT / ".venv" / ("bin" if WINDOWS else "Scripts")).exists():
        session.error(".venv was made on another system, which needs it. Use another checkout here.")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if version not in BPY:
        session.error(f"bpy has wheels for Python {' and '.join(BPY)}; start nox with one of them.")
    if INTEL_MAC and version == "3.13":
        session.error("bpy 5.2 has no wheel for a Mac with an Intel processor; start nox with Python 3.11.")
    session.run(sys.executable, "-m", "venv", "--clear", str(ROOT / ".venv"), external=True)
    install = (str(PYTHON), "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt")
    groups = [word for group in ("test", "lint", "matrix", "docs") for word in ("--group", group)]
    session.run(*install, "--upgrade", "pip", external=True)
    session.run(*install, f"bpy=={BPY[version]}", *groups, external=True)
    ready.touch()


def made_for() -> Path | None:
    """The checkout that .venv was made for, None where it does not say.

    Not each link is seen as one: a junction of Windows is no symbolic link, and under Wine nothing is.
    """
    try:
        notes = (ROOT / ".venv/pyvenv.cfg").read_text("utf-8")
    except OSError:
        return None
    found = re.search(r"^command = .* --clear (.+)$", notes, re.MULTILINE)
    return Path(found[1]).parent.resolve() if found else None


def command(name: str) -> None:
    """Have nox know one of COMMANDS."""

    @nox.session(name=name, venv_backend="none")
    def run(session: nox.Session) -> None:
        setup.func(session)
        *first, last = COMMANDS[name]
        for words in (*first, (*last, *session.posargs)):
            session.run(str(PYTHON), *words, external=True)


for name in COMMANDS:
    command(name)

OLD_REQUESTS = ("requests==2.27.1", "urllib3==1.26.8", "charset-normalizer==2.0.10")
NEW_REQUESTS = ("requests==2.32.3", "urllib3==2.4.0")


def interpreter(version: str) -> str:
    """The path of that Python, or its bare version, which nox then looks for, or reports as missing."""
    if WINDOWS:
        return version
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
    if INTEL_MAC and version == "5.2":
        session.skip("bpy 5.2 has no wheel for a Mac with an Intel processor")
    session.install(*locked, "--upgrade", "pip")
    session.install(*locked, f"bpy=={version}.*", "requests", "--group", "test")
    tests = ["tests/blender"]
    if bundled == OLD_REQUESTS:
        tests += ["tests/unit/api"]
    session.run("python", "-m", "pytest", "-q", *SIDE_BY_SIDE, *tests, *session.posargs)
