# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the site: `site.py [FOLDER]`, by default build/site.

Home page and manual are made of docs/ by Sphinx, where a broken link is an error; beside them lies the
repository that Blender installs from, and looks for updates in. The folder goes onto any web server as it is.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.package import build, repository  # noqa: E402


def site(folder: Path, package: Path) -> Path:
    """Make `folder` the site that offers `package`, and return it. Raises CalledProcessError."""
    shutil.rmtree(folder, ignore_errors=True)
    sphinx = [
        sys.executable,
        "-m",
        "sphinx",
        "--builder",
        "html",
        "--quiet",
        "--fail-on-warning",
        "--keep-going",
    ]
    subprocess.run([*sphinx, "--fresh-env", "docs", str(folder.absolute())], cwd=ROOT, check=True)
    for left in (".doctrees", ".buildinfo"):  # what only a next build of Sphinx would read
        path = folder / left
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    repository(package, folder / "repository")
    return folder


def main() -> None:
    """Build the site with a package of this checkout."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/site"
    with tempfile.TemporaryDirectory() as packages:
        print(site(folder, build(Path(packages))))


if __name__ == "__main__":
    main()
