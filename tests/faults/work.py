"""The jobs that the suite has done: all three templates, with and without a file to be made first."""

import shutil
from pathlib import Path
from typing import Any

from generio_flows.api import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL
from generio_flows.jobs import Job, Request
from PIL import Image

from tests.sandbox.generate import from_prompt

SNAPSHOTS = "snapshot-*.blend"
"""What is sent of a selection, in the folder of its job."""


def samples(folder: Path) -> None:
    """Put what a user has into `folder`: a picture and a model."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16), (200, 30, 30)).save(folder / "picture.png")
    (folder / "model.glb").write_bytes(from_prompt("ball", quality="low", seed=1, texture=False))


def job(number: int, url: str, user: Path, results: Path) -> Job:
    """Make up the job of that number: always the same one, with a token of its own.

    user: the folder that `samples` has filled. results: where jobs keep their files; a snapshot of the
    selection is put there, as the operator does.
    """
    token = f"{number:032x}"
    parameters: dict[str, Any] = {"quality": "low", "texture": False}
    content: dict[str, Any]
    match number % 4:
        case 0:
            template, content = TEXT_TO_MODEL, {"prompt": f"lamp number {number}"}
        case 1:
            template = IMAGE_TO_MODEL
            content = {"input_path": str(user / "picture.png"), "input_mime": "image/png"}
        case 2:  # a picture of a kind that has to be made a PNG first
            template, content = IMAGE_TO_MODEL, {"source": str(user / "picture.png")}
        case _:
            template, parameters = OPTIMIZE, {"polygon_count": 100_000}
            snapshot = results / token / SNAPSHOTS.replace("*", token)
            snapshot.parent.mkdir(parents=True, exist_ok=True)
            content = {"source": str(shutil.copy(user / "model.glb", snapshot))}
    request = Request(url, template, f"job {number}", parameters, **content)
    return Job(request, token)
