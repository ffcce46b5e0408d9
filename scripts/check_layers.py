"""Checks that imports run downwards only, by the contracts in pyproject.toml (import-linter).

The checkout may have any name, and a package is imported by its own: it is linked under that into a folder
of its own.
"""

import sys
import tempfile
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]


def check(checkout: Path = ROOT) -> int:
    """Print which contracts the code in `checkout` keeps and breaks; returns 0 where it keeps them all."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "generio_flows").symlink_to(checkout, target_is_directory=True)
        sys.path.insert(0, folder)
        try:
            return lint_imports(config_filename=str(checkout / "pyproject.toml"), cache_dir=None)
        finally:
            sys.path.remove(folder)


if __name__ == "__main__":
    sys.exit(check())
