"""Lists as people and spreadsheets write them: understood as they were meant, or refused with a reason."""

import codecs
import json
import os
from pathlib import Path

import pytest
from generio_flows.cli.lists import UsageError, read_list

from .conftest import Here, Program

ROWS = [{"prompt": "a chair, red", "seed": "7"}, {"prompt": "ein schöner Stuhl; 茶", "output": "stuhl"}]


def as_csv(separator: str, end: str) -> str:
    """The rows as a spreadsheet writes them: values are quoted that have a separator of any kind in them."""
    columns = ("prompt", "seed", "output")
    lines = [columns, *([row.get(name, "") for name in columns] for row in ROWS), ("", "", "")]
    quoted = [[f'"{value}"' if {*value} & {*",;\t"} else value for value in line] for line in lines]
    return "".join(separator.join(line) + end for line in quoted)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", ("utf-16-be", codecs.BOM_UTF16_BE), "utf-32"], ids=str
)
def test_whatever_a_spreadsheet_writes(
    tmp_path: Path, separator: str, end: str, encoding: str | tuple[str, bytes]
):
    name, mark = (encoding, b"") if isinstance(encoding, str) else encoding
    (tmp_path / "a.csv").write_bytes(mark + as_csv(separator, end).encode(name))
    assert read_list(tmp_path / "a.csv") == ROWS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_lines_in_any_encoding(tmp_path: Path, encoding: str):
    (tmp_path / "a.jsonl").write_bytes("\r\n".join(map(json.dumps, ROWS)).encode(encoding))
    assert read_list(tmp_path / "a.jsonl") == ROWS


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("prompt,seed\nein schöner Stuhl,7\n".encode("cp1252"), "is not in UTF-8; in a spreadsheet, save it"),
        ("prompt\nlamp\n".encode("utf-16-le"), "has NUL characters; save it as UTF-8"),
        (b'prompt,seed\n"a lamp,7\na chair,8\n', "row that begins in line 2 of .* do not match"),
        (b'prompt,seed\na lamp,7\n"a chair,8\n"a stool",9\n', "row that begins in line 3 of .* do not match"),
        (b'prompt\n"the "big" lamp"\n', "row that begins in line 2 of .* do not match"),
        (b"prompt,seed\na lamp, red,7\n", "line 2 of .* has more values than there are columns; .* quotes"),
        (b"prompt,seed,prompt\na,7,b\n", "two columns of the same name"),
        (b"prompt\n" + b"x" * 200_000 + b"\n", "field larger than field limit"),
    ],
)
def test_a_csv_list_that_is_not_clear_is_refused(tmp_path: Path, content: bytes, told: str):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UsageError, match=told):
        read_list(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[" * 100_000, "line 1 of .* is no JSON: it is nested too deeply"),
        ('{"prompt": ' + "[" * 100_000, "nested too deeply"),
        ('{"prompt": "a lamp', "is no JSON: Unterminated string"),
        ('{"prompt": ["a", "b"]}', "line 1 of .* has no single value for prompt"),
        ('{"prompt": "a", "seed": {}}', "has no single value for seed"),
        ('{"prompt": ' + "9" * 10_000 + "}", "is no JSON"),
    ],
)
def test_a_json_list_that_is_not_clear_is_refused(tmp_path: Path, line: str, told: str):
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(UsageError, match=told):
        read_list(tmp_path / "a.jsonl")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_list_from_a_pipe_is_refused_since_it_could_not_be_read_again(tmp_path: Path):
    os.mkfifo(tmp_path / "a.csv")
    for path in (tmp_path / "a.csv", tmp_path):
        with pytest.raises(UsageError, match="cannot be read twice"):
            read_list(path)


def test_a_list_that_is_refused_costs_nothing(here: Here):
    (here.folder / "a.csv").write_text('prompt\na lamp\n"a chair\n')
    answer = here("generate", "--list", "a.csv", "--output", "out")
    assert (answer.code, answer.out, here.sandbox.stats()["flows"]) == (2, "", {})


def test_a_deep_list_ends_without_a_traceback(program: Program):
    (program.folder / "a.jsonl").write_text('{"prompt": ' + "[" * 100_000)
    answer = program("generate", "--list", "a.jsonl", "--output", "out")
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
