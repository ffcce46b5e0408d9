"""What programs say about a failure becomes a sentence for people."""

import pytest
from generio_flows.api import FlowFailed
from generio_flows.core.text import plain_reason, traced_error, without_paths

TRACE = """Error: Python: Traceback (most recent call last):
  File "/home/me/blender/io_scene_gltf2/__init__.py", line 2058, in unit_import
    raise ValueError("File /not/this")
          ^^^^^^^^^^
ValueError: cannot reshape array of size 528 into shape (264,)
Location: /home/me/blender/modules/bpy/ops.py:109
"""


@pytest.mark.parametrize("words", [TRACE, " ".join(TRACE.split()), f"{TRACE}\nDuring handling: {TRACE}"])
def test_of_a_trace_nothing_is_shown_and_the_kind_of_error_is_known(words: str) -> None:
    assert plain_reason(words) == "an error in its own code."
    assert traced_error(words) == "ValueError"


def test_what_has_no_trace_or_one_without_an_end_has_no_kind_of_error() -> None:
    cut = 'Traceback (most recent call last):\n  File "/home/me/x.py", line 1'
    assert plain_reason(cut) == "an error in its own code."
    assert traced_error(cut) == ""
    assert traced_error("Error: Couldn't parse glTF.") == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "Error: Couldn't parse glTF. Check that the file is valid\n",
            "Couldn't parse glTF. Check that the file is valid.",
        ),
        ("Error: Python: boom", "boom."),
        ("", "it did not say why."),
        ("[Errno 28] No space left on device: '/home/me/a b/x.png'", "No space left on device: 'x.png'."),
        ("x" * 5000, "x" * 299 + "…"),
    ],
)
def test_words_become_a_sentence(words: str, told: str) -> None:
    assert plain_reason(words) == told


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cannot open /home/John Doe/x.glb", "cannot open x.glb"),
        ("cannot open C:\\Users\\John Doe\\x.glb for reading", "cannot open x.glb for reading"),
        ("'C:\\\\Users\\\\me\\\\x.glb'", "'x.glb'"),
        ("\\\\server\\share\\x.glb", "x.glb"),
        ("file:///home/me/a.glb is gone", "a.glb is gone"),
        ("“/a/b/c d.png” and ~/y/z.png", "“c d.png” and z.png"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("a model/gltf-binary of 1 / 2, and/or more", "a model/gltf-binary of 1 / 2, and/or more"),
    ],
)
def test_of_paths_the_names_are_left(text: str, left: str) -> None:
    assert without_paths(text) == left


def test_a_service_that_sends_its_trace_is_told_in_a_sentence() -> None:
    message = FlowFailed(" ".join(TRACE.split())).message
    assert message == "The service could not make the model: an error in its own code."
