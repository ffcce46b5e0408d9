"""Builds the extension's zip and a repository to install it from: `package.py [--output-dir dist | --check]`.

    dist/generio_flows-<version>.zip     for Install from Disk
    dist/repository/                     to put onto any web server as it is: index.json, which Blender reads,
                                         index.html with a link to drag into Blender, the zip, SHA256SUMS

Both are made with Blender's own tool. The same checkout gives the same bytes each time: no dates, no order of
a file system, no permissions go in. The version is the manifest's, the only place that has it. In the place
of translations there are the dictionaries that are made of them.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.build_translations import dictionary  # noqa: E402

PAGE = ROOT / "scripts/repository.html"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip can tell
READABLE = 0o100644 << 16


def blender_scripts() -> Path:
    """The scripts folder inside the bpy wheel. Raises SystemExit where bpy is not installed."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise SystemExit("bpy is not installed in this Python; run make setup.")
    return next(Path(spec.origin).parent.glob("*/scripts"))


def blender_tool(*arguments: str) -> None:
    """Run Blender's own tool for extensions. Raises CalledProcessError."""
    tool = blender_scripts() / "addons_core/bl_pkg/cli/blender_ext.py"
    subprocess.run([sys.executable, str(tool), *arguments], check=True)


def valid_tags() -> str:
    """The option that says which tags a manifest may have."""
    return f"--valid-tags={blender_scripts() / 'modules/_bpy_internal/extensions/tags.py'}"


def build(output_dir: Path, source: Path = ROOT) -> Path:
    """Build the zip of the extension in `source`, check it, return its path. Raises CalledProcessError."""
    output_dir.mkdir(parents=True, exist_ok=True)
    for old in output_dir.glob("*.zip"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        blender_tool("build", f"--source-dir={source}", f"--output-dir={folder}", valid_tags())
        (built,) = Path(folder).glob("*.zip")
        package = output_dir / built.name
        _finish(built, package, source)
    blender_tool("validate", valid_tags(), str(package))
    return package


def check() -> None:
    """Check the manifest of this checkout. Raises CalledProcessError."""
    blender_tool("validate", valid_tags(), str(ROOT))


def repository(package: Path, folder: Path) -> Path:
    """Make `folder` a repository that offers `package`, and return it. Raises CalledProcessError."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    offered = Path(shutil.copy(package, folder))
    blender_tool("server-generate", f"--repo-dir={folder}", "--html", f"--html-template={PAGE}")
    index = folder / "index.json"
    index.write_text(
        json.dumps(json.loads(index.read_text("utf-8")), indent=2, sort_keys=True) + "\n", "utf-8"
    )
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (index, offered)]
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")
    return folder


def _finish(built: Path, package: Path, source: Path) -> None:
    """Write the files of the zip `built` in the order of their names, all of the same age, to `package`.

    source: where they come from.
    """
    with zipfile.ZipFile(built) as made, zipfile.ZipFile(package, "w") as same:
        files = {name: made.read(name) for name in made.namelist()}
        for name in [name for name in files if name.endswith(".po")]:
            del files[name]
            files[f"{name.removesuffix('.po')}.py"] = dictionary(source / name).encode()
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.external_attr = READABLE
            entry.create_system = 3  # as on Unix, wherever this is
            same.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def main() -> None:
    """Build what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output-dir", type=Path, default=ROOT / "dist")
    parser.add_argument("--check", action="store_true", help="check the manifest, and build nothing")
    options = parser.parse_args()
    output_dir: Path = options.output_dir
    if options.check:
        check()
        return
    package = build(output_dir)
    print(package)
    print(repository(package, output_dir / "repository"))


if __name__ == "__main__":
    main()
