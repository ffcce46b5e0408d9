"""A stand-in for a .blend: it has what was placed in it, and forgets what was not saved."""

import json
from pathlib import Path


class Scene:
    """The open file; `placed` are the tokens of the jobs whose results are in it, as often as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.placed: list[str] = json.loads(path.read_text()) if path.exists() else []

    def save(self) -> None:
        """Write the file as Blender does: beside the old one first, then in its place."""
        beside = self.path.with_suffix(".json@")
        beside.write_text(json.dumps(self.placed))
        beside.replace(self.path)
