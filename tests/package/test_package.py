"""What `make package` builds: the add-on and nothing else, the same bytes each time, and a repository."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.parse
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from generio_flows.api.transport import version
from generio_flows.i18n import po, texts

from scripts.package import build, repository

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def offered(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(package, tmp_path_factory.mktemp("dist") / "repository")


def test_the_package_holds_the_add_on_and_nothing_else(package: Path):
    with zipfile.ZipFile(package) as inside:
        names = set(inside.namelist())
        manifest = tomllib.loads(inside.read("blender_manifest.toml").decode())
    assert package.name == f"generio_flows-{MANIFEST['version']}.zip"
    assert manifest == MANIFEST
    assert manifest["blender_version_min"] == "4.2.0"
    assert {
        "__init__.py",
        "__main__.py",
        "LICENSE",
        "README.md",
        "scene/background/child.py",
        "flows.py",
    } <= names
    rooms = {name.split("/")[0] for name in names if "/" in name}
    assert rooms == {
        "api",
        "cli",
        "core",
        "engine",
        "formats",
        "jobs",
        "operators",
        "panels",
        "scene",
        "session",
        "i18n",
        "presets",
        "docs",
    }
    assert [name for name in names if name.startswith("docs/")] == ["docs/guide.md"]  # which Help shows
    assert {name.rpartition(".")[2] for name in names} == {"py", "toml", "md", "LICENSE"}


def test_the_package_has_the_translations_as_dictionaries(package: Path, tmp_path: Path):
    """What Blender loads from a package, and what it loads from a checkout, are the same texts."""
    sources = list((ROOT / "i18n/po").glob("*.po"))
    assert len(sources) == 5
    with zipfile.ZipFile(package) as inside:
        inside.extractall(tmp_path / "packed")
    names = [source.stem for source in sources]
    code = (
        "import json, sys, packed.i18n; print(json.dumps([packed.i18n.texts(name) for name in sys.argv[1:]]))"
    )
    command = [sys.executable, "-c", code, *names]
    told = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert json.loads(told) == [texts(name) for name in names] == [po.read(source) for source in sources]


def test_the_same_checkout_gives_the_same_bytes(package: Path, offered: Path, tmp_path: Path):
    """Even from another folder, with other dates and permissions."""
    copy = tmp_path / "copy"
    with zipfile.ZipFile(package) as inside:
        inside.extractall(copy)
    for path in copy.rglob("*"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o700)
    again = build(tmp_path / "again", source=copy)
    assert again.read_bytes() == package.read_bytes()
    other = repository(again, tmp_path / "repository")
    names = {"SHA256SUMS", "index.html", "index.json", package.name}
    assert {path.name for path in other.iterdir()} == names
    assert [(other / name).read_bytes() for name in sorted(names)] == [
        (offered / name).read_bytes() for name in sorted(names)
    ]


def test_a_former_package_does_not_stay(package: Path, tmp_path: Path):
    shutil.copy(package, tmp_path / "generio_flows-0.0.1.zip")
    assert list(build(tmp_path).parent.glob("*.zip")) == [tmp_path / package.name]


def test_the_index_tells_blender_what_to_download(package: Path, offered: Path):
    index = json.loads((offered / "index.json").read_text(encoding="utf-8"))
    (entry,) = index["data"]
    assert (entry["id"], entry["version"]) == ("generio_flows", MANIFEST["version"])
    assert entry["archive_url"] == f"./{package.name}"
    assert entry["archive_size"] == package.stat().st_size
    assert entry["archive_hash"] == f"sha256:{hashlib.sha256(package.read_bytes()).hexdigest()}"


def test_the_page_has_a_link_to_drag_into_blender(package: Path, offered: Path):
    links: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            links.extend(value for name, value in attrs if tag == "a" and name == "href" and value)

    page = (offered / "index.html").read_text(encoding="utf-8")
    Links().feed(page)
    (link,) = [urllib.parse.urlsplit(link) for link in links if ".zip" in link]
    assert link.path == f"./{package.name}"
    # What Blender's drop handler looks for, to know the repository that the zip comes from.
    asked = urllib.parse.parse_qs(link.query)
    assert asked == {"repository": ["./index.json"], "blender_version_min": ["4.2.0"]}
    assert "${" not in page


def test_the_checksums_are_right(offered: Path):
    lines = (offered / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert sums == {name: hashlib.sha256((offered / name).read_bytes()).hexdigest() for name in sums}
    assert len(sums) == 2


def test_there_is_one_source_for_the_version():
    assert version() == MANIFEST["version"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    changes = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert MANIFEST["version"] in changes[:2], "the changelog begins with it, or with what comes next"
