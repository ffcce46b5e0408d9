"""Makes a release, step by step, and stops at the first that fails: `release.py VERSION [--dry-run]`.

Publishes nothing; the last step says what is left to do by hand.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.build_translations import problems  # noqa: E402
from scripts.package import build, repository  # noqa: E402


class NotReady(Exception):
    """The release cannot be made; the text says why."""


@dataclass
class Release:
    """One release of the checkout in `root`."""

    version: str
    root: Path

    def steps(self) -> list[Callable[[], None]]:
        """What there is to do, in this order."""
        return [
            self.check_version,
            self.check_tree,
            self.check_changelog,
            self.check_translations,
            self.set_version,
            self.check_style,
            self.test,
            self.package,
            self.site,
            self.commit_and_tag,
        ]

    def make(self, tell: Callable[[str], None]) -> None:
        """Take all steps and `tell` each; what stops it leaves the manifest as it was. Raises NotReady."""
        before = self.manifest.read_bytes()
        try:
            for step in self.steps():
                tell(f"{step.__name__}: {step.__doc__}")
                step()
        except BaseException:
            self.manifest.write_bytes(before)
            raise

    @property
    def manifest(self) -> Path:
        """The one place that has the version."""
        return self.root / "blender_manifest.toml"

    def check_version(self) -> None:
        """The version is three numbers, and not lower than the present one."""
        if not re.fullmatch(r"\d+\.\d+\.\d+", self.version):
            raise NotReady(f"{self.version} is not a version such as 1.2.3.")
        present = tomllib.loads(self.manifest.read_text(encoding="utf-8"))["version"]
        if _numbers(self.version) < _numbers(present):
            raise NotReady(f"{self.version} is older than {present}.")
        if self._run("git", "tag", "--list", self.tag):
            raise NotReady(f"The tag {self.tag} exists.")

    def check_tree(self) -> None:
        """Everything is committed."""
        if changed := self._run("git", "status", "--porcelain"):
            raise NotReady(f"Commit or put away first:\n{changed}")

    def check_changelog(self) -> None:
        """The changelog begins with this version."""
        text = (self.root / "CHANGELOG.md").read_text(encoding="utf-8")
        if re.findall(r"^## (\S+)", text, re.MULTILINE)[:1] != [self.version]:
            raise NotReady(f"CHANGELOG.md does not begin with {self.version}.")

    def check_translations(self) -> None:
        """Every text is there in every language, and fits."""
        if found := problems(self.root):
            raise NotReady("\n".join(found))

    def set_version(self) -> None:
        """Write the version into the manifest."""
        text = self.manifest.read_text(encoding="utf-8")
        changed = re.sub(r'^version = ".*"$', f'version = "{self.version}"', text, flags=re.MULTILINE)
        self.manifest.write_text(changed, encoding="utf-8")

    def check_style(self) -> None:
        """`make lint`."""
        self._run("make", "lint")

    def test(self) -> None:
        """`make test`."""
        self._run("make", "test")

    def package(self) -> None:
        """Build the zip twice; both must be the same. Then the repository."""
        first = build(self.root / "dist", self.root).read_bytes()
        package = build(self.root / "dist", self.root)
        if package.read_bytes() != first:
            raise NotReady("Two builds of the same checkout differ.")
        repository(package, self.root / "dist/repository")

    def site(self) -> None:
        """`make docs`: the manual, with the repository beside it."""
        self._run("make", "docs")

    def commit_and_tag(self) -> None:
        """One commit with the version, where it is new, and a tag on it."""
        if self._run("git", "status", "--porcelain"):
            self._run("git", "commit", "--all", "--message", f"Version {self.version}")
        self._run("git", "tag", "--annotate", self.tag, "--message", f"Version {self.version}")

    @property
    def tag(self) -> str:
        """The name of the release in the repository."""
        return f"v{self.version}"

    def by_hand(self) -> str:
        """What is left to do."""
        return (
            f"Version {self.version} is made. Left to do by hand:\n"
            f"  git push origin main {self.tag}\n"
            "  put build/site onto the web server: the manual, and where Blender finds the update"
        )

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.root, text=True, capture_output=True)
        if done.returncode:
            raise NotReady(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def main() -> None:
    """Make the release that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    options = parser.parse_args()
    release = Release(options.version, ROOT)
    if options.dry_run:
        for step in release.steps():
            print(f"{step.__name__}: {step.__doc__}")
        return
    try:
        release.make(partial(print, flush=True))
    except NotReady as reason:
        raise SystemExit(str(reason)) from None
    print(release.by_hand())


if __name__ == "__main__":
    main()
