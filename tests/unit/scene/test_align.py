"""A result that was turned, scaled or shifted is brought back, and one that was not stays as it is."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from generio_flows.scene.restore import align
from generio_flows.scene.restore.align import IDENTITY, ROTATIONS, Array, Similarity, Surface, similarity

BOX_FACES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look at each triangle for each point takes its time."""
    monkeypatch.setattr(align, "SAMPLES", 60)


def box(low: tuple[float, ...], high: tuple[float, ...]) -> Array:
    """The twelve triangles of a box."""
    points = np.array([*product(*zip(low, high, strict=True))])
    return np.array(
        [points[[a, b, c]] for a, b, c, _ in BOX_FACES] + [points[[a, c, d]] for a, _, c, d in BOX_FACES]
    )


CUBE = box((-1, -1, -1), (1, 1, 1))
SEAT = box((0, 0, 1), (1, 1.1, 1.1))
BACK = box((0, 1, 1.1), (1, 1.1, 2.3))
LEG = box((0, 0, 0), (0.1, 0.1, 1))
CHAIR = np.concatenate([SEAT, BACK, LEG])
PLANE = np.array([[(0, 0, 0), (2, 0, 0), (2, 1, 0)], [(0, 0, 0), (2, 1, 0), (0, 1, 0)]], dtype=float)
SHELL = box((5, 0, 0), (7, 1, 0.002))


def nearest(corners: Array) -> align.Nearest:
    """Looks at each triangle: at its inside, and at its three edges."""

    def find(points: Array) -> tuple[Array, Array]:
        origin, along, across = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        normal = np.cross(along, across)
        normal = normal / np.maximum(np.linalg.norm(normal, axis=1), 1e-30)[:, None]
        to = points[:, None] - origin
        flat = points[:, None] - (to * normal).sum(-1, keepdims=True) * normal
        sides = [
            (np.cross(b - a, flat - a) * normal).sum(-1) >= 0.0
            for a, b in ((corners[:, k], corners[:, (k + 1) % 3]) for k in range(3))
        ]
        places = [np.where(np.all(sides, axis=0)[..., None], flat, np.inf)]
        for k in range(3):
            a, way = corners[:, k], corners[:, (k + 1) % 3] - corners[:, k]
            share = ((points[:, None] - a) * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-30)
            places.append(a + np.clip(share, 0.0, 1.0)[..., None] * way)
        found = np.stack(places)
        apart = np.linalg.norm(found - points[:, None], axis=-1)
        kind, triangle = np.divmod(apart.transpose(1, 0, 2).reshape(len(points), -1).argmin(1), len(corners))
        return found[kind, np.arange(len(points)), triangle], triangle

    return find


def surface(corners: Array, marks: Array | None = None) -> Surface:
    return Surface(corners, nearest(corners), marks)


def changed(
    corners: Array, rotation: Array = ROTATIONS[0], scale: float = 1.0, shift: tuple[float, ...] = (0, 0, 0)
) -> Array:
    return (
        Similarity(rotation, scale, np.array(shift, dtype=float)).of(corners.reshape(-1, 3)).reshape(-1, 3, 3)
    )


def brought_back(sent: Array, came: Array) -> Array:
    found = similarity(surface(sent), surface(came))
    assert found is not None and found is not IDENTITY
    return found.of(came.reshape(-1, 3)).reshape(-1, 3, 3)


def test_there_are_24_turns_and_none_mirrors():
    assert len({rotation.tobytes() for rotation in ROTATIONS}) == 24
    assert all(np.linalg.det(rotation) == pytest.approx(1.0) for rotation in ROTATIONS)
    assert np.array_equal(ROTATIONS[0], np.eye(3))


def test_there_and_back_is_where_one_was():
    way = Similarity(ROTATIONS[7], 2.5, np.array([1.0, 2.0, 3.0]))
    points = CHAIR.reshape(-1, 3)
    assert np.allclose(way.back(way.of(points)), points)
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    assert np.allclose((homogeneous @ way.matrix.T)[:, :3], way.of(points))


@pytest.mark.parametrize("shape", [CUBE, CHAIR, PLANE, SHELL])
def test_what_was_not_moved_is_not_moved_by_a_rounding_error_either(shape: Array):
    assert similarity(surface(shape), surface(shape)) is IDENTITY
    noise = np.random.default_rng(1).normal(scale=1e-5, size=shape.shape)
    assert similarity(surface(shape), surface(shape + noise)) is IDENTITY


@pytest.mark.parametrize("rotation", ROTATIONS[1::3])
def test_a_turn_is_undone_exactly(rotation: Array):
    assert np.allclose(brought_back(CHAIR, changed(CHAIR, rotation)), CHAIR, atol=1e-9)


@pytest.mark.parametrize("shape", [CHAIR, SHELL, PLANE])
@pytest.mark.parametrize("scale", [1.0, 0.01, 1 / 0.0254, 0.317])
def test_a_turn_a_scale_and_a_shift_are_undone_together(shape: Array, scale: float):
    back = brought_back(shape, changed(shape, ROTATIONS[1], scale, (3, -2, 0.5)))
    assert similarity(surface(shape), surface(back)) is IDENTITY
    assert np.allclose(
        [back.min(axis=(0, 1)), back.max(axis=(0, 1))], [shape.min(axis=(0, 1)), shape.max(axis=(0, 1))]
    )


def test_a_unit_is_recognized_as_such():
    found = similarity(surface(CHAIR), surface(changed(CHAIR, scale=100.0)))
    assert found is not None and found.scale == 0.01
    assert not found.rotates and not found.shifts


def test_a_shift_alone_is_no_scale():
    found = similarity(surface(CHAIR), surface(changed(CHAIR, shift=(-0.5, -0.55, 0))))
    assert found is not None and found.scale == 1.0 and found.shifts and not found.rotates
    assert found.shift == pytest.approx([0.5, 0.55, 0.0])


def test_of_ways_that_are_as_good_the_one_wins_that_changes_least():
    """A cube fits in 24 ways."""
    for rotation in ROTATIONS:
        assert similarity(surface(CUBE), surface(changed(CUBE, rotation))) is IDENTITY
    shifted = similarity(surface(CUBE), surface(changed(CUBE, ROTATIONS[5], shift=(4, 0, 0))))
    assert shifted is not None and not shifted.rotates


def test_uv_coordinates_tell_how_a_symmetric_model_was_turned():
    marks = np.random.default_rng(2).random((len(CUBE), 3, 2))
    sent = surface(CUBE, marks)
    assert similarity(sent, surface(CUBE, marks)) is IDENTITY
    for rotation in ROTATIONS[1::4]:
        found = similarity(sent, surface(changed(CUBE, rotation), marks))
        assert found is not None and np.array_equal(found.rotation, rotation.T)


def test_uv_coordinates_of_the_services_own_tell_nothing():
    marks, others = np.random.default_rng(3).random((2, len(CUBE), 3, 2))
    assert similarity(surface(CUBE, marks), surface(CUBE, others)) is IDENTITY


def test_a_result_without_some_parts_stays_where_it_is():
    assert similarity(surface(CHAIR), surface(np.concatenate([SEAT, LEG]))) is IDENTITY
    assert similarity(surface(CHAIR), surface(LEG)) is IDENTITY


def test_a_coarse_result_stays_where_it_is():
    """An octahedron in the place of a ball is smaller than that, which is the reduction's doing."""
    ball = [octahedron(lambda point: point / np.linalg.norm(point, axis=-1, keepdims=True), 4)]
    assert similarity(surface(ball[0]), surface(octahedron(lambda point: point, 1))) is IDENTITY


def octahedron(shaped: Callable[[Array], Array], parts: int) -> Array:
    """Its eight faces, each in `parts` times `parts` triangles, whose corners are `shaped`."""
    faces: list[Array] = []
    for signs in product((1.0, -1.0), repeat=3):
        corners = np.diag(signs)
        for i, j in product(range(parts), repeat=2):
            for a, b, c in (((i, j), (i + 1, j), (i, j + 1)), ((i + 1, j), (i + 1, j + 1), (i, j + 1))):
                shares = np.array([(x, y, parts - x - y) for x, y in (a, b, c)]) / parts
                if (shares >= 0).all():
                    faces.append(shares @ corners)
    return shaped(np.array(faces))


@pytest.mark.parametrize("kind", ["mirrored", "stretched", "another", "leaning", "nowhere", "a point"])
def test_what_cannot_be_brought_back_is_told(kind: str):
    angle = np.radians(40)
    lean = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    came = {
        "mirrored": (CHAIR - 5) * (1, -1, 1),
        "stretched": CHAIR * (3, 1, 1) + 5,
        "another": box((0, 0, 0), (9, 9, 9)),
        "leaning": CHAIR @ lean.T + 2,
        "nowhere": CHAIR * np.nan,
        "a point": CHAIR * 0.0,
    }[kind]
    assert similarity(surface(CHAIR), surface(came)) is None
