import io
import itertools

import numpy as np
import pytest
from PIL import Image

from tests.sandbox import generate, glb
from tests.unit.sandbox.caller import image_files, mesh_data, picture

CHAIR = {"prompt": "A modern office chair", "quality": "low", "seed": 7, "texture": True}


def chair(**changes: object) -> bytes:
    return generate.from_prompt(**(CHAIR | changes))  # pyright: ignore[reportArgumentType]


def relief(data: bytes | None = None, **changes: object) -> bytes:
    options = {"quality": "low", "seed": 7, "texture": True} | changes
    return generate.from_image(data or picture(), **options)  # pyright: ignore[reportArgumentType]


def surface(data: bytes) -> dict:
    return glb.unpack(data)[0]["materials"][0]["pbrMetallicRoughness"]


@pytest.mark.parametrize("make", [chair, relief])
def test_the_same_wishes_give_the_same_bytes(make) -> None:
    assert make() == make()
    assert make(quality="high") == make(quality="high")


@pytest.mark.parametrize("make", [chair, relief])
def test_seed_minus_one_draws_another_each_time(make) -> None:
    assert make(seed=-1) != make(seed=-1)


def test_every_wish_shows() -> None:
    results = [chair(), chair(prompt="A dragon"), chair(seed=8), chair(quality="high"), chair(texture=False)]
    results += [
        relief(),
        relief(picture("JPEG")),
        relief(seed=8),
        relief(quality="high"),
        relief(texture=False),
    ]
    for one, other in itertools.combinations(results, 2):
        assert one != other


def test_seed_and_prompt_change_the_shape() -> None:
    shapes = [mesh_data(data)["POSITION"] for data in (chair(), chair(seed=8), chair(prompt="A dragon"))]
    for one, other in itertools.combinations(shapes, 2):
        assert np.abs(one - other).max() > 0.02


@pytest.mark.parametrize("make", [chair, relief])
def test_quality_decides_the_number_of_triangles(make) -> None:
    assert glb.triangle_count(make(quality="low")) == pytest.approx(5_000, rel=0.1)
    assert glb.triangle_count(make(quality="high")) == pytest.approx(50_000, rel=0.1)


@pytest.mark.parametrize("make", [chair, relief])
def test_texture_decides_the_material(make) -> None:
    assert "baseColorTexture" in surface(make())
    plain = make(texture=False)
    assert image_files(plain) == []
    assert surface(plain)["baseColorFactor"] == [0.5, 0.5, 0.5, 1.0]


def test_a_generated_texture_is_pbr_and_follows_colour_words() -> None:
    data = chair(prompt="a blue vase")
    assert "metallicRoughnessTexture" in surface(data)
    with Image.open(io.BytesIO(image_files(data)[0])) as image:
        red, _, blue = np.asarray(image, dtype=float).mean(axis=(0, 1))
    assert blue > red


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("make", [chair, relief])
def test_a_model_is_a_closed_solid_that_faces_outwards(make, seed: int) -> None:
    mesh = mesh_data(make(seed=seed))
    positions, normals = mesh["POSITION"].astype(float), mesh["NORMAL"].astype(float)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-3)
    assert mesh["TEXCOORD_0"].min() >= 0
    assert mesh["TEXCOORD_0"].max() <= 1
    # It stands on the ground at the origin, about 1 m large.
    assert positions[:, 1].min() == pytest.approx(0.0, abs=1e-6)
    assert np.ptp(positions, axis=0).max() == pytest.approx(1.0, abs=0.05)
    assert abs(positions[:, 0].max() + positions[:, 0].min()) < 0.2
    # Every edge is run through once in each direction, once vertices in one place are one.
    _, place = np.unique(positions.round(6), axis=0, return_inverse=True)
    corners = place.reshape(-1)[mesh["indices"]]
    edges = {
        (int(a), int(b)) for triangle in corners for a, b in zip(triangle, np.roll(triangle, -1), strict=True)
    }
    assert len(edges) == 3 * len(corners)
    assert edges == {(b, a) for a, b in edges}
    first, second, third = (positions[mesh["indices"][:, corner]] for corner in range(3))
    faces = np.cross(second - first, third - first)
    assert np.einsum("ij,ij->", first, faces) > 0  # six times the volume
    # Stored normals agree with the winding.
    stored = normals[mesh["indices"]].sum(axis=1)
    assert (np.einsum("ij,ij->i", faces, stored) > 0).mean() > 0.99


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_an_image_that_gltf_knows_is_embedded_as_it_is(form: str) -> None:
    assert image_files(relief(picture(form))) == [picture(form)]


@pytest.mark.parametrize("form", ["WEBP", "TIFF", "BMP"])
def test_other_images_become_png(form: str) -> None:
    (file,) = image_files(relief(picture(form)))
    with Image.open(io.BytesIO(file)) as image:
        assert image.format == "PNG"
        assert image.size == (96, 48)


def test_transparency_becomes_a_backdrop() -> None:
    (file,) = image_files(relief(picture(mode="RGBA")))
    with Image.open(io.BytesIO(file)) as image:
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (205, 205, 205)


@pytest.mark.parametrize(
    ("size", "ratio"), [((96, 48), 2.0), ((30, 120), 0.25), ((1, 1), 1.0), ((4000, 2), 50.0)]
)
def test_a_relief_keeps_the_aspect_ratio(size: tuple[int, int], ratio: float) -> None:
    width, height, _ = np.ptp(mesh_data(relief(picture(size=size)))["POSITION"], axis=0)
    assert width / height == pytest.approx(ratio, rel=1e-4)


def test_a_relief_is_raised_where_the_image_is_bright() -> None:
    positions = mesh_data(relief(picture(mode="L")))["POSITION"]
    front = positions[positions[:, 2] > 0.01]
    left, right = front[front[:, 0] < -0.4], front[front[:, 0] > 0.4]
    assert right[:, 2].mean() > left[:, 2].mean() + 0.02


@pytest.mark.parametrize("data", [b"\x89PNG\r\n", b"not an image", picture()[:60]])
def test_an_unreadable_image_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a readable image"):
        relief(data)
