"""What an error means to whoever asked for the job."""

from generio_flows.api import OPTIMIZE, TEXT_TO_MODEL, TooLarge
from generio_flows.jobs import Job, Request
from generio_flows.jobs.steps.failure import problem_of

SERVICE = "https://flows.example"


def test_a_prompt_that_is_too_long_is_to_be_shortened() -> None:
    told = problem_of(Job(Request(SERVICE, TEXT_TO_MODEL, "A chair", prompt="A chair " * 999)), TooLarge())
    assert (told.fix, told.remedy, told.code) == ("Shorten the prompt.", "edit_prompt", "too_large")


def test_a_model_that_is_too_large_is_to_be_made_lighter() -> None:
    told = problem_of(Job(Request(SERVICE, OPTIMIZE, "Chair", input_path="chair.glb")), TooLarge())
    assert "fewer polygons" in told.fix
    assert told.remedy == "edit_input"
