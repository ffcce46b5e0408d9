# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the site: `make docs` has Sphinx make it of the Markdown in this folder."""

import tomllib
from html import escape
from pathlib import Path

from sphinx.application import Sphinx

MANIFEST = tomllib.loads((Path(__file__).parents[1] / "blender_manifest.toml").read_text("utf-8"))
PLACE = "<!-- the link to drag -->"
"""Where the home page has it."""

project = "GENERIO Flows for Blender"
version = release = MANIFEST["version"]
copyright = ", ".join(MANIFEST["copyright"])  # noqa: A001 - its name in Sphinx
extensions = ["myst_parser", "sphinx_copybutton"]
root_doc = "index"

myst_heading_anchors = 4  # links to headings, as the forges make them
myst_links_external_new_tab = True
suppress_warnings = ["misc.highlighting_failure"]  # a transcript is no program

html_theme = "furo"
html_title = f"GENERIO Flows {version}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0d6b73", "color-brand-content": "#0d6b73"},
    "dark_css_variables": {"color-brand-primary": "#6fc7cb", "color-brand-content": "#6fc7cb"},
}


def link() -> str:
    """The link to drag, as Blender's drop handler wants it: it names the index beside the zip."""
    query = f"repository=./index.json&blender_version_min={MANIFEST['blender_version_min']}"
    address = escape(f"repository/{MANIFEST['id']}-{version}.zip?{query}")
    return f'<p><a class="install" href="{address}">{MANIFEST["name"]} {version}</a></p>'


def add_link(_app: Sphinx, document: str, source: list[str]) -> None:
    """Put the link into the home page."""
    if document == root_doc:
        source[0] = source[0].replace(PLACE, link())


def setup(app: Sphinx) -> None:
    """Have Sphinx call us."""
    app.connect("source-read", add_link)
