"""Objects go through a pipe in whatever pieces it makes of them, and errors arrive as what they were."""

import pytest
from generio_flows.api import FlowsError, NotSaved
from generio_flows.core.messages import Message
from generio_flows.engine import protocol
from generio_flows.jobs import AlreadyThere, LedgerBusy, LedgerError
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(st.characters(codec="utf-16", exclude_categories=()), max_size=30)
OBJECTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.none() | st.lists(TEXTS, max_size=3), max_size=4)


@given(st.lists(OBJECTS, max_size=5), st.integers(1, 40))
def test_objects_arrive_as_they_were_sent_in_pieces_of_any_size(said: list, size: int) -> None:
    data = b"".join(map(protocol.encoded, said))
    decoder, heard = protocol.Decoder(), []
    for start in range(0, len(data), size):
        heard += decoder.feed(data[start : start + size])
    assert heard == said


def test_a_path_that_is_no_text_arrives_as_it_was() -> None:
    path = b"/a/\xff.glb".decode("utf-8", "surrogateescape")
    assert [*protocol.Decoder().feed(protocol.encoded({"path": path}))] == [{"path": path}]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", b"\0\0\0\2no", b"\0\0\0\2[]"],
    ids=["too large", "no JSON", "no object"],
)
def test_what_nobody_here_would_say_is_refused(data: bytes) -> None:
    with pytest.raises(protocol.ProtocolError):
        list(protocol.Decoder().feed(data))


@pytest.mark.parametrize(
    "error",
    [
        LedgerError(Message("The job list is full."), Message("Make room."), "open_folder"),
        LedgerBusy(Message("It is busy.")),
        AlreadyThere(Message("It is there.")),
        NotSaved(Message("The disk is full.")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_with_its_sentences(error: LedgerError | FlowsError) -> None:
    arrived = protocol.error_from_data(protocol.error_to_data(error))
    assert str(arrived) == str(error)
    assert isinstance(arrived, LedgerError if isinstance(error, LedgerError) else FlowsError)
    assert type(arrived) is type(error) or isinstance(error, NotSaved)
    assert arrived.fix == error.fix


@pytest.mark.parametrize("error", [ValueError("no"), OSError(28, "No space"), MemoryError("too much")])
def test_other_errors_that_callers_know_keep_their_kind(error: Exception) -> None:
    arrived = protocol.error_from_data(protocol.error_to_data(error))
    assert (type(arrived), arrived.args) == (type(error), error.args)


def test_a_defect_is_told_as_one() -> None:
    arrived = protocol.error_from_data(protocol.error_to_data(KeyError("step")))
    assert isinstance(arrived, FlowsError)
    assert "KeyError" in str(arrived)
