"""The three built-in templates: what they accept, how long they pretend to work, and the work itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from . import generate, glb
from .media import GLB, TEXT
from .optimizer import Optimizer


class GenerateParameters(BaseModel):
    """Contract, section 2. Unknown names and wrong types are refused; so a client's slip shows here first."""

    model_config = ConfigDict(extra="forbid", strict=True)
    quality: Literal["low", "high"] = "high"
    seed: int = -1
    texture: bool = True


class OptimizeParameters(BaseModel):
    """Contract, section 2; polygons are triangles here."""

    model_config = ConfigDict(extra="forbid", strict=True)
    polygon_count: int = Field(default=100_000, gt=0)


@dataclass(frozen=True)
class Template:
    """`make` turns the bytes of one input into a GLB, in a worker thread; what it raises is the reason."""

    template_id: str
    name: str
    description: str
    input_types: tuple[str, ...]
    parameters: type[BaseModel]
    seconds: Callable[[Any], float]
    make: Callable[[bytes, Any, Optimizer], bytes]

    @property
    def takes_text(self) -> bool:
        return self.input_types == (TEXT,)

    @property
    def takes_images(self) -> bool:
        return self.input_types[0].startswith("image/")


def _generation_seconds(parameters: GenerateParameters) -> float:
    return 8.0 if parameters.quality == "low" else 20.0


def _make_from_prompt(data: bytes, parameters: GenerateParameters, _: Optimizer) -> bytes:
    return generate.from_prompt(data.decode(), **parameters.model_dump())


def _make_from_image(data: bytes, parameters: GenerateParameters, _: Optimizer) -> bytes:
    return generate.from_image(data, **parameters.model_dump())


def _make_optimized(data: bytes, parameters: OptimizeParameters, optimizer: Optimizer) -> bytes:
    glb.unpack(data)  # a ValueError in plain words, before Blender says it in its own
    return optimizer.optimize(data, parameters.polygon_count)


TEMPLATES = (
    Template(
        "66aa00000000000000000001",
        "model_generate_fromprompt",
        "A stand-in model for a text",
        (TEXT,),
        GenerateParameters,
        _generation_seconds,
        _make_from_prompt,
    ),
    Template(
        "66aa00000000000000000002",
        "model_generate_fromimage",
        "A stand-in model for an image",
        ("image/png", "image/jpeg", "image/webp", "image/tiff"),
        GenerateParameters,
        _generation_seconds,
        _make_from_image,
    ),
    Template(
        "66aa00000000000000000003",
        "model_optimize",
        "Lowers the polygon count of a model",
        (GLB,),
        OptimizeParameters,
        lambda _: 6.0,
        _make_optimized,
    ),
)
