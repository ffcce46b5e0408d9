"""Each parameter is described once; whoever gives a value that it cannot have is told which it can."""

import pytest
from generio_flows.api import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL, BadParameter
from generio_flows.api.parameters import (
    PARAMETERS,
    POLYGON_COUNT,
    QUALITY,
    SEED,
    TEXTURE,
    parameter_words,
    parameters_of,
)


def test_each_template_has_its_parameters():
    assert parameters_of(TEXT_TO_MODEL) == parameters_of(IMAGE_TO_MODEL) == (QUALITY, TEXTURE, SEED)
    assert parameters_of(OPTIMIZE) == (POLYGON_COUNT,)
    assert parameters_of("model_sing") == ()


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_the_default_is_a_value_and_the_tooltip_names_it(parameter):
    assert parameter.read(parameter.default) == parameter.default
    assert "service's default" in parameter.help


@pytest.mark.parametrize(
    ("parameter", "given", "read"),
    [
        (QUALITY, "LOW", "low"),
        (TEXTURE, False, False),
        (TEXTURE, "No", False),
        (TEXTURE, 1, True),
        (SEED, "7", 7),
        (SEED, -1, -1),
        (POLYGON_COUNT, 100_000_000, 100_000_000),
    ],
)
def test_values_are_read_as_the_api_wants_them(parameter, given: object, read: object):
    found = parameter.read(given)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("parameter", "given", "why"),
    [
        (QUALITY, "best", "quality must be low or high, not best."),
        (TEXTURE, "maybe", "texture must be yes or no, not maybe."),
        (SEED, "often", "seed must be a number, not often."),
        (SEED, 7.5, "seed must be a number, not 7.5."),
        (SEED, True, "seed must be a number, not True."),
        (SEED, 2**31, "seed is 2,147,483,648; it must be from -1 to 2,147,483,647."),
        (POLYGON_COUNT, 0, "polygon_count is 0; it must be from 1 to 100,000,000."),
    ],
)
def test_a_value_that_it_cannot_have_is_refused(parameter, given: object, why: str):
    with pytest.raises(BadParameter) as refused:
        parameter.read(given)
    assert refused.value.message == why


def test_what_is_refused_is_called_as_whoever_gave_it_does():
    with pytest.raises(BadParameter, match=r"^polygons is 0"):
        POLYGON_COUNT.read(0, "polygons")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("quality", "low", "low quality"),
        ("quality", "ultra", "quality ultra"),
        ("texture", False, "without texture"),
        ("texture", "yes", "texture yes"),
        ("seed", 1234, "seed 1234"),
        ("seed", None, "seed None"),
        ("polygon_count", 5000, "5,000 triangles"),
        ("colour", "red", "colour red"),
    ],
)
def test_what_was_sent_is_told_in_words_whoever_sent_it(name: str, value: object, words: str):
    assert parameter_words(name, value) == words
