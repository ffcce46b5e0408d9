"""Names that Windows does not take."""

import pytest
from generio_flows.core.file_names import fitting, trouble

DEVICES = ("CON", "aux", "nul", "Prn", "com1", "LPT9", "COM0", "com³", "conin$", "con.tar", "aux .x")
OTHERS = (
    "a:b",
    "a?",
    "a*b",
    "a|b",
    '"a"',
    "<a>",
    "a\\b",
    "a/b",
    "a\x01b",
    "a\tb",
    "lamp.",
    "lamp ",
    "lamp. .",
)
GOOD = (
    "lamp",
    "console",
    "com10",
    "a.con",
    "auxiliary",
    "null",
    "lamp-con",
    ".hidden",
    "茶壺",
    "a b",
    "l'été",
    "..",
)


@pytest.mark.parametrize("name", DEVICES + OTHERS)
def test_names_that_windows_cannot_have(name: str):
    assert trouble(name)


@pytest.mark.parametrize("name", GOOD)
def test_names_that_it_can_have(name: str):
    assert trouble(name) == ""
    assert fitting(name) == name


@pytest.mark.parametrize("stem", DEVICES + OTHERS)
@pytest.mark.parametrize("ending", [".glb", "-2.glb", ".blend"])
def test_what_fits_has_no_trouble(stem: str, ending: str):
    assert trouble(fitting(stem) + ending) == ""
