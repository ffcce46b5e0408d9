"""Checks that imports run downwards only, by the contracts in pyproject.toml (import-linter).

The checkout may have any name, and a package is imported by its own: what belongs to it is copied under that,
since not every user of Windows may make links.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]


def check(checkout: Path = ROOT) -> int:
    """Print which contracts the code in `checkout` keeps and breaks; returns 0 where it keeps them all."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "generio_flows")
        package.mkdir()
        for item in checkout.iterdir():
            if item.suffix == ".py":
                shutil.copy(item, package)
            elif item.name != "tests" and (item / "__init__.py").exists():
                shutil.copytree(item, package / item.name)
        sys.path.insert(0, folder)
        try:
            return lint_imports(config_filename=str(checkout / "pyproject.toml"), cache_dir=None)
        finally:
            sys.path.remove(folder)


if __name__ == "__main__":
    sys.exit(check())
