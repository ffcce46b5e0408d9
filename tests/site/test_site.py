# SPDX-License-Identifier: GPL-3.0-or-later
"""The site as a visitor has it: from a web server that knows nothing of it, in a browser, wide and narrow.

`make docs-test`. The browser is the system's Chrome or Chromium (Debian: `apt-get install chromium`), or the
one that `playwright install chromium` fetched; without any, what needs one is skipped and says so. Pictures
of what was seen are in build/site-pictures.
"""

import functools
import http.server
import shutil
import threading
import urllib.parse
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from scripts.package import build
from scripts.site import site

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build/site-pictures"
BROWSERS = (
    "chromium",
    "chromium-headless-shell",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
WIDTHS = (1280, 390)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = build(tmp_path_factory.mktemp("package"))
    return site(tmp_path_factory.mktemp("served") / "site", package)


@pytest.fixture(scope="session")
def address(folder: Path) -> Iterator[str]:
    """The site on a loopback port, as any web server would have it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name in the library
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        system = next((path for name in BROWSERS if (path := shutil.which(name))), None)
        try:
            opened = playwright.chromium.launch(executable_path=system, args=["--no-sandbox"])
        except Error as reason:
            pytest.skip(f"there is no browser here: {str(reason).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture(params=WIDTHS)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab of that width, in which nothing may go wrong."""
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
    yield tab
    context.close()
    assert not wrong


def pages(folder: Path) -> list[str]:
    """The pages of the manual, from the folder."""
    return sorted(
        path.name for path in folder.glob("*.html") if path.name not in ("search.html", "genindex.html")
    )


def test_every_page_fits_and_shows_its_pictures(folder: Path, address: str, page: Page):
    width = page.viewport_size["width"]
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in pages(folder):
        page.goto(f"{address}/{name}")
        for picture in page.locator("img").all():
            picture.scroll_into_view_if_needed()
        broken = page.evaluate(
            "async () => { const all = [...document.images];"
            " await Promise.all(all.map(one => one.decode().catch(() => null)));"
            " return all.filter(one => !one.naturalWidth).map(one => one.src) }"
        )
        assert not broken, name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (
            f"{name} is wider than the screen"
        )
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=PICTURES / f"{name.removesuffix('.html')}-{width}.png")


def test_what_is_searched_for_is_found(address: str, page: Page):
    page.goto(f"{address}/search.html?q=proxy")
    first = page.locator("ul.search li a").first
    first.wait_for()
    page.screenshot(path=PICTURES / f"search-{page.viewport_size['width']}.png")
    found = page.locator("ul.search li a").all_inner_texts()
    assert any("Studio set-up" in title or "network" in title for title in found), found
    first.click()
    page.wait_for_load_state()
    assert "search.html" not in page.url


def test_search_is_reached_from_the_home_page(address: str, page: Page):
    page.goto(f"{address}/index.html")
    if page.viewport_size["width"] < 1000:  # it is in the menu then
        page.locator("label.nav-overlay-icon").first.click()
    field = page.locator("input.sidebar-search")
    field.fill("normal map")
    field.press("Enter")
    page.locator("ul.search li a").first.wait_for()


def test_nothing_is_fetched_from_anywhere_else(folder: Path, address: str, page: Page):
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((address, "data:")) else elsewhere.append(asked.url),
    )
    for name in pages(folder):
        page.goto(f"{address}/{name}")
    assert not elsewhere


def test_the_link_of_the_home_page_is_what_blender_takes(folder: Path, address: str, page: Page):
    page.goto(f"{address}/index.html")
    link = page.locator("a[href*='.zip']").evaluate("link => link.href")
    parts = urllib.parse.urlsplit(link)
    assert (folder / parts.path.lstrip("/")).is_file()
    asked = urllib.parse.parse_qs(parts.query)
    assert asked == {"repository": ["./index.json"], "blender_version_min": ["4.2.0"]}
    assert (folder / "repository/index.json").is_file()  # "./" is beside the zip


# ---- no browser needed


class Anchors(HTMLParser):
    """The links and the targets of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        if given.get("id"):
            self.targets.add(given["id"] or "")


def anchors(path: Path) -> Anchors:
    read = Anchors()
    read.feed(path.read_text("utf-8"))
    return read


def test_no_link_of_the_built_pages_leads_nowhere(folder: Path):
    lost = []
    for path in folder.rglob("*.html"):
        for link in anchors(path).links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(parts.path)) if parts.path else path
            if not target.exists() or (
                parts.fragment and target.suffix == ".html" and parts.fragment not in anchors(target).targets
            ):
                lost.append(f"{path.name}: {link}")
    assert not lost
