"""Consoles and shells, which differ between systems."""

import errno
import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from generio_flows.cli import console, report, shell
from generio_flows.cli.report import Bars, Lines, OutputLost, report_for

from tests.systems import WINDOWS

from .conftest import Here, Program

WORDS = ["plain", "two words", r"C:\My Files\a.glb", "http://127.0.0.1:8377", "", "a'b", "end\\", "é", "a&b"]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (shell, console):
        monkeypatch.setattr(module, "sys", SimpleNamespace(platform="win32"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")


def test_a_hint_can_be_pasted_into_cmd_and_powershell(windows: None):
    """Neither knows what sh means by a single quote, and only double ones mean the same to both."""
    words = ["jobs", "resume", "--output", r"C:\My Files\out", "--service", "http://127.0.0.1:8377", "it's"]
    told = shell.join_arguments(words)
    assert told == r'''jobs resume --output "C:\My Files\out" --service http://127.0.0.1:8377 "it's"'''
    assert shell.join_arguments(["two words\\"]) == '"two words\\\\"', "else it would take the quote along"


def test_a_program_with_a_blank_in_its_path_is_a_command_in_both(windows: None):
    """PowerShell takes what begins with a quote for a text."""
    path = r"C:\Program Files\Blender Foundation\Blender 4.5\blender.exe"
    assert shell.quoted_program(path) == r'C:\"Program Files\Blender Foundation\Blender 4.5\blender.exe"'
    assert shell.quoted_program(r"C:\Blender\blender.exe") == r"C:\Blender\blender.exe"


@pytest.mark.slow
def test_the_shell_of_this_system_gives_the_words_back():
    code = "import sys; print(ascii(sys.argv[1:]))"
    command = f"{shell.quoted_program(sys.executable)} {shell.join_arguments(['-c', code, *WORDS])}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout.strip() == ascii(WORDS), done.stderr


def test_bars_are_drawn_only_where_they_can_be_drawn_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    drawn = report_for(Terminal(), 1, as_json=False)
    assert isinstance(drawn, Lines if WINDOWS else Bars), "on Windows this is no console, whatever it says"
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(report_for(Terminal(), 1, as_json=False), Lines)


def test_a_reader_that_has_gone_is_known_on_windows(windows: None):
    with pytest.raises(OutputLost) as lost:
        report.write(Broken(), "a line")
    assert lost.value.reason == "", "nobody is there to be told why"


def test_names_are_told_in_utf_8(program: Program):
    answer = program("generate", "--prompt", "茶壺", "--quality", "low", "--no-texture")
    assert "茶壺.glb: Done" in answer.out


def test_two_spellings_of_one_file_are_one_output(here: Here):
    """What is one file depends on the disk."""
    words = ("generate", "--prompt", "lamp", "--quality", "low", "--no-texture", "--output")
    for output in ("UNC/OUT.glb", "unc/out.glb"):
        assert here(*words, output).code == 0
    one = (here.folder / "UNC/OUT.glb").samefile(here.folder / "unc/out.glb")
    assert here.runs() == ([1] if one else [1, 1])


def test_what_a_file_is_called_steers_no_terminal():
    """As of a file in an archive that is called like a title of the window, or a line over the last one."""
    name = "a\x1b]0;title\x07b\rc\x9b2J.glb"
    for kind, shown in ((Terminal, "a?]0;title?b?c?2J.glb: Failed\n"), (io.StringIO, f"{name}: Failed\n")):
        out = kind()
        report.write(out, f"{name}: Failed\n")
        assert out.getvalue() == shown
