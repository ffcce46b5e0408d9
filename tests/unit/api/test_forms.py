"""A template that this version does not know becomes a form, however the service describes it."""

from dataclasses import replace

import pytest
from generio_flows.api import BadParameter, Template
from generio_flows.api.descriptions import LONGEST_NAME, MOST_CHOICES
from generio_flows.api.form_fields import Field
from generio_flows.api.forms import MOST_FIELDS, TemplateForm
from generio_flows.api.models import parse_list

from tests.sandbox.profiles import REFERENCE


def form(parameters: object, **more: object) -> TemplateForm:
    entry = {"name": "model_retexture", "input_types": ["text/plain"], "parameters": parameters, **more}
    return TemplateForm.of(Template.parse(entry))


def field(description: object) -> Field:
    (found,) = form({"it": description}).fields
    return found


@pytest.mark.parametrize("envelope", [True, False])
@pytest.mark.parametrize("key", ["template_name", "name", "template"])
@pytest.mark.parametrize("shape", ["map", "list", "schema"])
def test_each_documented_shape_gives_the_same_form(shape, key, envelope):
    service = replace(REFERENCE, parameters_form=shape, template_name_key=key, template_envelope=envelope)
    found = {
        template.name: TemplateForm.of(template)
        for template in parse_list(service.templates(), "templates", Template.parse)
    }
    painted = found["model_retexture"]
    assert painted.inputs == ("MODEL",)
    assert [(each.name, each.kind, each.default) for each in painted.fields] == [
        ("style", "text", None),
        ("strength", "number", 0.6),
        ("resolution", "enum", 1024),
        ("tiling", "boolean", False),
        ("steps", "integer", 20),
        ("palette", "json", []),
    ]
    assert [each.name for each in painted.fields if each.is_required] == ["style"]
    strength, resolution = painted.fields[1], painted.fields[2]
    assert (strength.least, strength.most) == (0, 1)
    assert resolution.choices == (512, 1024, 2048)
    assert painted.left_out == ("guide",), "an optional second file"
    assert not painted.obstacle
    assert found["image_generate_fromprompt"].inputs == ("TEXT",)
    assert found["model_generate_fromsketch"].inputs == ("IMAGE",), "a file travels as an input"
    assert [each.name for each in found["model_generate_fromsketch"].fields] == ["inflate"]
    assert "audio/wav" in found["speech_to_model"].obstacle


@pytest.mark.parametrize(
    ("description", "kind", "default"),
    [
        ("number", "number", None),
        ({"type": "float", "default": 2}, "number", 2),
        ({"default": True}, "boolean", True),
        (7, "integer", 7),
        ("high", "text", "high"),
        ({"type": ["integer", "null"], "default": None}, "integer", None),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None}, "boolean", None),
        ({"anyOf": [{"type": "boolean"}, {"type": "number"}]}, "json", None),
        ({"type": "string", "enum": ["a", "b"], "default": "c"}, "enum", None),
        ({"options": [{"value": 1, "label": "One"}, {"value": 2}]}, "enum", None),
        ({"type": "enum"}, "text", None),
        ({"type": "vector3", "default": [0, 0, 1]}, "json", [0, 0, 1]),
        ({"type": "integer", "default": "many"}, "integer", None),
        ({}, "json", None),
        (None, "json", None),
        ([1, 2], "json", [1, 2]),
    ],
)
def test_a_description_is_understood(description, kind, default):
    found = field(description)
    assert (found.kind, found.default) == (kind, default)


def test_a_reference_of_a_schema_is_followed():
    found = form(
        {
            "type": "object",
            "properties": {"finish": {"allOf": [{"$ref": "#/$defs/Finish"}], "default": "matte"}},
            "$defs": {"Finish": {"enum": ["matte", "glossy"], "type": "string"}},
            "required": ["finish"],
        }
    )
    (finish,) = found.fields
    assert (finish.kind, finish.choices, finish.default, finish.is_required) == (
        "enum",
        ("matte", "glossy"),
        "matte",
        True,
    )


@pytest.mark.parametrize(
    ("description", "given", "read"),
    [
        ("integer", "12", 12),
        ("integer", 3.0, 3),
        ("number", "0.5", 0.5),
        ("boolean", "yes", True),
        ({"enum": [512, 1024]}, "1024", 1024),
        ({"enum": ["Low", "High"]}, "high", "High"),
        ("array", "[1, 2]", [1, 2]),
        ("array", [1, 2], [1, 2]),
        ("string", " as it is ", " as it is "),
    ],
)
def test_a_value_becomes_what_the_service_wants(description, given, read):
    assert field(description).read(given) == read


@pytest.mark.parametrize(
    ("description", "given", "words"),
    [
        ("integer", "1.5", "it must be a whole number, not 1.5"),
        ("number", "nan", "it must be a number, not nan"),
        ("number", "1e999", "it must be a number"),
        ("integer", "9" * 5000, "it must be a whole number"),
        ({"type": "number", "minimum": 0, "maximum": 1}, 2, "it is 2; it must be 0 to 1"),
        ({"type": "integer", "exclusiveMinimum": 0}, 0, "it is 0; it must be 1 or more"),
        ({"type": "integer", "max": 10}, "11", "it must be 10 or less"),
        ("boolean", "perhaps", "it must be yes or no"),
        ({"enum": ["a", "b"]}, "c", "it must be one of a, b, not c"),
        ("object", "{", "it must be JSON"),
        ("object", "NaN", "it must be JSON"),
        ("object", "[" * 100_000, "it must be JSON"),
        ({"type": "string", "maxLength": 3}, "four", "it has 4 characters; it must have 3 or less"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(description, given, words):
    with pytest.raises(BadParameter) as refused:
        field(description).read(given)
    assert words in refused.value.message
    assert len(refused.value.message) < 300


def test_what_is_needed_has_to_be_given_and_what_is_unknown_is_refused():
    asked = form({"style": {"type": "string", "required": True}, "seed": {"type": "integer", "default": 1}})
    with pytest.raises(BadParameter, match="style is required"):
        asked.read({})
    with pytest.raises(BadParameter, match="no option stile"):
        asked.read({"stile": "x"})
    assert asked.read({"style": "brick"}) == {"style": "brick"}, "what nobody touched is the service's"


def test_files_that_cannot_be_sent_stand_in_the_way_only_where_they_are_needed():
    two = {"front": {"type": "image", "required": True}, "back": {"type": "image", "required": True}}
    assert "needs back" in form(two, input_types=None).obstacle
    assert "needs front, back" in form(two).obstacle
    optional = form({"front": {"type": "image"}})
    assert (optional.obstacle, optional.left_out, optional.inputs) == ("", ("front",), ("TEXT",))
    media = form({"mesh": {"type": "string", "contentMediaType": "model/gltf-binary"}}, input_types=None)
    assert media.inputs == ("MODEL",)
    assert form({}, input_types=None).inputs == ("TEXT", "IMAGE", "MODEL"), "nobody knows"
    assert form({}, input_types=[{"type": "image/png"}]).inputs == ("IMAGE",)


def test_untrusted_texts_and_counts_have_limits():
    bell = form({"a": {"description": "x\x07y\n" * 500, "title": "\u202eevil" + "z" * 500}})
    (found,) = bell.fields
    assert found.help.isprintable()
    assert len(found.help) <= 300
    assert found.label.isprintable()
    assert len(found.label) <= LONGEST_NAME
    many = form({f"p{number}": {"type": "integer"} for number in range(10_000)})
    assert len(many.fields) == MOST_FIELDS
    assert not many.obstacle
    last = form({**{f"p{number}": "integer" for number in range(10_000)}, "q": {"required": True}})
    assert "needs q" in last.obstacle
    odd = form({"a\x00b": "integer", "": "integer", "x" * 500: "integer"})
    assert odd.fields == ()
    assert len(field({"enum": [*range(10_000)]}).choices) == MOST_CHOICES


def test_a_form_goes_through_json_whole():
    asked = form({"style": {"enum": [1, "2"], "default": 1, "required": True}, "o": {}}, input_types=["a/b"])
    assert TemplateForm.from_data(asked.to_data()) == asked
