"""Checks the manifest and builds the zip with Blender's own tool: `package.py [--output-dir dist]`."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def blender_scripts() -> Path:
    """The scripts folder inside the bpy wheel. Raises SystemExit where bpy is not installed."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise SystemExit("bpy is not installed in this Python; run make setup.")
    return next(Path(spec.origin).parent.glob("*/scripts"))


def build(output_dir: Path) -> Path:
    """Build the zip into `output_dir`, check it, and return its path. Raises CalledProcessError."""
    scripts = blender_scripts()
    tool = scripts / "addons_core/bl_pkg/cli/blender_ext.py"
    tags = scripts / "modules/_bpy_internal/extensions/tags.py"
    output_dir.mkdir(parents=True, exist_ok=True)
    before = set(output_dir.glob("*.zip"))
    for old in before:
        old.unlink()
    run = [sys.executable, str(tool)]
    subprocess.run(
        [*run, "build", f"--source-dir={ROOT}", f"--output-dir={output_dir}", f"--valid-tags={tags}"],
        check=True,
    )
    (package,) = output_dir.glob("*.zip")
    subprocess.run([*run, "validate", f"--valid-tags={tags}", str(package)], check=True)
    return package


def main() -> None:
    """Build the package that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output-dir", type=Path, default=ROOT / "dist")
    print(build(parser.parse_args().output_dir))


if __name__ == "__main__":
    main()
