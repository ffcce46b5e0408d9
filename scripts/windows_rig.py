# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python for Windows, with Windows' wheels of bpy and of what the tests need, to run under Wine.

`python scripts/windows_rig.py FOLDER` makes it, in about a minute and 1.5 GB; `make windows-test` runs the
tests on it. FOLDER/python is the interpreter, to which this machine's files are on drive Z. It needs Debian
as root, or wine and mingw's compiler for x86_64 as they are.

The interpreter itself comes from the wheel of panda3d, which brings python311.dll and all extension modules
of the standard library for programs that it packs. What of the library is Python is that of this Python,
which therefore is a 3.11, too. python.exe and a few functions that Wine 8 lacks are compiled here.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPILER = "x86_64-w64-mingw32-gcc"
LISTER = "x86_64-w64-mingw32-objdump"
DEBIAN = ("wine", "wine64", "gcc-mingw-w64-x86-64")
INTERPRETER = "panda3d==1.10.*"
WHEELS = (
    "bpy==4.5.*",
    "colorama",
)  # the second is for Windows only, and pip reads the markers of this system
FOR_WINDOWS = ("--platform", "win_amd64", "--python-version", "3.11", "--only-binary", ":all:")

WINE = {
    "WINEARCH": "win64",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=",  # neither .NET, nor a browser, nor menus
}

CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name files of this system, by paths that Windows does not know."""

MAIN = """
#include <wchar.h>
__declspec(dllimport) int Py_Main(int count, wchar_t **words);
int wmain(int count, wchar_t **words) { return Py_Main(count, words); }
"""

RANDOM = """
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(void *bytes, ULONG count);
__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *bytes, SIZE_T count) {
    return SystemFunction036(bytes, (ULONG)count);
}
"""
"""Where the standard library of Rust gets random bytes; Wine has it from version 9 on."""

COMPLEX = """
#include <complex.h>
typedef struct { double x, y; } Double;
typedef struct { float x, y; } Float;
#define FUNCTION(name, type, real) type our_##name(type a) \\
    { real _Complex z = name(__builtin_complex(a.x, a.y)); return (type){__real__ z, __imag__ z}; }
#define MEASURE(name, type, real) real our_##name(type a) { return name(__builtin_complex(a.x, a.y)); }
#define POWER(name, type, real) type our_##name(type a, type b) \\
    { real _Complex z = name(__builtin_complex(a.x, a.y), __builtin_complex(b.x, b.y)); \\
      return (type){__real__ z, __imag__ z}; }
"""
"""Microsoft hands complex numbers over as structures, as which this takes and gives them."""

FUNCTIONS = [f"c{name}{ending}" for name in ("cos", "sin", "tan") for ending in ("", "h")]
FUNCTIONS += [f"ca{name}" for name in ("cos", "sin", "tan", "cosh", "sinh", "tanh")]
FUNCTIONS += ["cexp", "clog", "csqrt"]
MEASURES = ["cabs", "carg", "creal", "cimag"]
POWERS = ["cpow"]
MACROS = {"FUNCTION": FUNCTIONS, "MEASURE": MEASURES, "POWER": POWERS}

MATH, OUR_MATH = b"api-ms-win-crt-math-l1-1-0.dll", b"complex-and-math.dll"
"""Of the complex functions of the first one, Wine 8 has the names only. The second is not longer."""


def main(target: Path) -> None:
    """Make the rig in `target`. Raises CalledProcessError where a program fails, which says why."""
    if sys.version_info[:2] != (3, 11):
        sys.exit("The rig needs Python 3.11, whose standard library it takes.")
    if not all(map(shutil.which, ("wine", COMPILER, LISTER))):
        install()
    home = target / "windows"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(sysconfig.get_path("stdlib"), home / "Lib", ignore=not_for_windows)
    get_wheels(home / "Lib/site-packages")
    get_interpreter(target / "wheels", home)
    compile_what_is_missing(home)
    write_launcher(target, home)
    seen = (
        "import sys, ctypes, sqlite3, ssl, numpy; print('Python', sys.version, sys.getwindowsversion()[:3])"
    )
    subprocess.run([target / "python", "-c", seen], check=True)


def install() -> None:
    """Install Wine and the compiler."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *DEBIAN]):
        subprocess.run(["apt-get", "-qq", *words], env=environment, stdout=subprocess.DEVNULL, check=True)


def not_for_windows(folder: str, names: Sequence[str]) -> set[str]:
    """What of a folder of the standard library stays here."""
    left = {"site-packages", "lib-dynload", "__pycache__", "idlelib"}
    left |= {name for name in names if name.startswith("config-3")}
    return left | ({"test"} if Path(folder).name == "python3.11" else set())


def get_wheels(site: Path) -> None:
    """Install the locked packages that the tests need, as they are for Windows."""
    pip("install", "--target", site, *("--constraint", ROOT / "constraints.txt"), "--group", "test", *WHEELS)


def get_interpreter(wheels: Path, home: Path) -> None:
    """Lay out python311.dll, and what it needs, as in an installed Python."""
    pip("download", "--no-deps", "--dest", wheels, INTERPRETER)
    (wheel,) = wheels.glob("panda3d-*.whl")
    beside = re.compile(r"python3|vcruntime", re.IGNORECASE)
    unneeded = re.compile(r"api-ms-|tcl|tk|_tkinter|_msi", re.IGNORECASE)
    (home / "DLLs").mkdir()
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            folder, _, file = name.rpartition("/")
            if folder == "deploy_libs" and not unneeded.match(file):
                place = home if beside.match(file) else home / "DLLs"
                (place / file).write_bytes(packed.read(name))


def pip(action: str, *words: object) -> None:
    """Let pip get something for Windows. It shows what it does only where that fails."""
    command = [sys.executable, "-m", "pip", action, *FOR_WINDOWS, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, stderr=done.stderr)


# ---------------------------------------------------------------------- what is compiled


def compile_what_is_missing(home: Path) -> None:
    """Make python.exe, python3.dll, and the DLLs that stand for what Wine 8 lacks."""
    python = home / "python311.dll"  # the linker takes a DLL as it is
    build(home / "python.exe", MAIN, str(python), "-municode", "-Wl,--stack,2000000")  # that of the real one
    stable = [name for name in exported(python) if name.startswith(("Py", "_Py"))]
    forward(home / "python3.dll", {name: f"python311.{name}" for name in stable})
    build(home / "bcryptprimitives.dll", RANDOM, "-shared", "-ladvapi32")
    modules = [path for path in home.glob("Lib/site-packages/numpy/**/*.pyd") if MATH in path.read_bytes()]
    names = {name for module in modules for name in imported(module, MATH.decode())}
    forward(
        home / OUR_MATH.decode(), {name: ours(name) or f"ucrtbase.{name}" for name in names}, complex_code()
    )
    for module in modules:
        module.write_bytes(module.read_bytes().replace(MATH, OUR_MATH.ljust(len(MATH), b"\0")))


def complex_code() -> str:
    """The complex functions, for two sizes of numbers."""
    lines = [COMPLEX]
    for macro, names in MACROS.items():
        lines += [f"{macro}({name}, Double, double)\n{macro}({name}f, Float, float)" for name in names]
    return "\n".join(lines)


def ours(name: str) -> str | None:
    """What stands for a function of Microsoft's library, if it is complex; its long double is a double."""
    plain = name.removeprefix("_")
    for names in MACROS.values():
        for known in names:
            if plain in (known, f"{known}f", f"{known}l"):
                return f"our_{plain.removesuffix('l') if plain == f'{known}l' else plain}"
    return None


def build(target: Path, code: str, *options: str) -> None:
    """Compile C to a program or a DLL."""
    source = target.with_suffix(".c")
    source.write_text(code)
    subprocess.run([COMPILER, "-O1", "-s", "-static-libgcc", "-o", target, source, *options], check=True)
    source.unlink()


def forward(target: Path, names: dict[str, str], code: str = "") -> None:
    """Make a DLL with these names, each of which is a function of `code` or of another DLL."""
    table = target.with_suffix(".def")
    lines = [f"{name} = {meant}" for name, meant in sorted(names.items())]
    table.write_text("\n".join([f"LIBRARY {target.name}", "EXPORTS", *lines]) + "\n")
    build(target, code, str(table), "-shared")
    table.unlink()


def exported(library: Path) -> Iterator[str]:
    """The names of what a DLL has for others."""
    _, _, table = headers(library).partition("[Ordinal/Name Pointer] Table")
    for line in table.splitlines():
        if found := re.fullmatch(r"\s+\[ *\d+\].*?(\w+)", line):
            yield found[1]


def imported(module: Path, library: str) -> Iterator[str]:
    """The names of what a module takes from a DLL."""
    source = ""
    for line in headers(module).splitlines():
        if found := re.match(r"\s+DLL Name: (\S+)", line):
            source = found[1]
        elif source == library and (found := re.fullmatch(r"\s+[0-9a-f]+\s+\d+\s+(\w+)", line)):
            yield found[1]


def headers(path: Path) -> str:
    """What a program of the compiler's says of a DLL."""
    return subprocess.run([LISTER, "-p", path], capture_output=True, text=True, check=True).stdout


# ---------------------------------------------------------------------- how it is started


def write_launcher(target: Path, home: Path) -> None:
    """Write the script that starts the interpreter, with pipes: Wine 8 takes no file for a stream.

    There is nothing to read, since whoever waits for the terminal would still do so at the end.
    """
    settings = {**WINE, "WINEPREFIX": str(target / "prefix")}
    lines = ["#!/bin/bash", *(f'export {name}="{value}"' for name, value in settings.items())]
    # Wine tells of drive Z, whatever it was told, that it knows no label of it.
    errors = "grep --line-buffered -v '^wine: Read access denied for device' >&2"
    lines += [f"unset {' '.join(CERTIFICATES)}"]
    lines += ["set -o pipefail", f'true | wine "{home}/python.exe" "$@" 2> >({errors}) | cat', ""]
    launcher = target / "python"
    launcher.write_text("\n".join(lines))
    launcher.chmod(0o755)
    version = ("wine", "reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
    done = subprocess.run(
        version, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, version, stderr=done.stderr)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).absolute())
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"{error.stderr or ''}No Python for Windows could be made: {error}\n"
            "It needs packages of Debian and PyPI; and Debian as root, or wine and mingw's compiler."
        )
