"""The templates: what they accept, how long they pretend to work, and the work itself.

Three are those that the contract documents. The others are made up, as a service may offer more (contract,
section 2): each asks for something in another way, so that a client has to understand what it is told.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image
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


class RetextureParameters(BaseModel):
    """One parameter of each kind."""

    model_config = ConfigDict(extra="forbid", strict=True)
    style: str = Field(min_length=1, max_length=200, description="What the surface is to look like")
    strength: float = Field(default=0.6, ge=0.0, le=1.0, description="How much of the old look goes")
    resolution: Literal[512, 1024, 2048] = Field(default=1024, description="Pixels a side of the texture")
    tiling: bool = False
    steps: int = Field(default=20, ge=1, le=100)
    palette: list[str] = Field(default=[], description="Colors, as a list")
    guide: Any = Field(default=None, json_schema_extra={"type": "image"})


class PictureParameters(BaseModel):
    """Of a template that makes no model."""

    model_config = ConfigDict(extra="forbid", strict=True)
    width: int = Field(default=256, ge=64, le=1024)
    transparent: bool | None = None
    options: dict[str, int] = {}


class SketchParameters(BaseModel):
    """A file among the parameters, which comes as the input: there is no other way to send one."""

    model_config = ConfigDict(extra="forbid", strict=True)
    sketch: Any = Field(default=None, json_schema_extra={"type": "image", "required": True})
    inflate: float = 0.5


class SpeechParameters(BaseModel):
    """Nothing to choose."""

    model_config = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True)
class Template:
    """`make` turns the bytes of one input into one output, in a worker thread; what it raises is the reason.

    output: the MIME type of that. told_types: what is said of the inputs, None = the types themselves.
    """

    template_id: str
    name: str
    description: str
    input_types: tuple[str, ...]
    parameters: type[BaseModel]
    seconds: Callable[[Any], float]
    make: Callable[[bytes, Any, Optimizer], bytes]
    output: str = GLB
    told_types: tuple[str, ...] | None = None

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


def _make_retextured(data: bytes, _: RetextureParameters, __: Optimizer) -> bytes:
    glb.unpack(data)
    return data


def _make_picture(data: bytes, parameters: PictureParameters, _: Optimizer) -> bytes:
    file = io.BytesIO()
    color = (len(data) % 256, 90, 160, 90 if parameters.transparent else 255)
    Image.new("RGBA", (parameters.width, parameters.width), color).save(file, "PNG")
    return file.getvalue()


def _make_from_sketch(data: bytes, _: SketchParameters, __: Optimizer) -> bytes:
    return generate.from_image(data, quality="low", seed=1, texture=True)


_IMAGES = ("image/png", "image/jpeg", "image/webp", "image/tiff")

DOCUMENTED = (
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
        _IMAGES,
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

OTHERS = (
    Template(
        "66aa00000000000000000011",
        "model_retexture",
        "Paints a model anew, in the style that you describe",
        (GLB,),
        RetextureParameters,
        lambda _: 6.0,
        _make_retextured,
    ),
    Template(
        "66aa00000000000000000012",
        "image_generate_fromprompt",
        "Makes a picture of a text",
        (TEXT,),
        PictureParameters,
        lambda _: 4.0,
        _make_picture,
        output="image/png",
        told_types=("prompt",),
    ),
    Template(
        "66aa00000000000000000013",
        "model_generate_fromsketch",
        "",
        _IMAGES,
        SketchParameters,
        lambda _: 6.0,
        _make_from_sketch,
        told_types=(),
    ),
    Template(
        "66aa00000000000000000014",
        "speech_to_model",
        "Makes a model of what you say",
        ("audio/wav",),
        SpeechParameters,
        lambda _: 6.0,
        _make_retextured,
    ),
)

TEMPLATES = (*DOCUMENTED, *OTHERS)
