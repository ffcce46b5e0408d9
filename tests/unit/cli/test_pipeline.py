"""What asset pipelines ask of the command line: figures, limits, levels of detail, no surprises."""

import argparse
import csv
import io
import re
from pathlib import Path

import pytest
from generio_flows.api import check_glb
from generio_flows.cli import arguments
from generio_flows.cli.budget import share_budget
from generio_flows.cli.items import Item
from generio_flows.cli.lists import UsageError
from generio_flows.cli.measures import Inspector, Limits, Measurement
from generio_flows.cli.report import Bars, Event, Quiet, shortened
from generio_flows.cli.table import table
from generio_flows.formats.figures import Box, Figures, Texture

from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt

from .conftest import Here, Program, slashed, write_models

MANY = 64


@pytest.fixture
def ball(here: Here) -> Path:
    path = here.folder / "ball.glb"
    path.write_bytes(from_prompt("ball", quality="low", seed=1, texture=True))
    return path


def figures(triangles: int = 100, texture: int = 512, size: int = 2_345_678) -> Figures:
    box = Box((0.0, 0.0, 0.0), (1.0, 2.0, 0.5))
    return Figures(triangles, 60, 1, (Texture("bark", texture, texture // 2, 999),), size, box)


# ---- many models, in CI


def test_many_models_are_checked(program: Program):
    """As a CI would: all are within the limits, then one limit is too low for all of them."""
    write_models(program.folder / "models", MANY)
    words = (
        "optimize",
        "models/*.glb",
        "--ratio",
        "0.25",
        "--output",
        "light",
        "--jobs",
        "8",
        "--json",
        "--check",
    )
    answer = program(*words, "--max-triangles", "1500", "--max-bytes", "200000", "--csv", "figures.csv")
    assert answer.code == 0, answer.out + answer.err
    assert program.runs() == [1] * MANY
    with (program.folder / "figures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == MANY
    for row in rows:
        assert 0 < int(row["after_triangles"]) <= 1500 < int(row["before_triangles"])
        assert 0.0 < float(row["deviation_mean"]) < float(row["deviation_largest"]) < 0.05
    reports = [event["report"][0] for event in answer.events if event.get("state") == "Done"]
    assert sorted(report["file"] for report in reports) == sorted(slashed(row["file"]) for row in rows)
    again = program(*words, "--max-triangles", "1000")
    assert (again.code, again.events[-1]["already_done"]) == (5, MANY)
    warned = [event["report"][0]["warnings"] for event in again.events if event.get("report")]
    assert len(warned) == MANY
    assert all("the limit is 1,000" in warning for (warning,) in warned)
    assert program.runs() == [1] * MANY, "checking costs nothing"


def test_a_limit_without_check_is_a_warning(here: Here, ball: Path):
    answer = here("optimize", "ball.glb", "--ratio", "0.25", "--output", "out", "--max-texture", "64")
    assert answer.code == 0
    assert "out/ball.glb: it has a texture of 512 pixels; the limit is 64." in answer.out


def test_one_that_failed_comes_before_one_that_is_too_large(here: Here, ball: Path):
    words = (
        "optimize",
        "ball.glb",
        "none.glb",
        "--ratio",
        "0.5",
        "--output",
        "out",
        "--check",
        "--max-bytes",
        "9",
    )
    assert here(*words).code == 1


def test_a_result_that_is_far_from_what_was_asked(here: Here, ball: Path):
    """A solid has no fewer than four triangles."""
    words = ("optimize", "ball.glb", "--polygons", "2", "--output", "out")
    answer = here(*words)
    assert answer.code == 0
    assert "out/ball.glb: 2 triangles were requested, and it has " in answer.out
    assert here(*words, "--strict").code == 5
    assert here("optimize", "ball.glb", "--polygons", "2000", "--output", "two", "--strict").code == 0


def test_more_than_there_was_is_not_missed(here: Here, ball: Path):
    answer = here("optimize", "ball.glb", "--polygons", "1000000", "--output", "out", "--strict")
    assert (answer.code, "asked for" in answer.out) == (0, False)


def test_the_figures_of_a_result_are_those_of_its_file(here: Here, ball: Path):
    answer = here("optimize", "ball.glb", "--ratio", "0.25", "--output", "out", "--json")
    (report,) = next(event["report"] for event in answer.events if event.get("state") == "Done")
    before, after = check_glb(ball), check_glb(here.folder / "out/ball.glb")
    assert (report["before"]["triangles"], report["after"]["triangles"]) == (
        before.triangles,
        after.triangles,
    )
    assert (report["before"]["bytes"], report["after"]["bytes"]) == (before.size, after.size)
    assert report["asked_triangles"] == round(before.triangles * 0.25)
    assert report["after"]["textures"][0]["width"] == 512
    assert report["before"]["bounding_box"]["max"][1] == 1.0
    assert 0.0 < report["deviation"]["mean"] < report["deviation"]["largest"] < 0.05


def test_a_generated_model_is_compared_with_what_it_was_before_it_was_optimized(here: Here):
    words = ("generate", "--prompt", "ball", "--quality", "low", "--optimize", "500", "--output", "ball.glb")
    (report,) = next(e["report"] for e in here(*words, "--json").events if e.get("state") == "Done")
    assert report["before"]["triangles"] > 4000 > 500 >= report["after"]["triangles"]


def test_the_table_is_the_last_but_what_there_is_to_say(here: Here, ball: Path):
    answer = here("optimize", "ball.glb", "--ratio", "0.25", "--output", "out")
    lines = answer.out.splitlines()
    head = lines.index("out/ball.glb: Done") + 1
    assert lines[head].split()[:3] == ["triangles", "vertices", "materials"]
    assert [line.split()[0] for line in lines[head + 1 : -1]] == [
        "out/ball.glb",
        "before",
        "after",
        "deviation",
    ]
    assert lines[-1].startswith("1 of 1 done")


def test_a_table_fits_80_columns():
    rows = [
        Measurement("models/a-name-that-is-longer-than-others.glb", figures(1_234_567), figures(654_321)),
        Measurement("short.glb", None, figures()),
    ]
    lines = table(rows)
    assert max(map(len, lines)) <= 80
    assert "1,234,567" in lines[2] and "654,321" in lines[3]
    assert lines[4].startswith("short.glb") and "1 x 2 x 0.5" in lines[4] and "2.35 MB" in lines[4]
    assert table([]) == []


def test_a_csv_that_cannot_be_written_costs_nothing(here: Here, ball: Path):
    answer = here("optimize", "ball.glb", "--output", "out", "--csv", "none/figures.csv")
    assert (answer.code, here.runs()) == (1, [])
    assert "none/figures.csv" in answer.err


def test_a_result_whose_figures_cannot_be_read_is_there_and_not_within_limits(tmp_path: Path):
    measured = Inspector(Limits(triangles=9), check=True).compare("a.glb", None, tmp_path / "a.glb", 5, None)
    assert measured.after is None
    assert "figures that cannot be read" in measured.warnings[0]
    assert Inspector(check=True).refuses([measured])
    assert table([measured]) != []


@pytest.mark.parametrize("words", [("optimize", "a.glb", "--output", "o"), ("inspect", "a.glb")])
def test_check_without_a_limit_is_told(here: Here, words: tuple[str, ...]):
    answer = here(*words, "--check")
    assert (answer.code, "--check needs a limit" in answer.err) == (2, True)


# ---- inspect


def test_inspect_tells_what_is_there_and_sends_nothing(here: Here, ball: Path):
    answer = here("inspect", "*.glb")
    assert answer.code == 0
    assert answer.out.splitlines()[1].split()[:2] == ["ball.glb", f"{check_glb(ball).triangles:,}"]
    (found,) = here("inspect", "ball.glb", "--json").events
    assert (found["file"], found["triangles"]) == ("ball.glb", check_glb(ball).triangles)
    assert here.runs() == []
    assert not (here.folder / ".generio").exists()


def test_inspect_checks(here: Here, ball: Path):
    assert here("inspect", "ball.glb", "--check", "--max-triangles", "6000").code == 0
    answer = here(
        "inspect", "ball.glb", "--check", "--max-triangles", "100", "--max-texture", "1024", "--quiet"
    )
    assert answer.code == 5
    (line,) = answer.out.splitlines()
    assert line.startswith("ball.glb: it has ") and line.endswith("the limit is 100.")


def test_inspect_names_what_it_cannot_read(here: Here, ball: Path):
    (here.folder / "bad.glb").write_bytes(b"glTF and nothing else")
    answer = here("inspect", "bad.glb", "ball.glb", "none.glb", "--csv", "f.csv")
    assert answer.code == 1
    assert [line.partition(":")[0] for line in answer.out.splitlines()[:2]] == ["bad.glb", "none.glb"]
    assert "ball.glb" in (here.folder / "f.csv").read_text()
    bad, *_ = here("inspect", "bad.glb", "ball.glb", "--json").events
    assert (bad["file"], bad["code"]) == ("bad.glb", "not_a_glb")


# ---- budget and levels of detail


def sized(*sizes: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    """Items whose inputs have so many triangles; 0 = it cannot be read."""
    monkeypatch.setattr("generio_flows.cli.budget._triangles", lambda item: int(item.source.stem))
    return [Item("model_optimize", Path(), source=folder / f"{size}.glb") for size in sizes]


@pytest.mark.parametrize(
    ("sizes", "budget", "shares"),
    [
        ((1000, 3000), 400, (101, 299)),
        ((10, 10, 10), 10, (4, 3, 3)),
        ((1_000_000, 1), 100, (99, 1)),
        ((7, 0, 7), 4, (2, None, 2)),
    ],
)
def test_a_budget_is_shared_by_sizes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sizes: tuple[int, ...],
    budget: int,
    shares: tuple[int, ...],
):
    items = share_budget(sized(*sizes, folder=tmp_path, monkeypatch=monkeypatch), budget)
    assert tuple(item.parameters.get("polygon_count") for item in items) == shares
    assert sum(share or 0 for share in shares) == budget


def test_a_budget_that_reduces_nothing_or_leaves_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    items = sized(10, 20, folder=tmp_path, monkeypatch=monkeypatch)
    for budget in (30, 1):
        with pytest.raises(UsageError, match="budget"):
            share_budget(items, budget)


def test_a_budget_is_kept_by_all_together(here: Here, models: Path):
    answer = here("optimize", "models/0[0-3].glb", "--budget", "2000", "--output", "out", "--strict")
    assert answer.code == 0, answer.out + answer.err
    assert 1600 < sum(check_glb(path).triangles for path in (here.folder / "out").glob("*.glb")) <= 2000


def test_a_row_with_a_target_of_its_own_has_no_part_in_a_budget(here: Here, ball: Path):
    rows = here.list(
        {"model": "ball.glb", "output": "a"}, {"model": "ball.glb", "polygons": 7, "output": "b"}
    )
    answer = here("optimize", "--list", rows, "--budget", "900", "--output", "out", "--dry-run", "--json")
    assert [event["parameters"]["polygon_count"] for event in answer.events[:-1]] == [900, 7]


def test_levels_of_detail_are_made_of_the_original(here: Here, ball: Path):
    triangles = check_glb(ball).triangles
    answer = here("optimize", "ball.glb", "--lods", "0.5,0.25", "--output", "out", "--strict")
    assert answer.code == 0, answer.out + answer.err
    made = {path.name: check_glb(path).triangles for path in (here.folder / "out").glob("*.glb")}
    assert made.keys() == {"ball_LOD1.glb", "ball_LOD2.glb"}
    assert 0.4 * triangles < made["ball_LOD1.glb"] <= 0.5 * triangles
    assert 0.2 * triangles < made["ball_LOD2.glb"] <= 0.25 * triangles
    assert here.runs() == [1, 1]
    assert (
        here("optimize", "ball.glb", "--lods", "0.5,0.25", "--output", "out").out.count("Already Done") == 2
    )


def test_levels_go_beside_the_original_and_into_a_named_file(here: Here, ball: Path):
    beside = here("optimize", "ball.glb", "--lods", "0.5", "--dry-run", "--json").events
    named = here(
        "optimize", "ball.glb", "--lods", "0.5", "--output", "tree.glb", "--dry-run", "--json"
    ).events
    assert [events[0]["item"] for events in (beside, named)] == ["ball_LOD1.glb", "tree_LOD1.glb"]


def test_levels_that_would_meet_are_told(here: Here, ball: Path):
    rows = here.list({"model": "ball.glb"}, {"model": "ball.glb", "polygons": 9, "output": "ball_LOD1"})
    answer = here("optimize", "--list", rows, "--lods", "0.5", "--output", "out", "--dry-run")
    assert (answer.code, "two models have the output" in answer.err) == (2, True)


# ---- dry run, quiet, version, and what argparse says


def test_a_dry_run_needs_no_key_and_sends_nothing(program: Program, models: Path, sandbox: Sandbox):
    words = ("optimize", "models/0[0-2].glb", "none.glb", "--ratio", "0.5", "--output", "out", "--dry-run")
    answer = program(*words, GENERIO_API_KEY="")
    assert answer.code == 1
    assert answer.out.splitlines()[-1] == (
        "Flows that would run for 4 models: 3. Nothing was sent. 1 of them cannot be sent."
    )
    assert any(line.startswith("none.glb: cannot be sent (") for line in answer.out.splitlines())
    assert not (program.folder / "out").exists()
    assert sandbox.stats()["flows"] == {}


def test_a_dry_run_counts_what_is_there_already(here: Here, ball: Path):
    words = ("optimize", "ball.glb", "--ratio", "0.5", "--output", "out")
    here(*words)
    plan, summary = here(*words, "--dry-run", "--json").events
    assert (plan["flows"], plan["state"], summary["flows"]) == (0, "Done", 0)


def test_a_dry_run_counts_both_flows_of_a_chain(here: Here):
    words = ("generate", "--prompt", "a", "--quality", "low", "--optimize", "9", "--output", "out")
    assert here(*words, "--dry-run", "--json").events[-1]["flows"] == 2
    here(*words)
    assert here(*words, "--dry-run", "--json").events[-1]["flows"] == 0


def test_quiet_says_what_is_wrong_only(here: Here, ball: Path):
    words = ("optimize", "ball.glb", "--ratio", "0.5", "--output", "out", "--quiet")
    assert (here(*words).out, here(*words, "--max-bytes", "5").out.count("\n")) == ("", 1)
    lines = here("optimize", "none.glb", "--output", "out", "--quiet").out.splitlines()
    assert lines[0].startswith("none.glb: Failed (")
    assert lines[1].startswith("Correct these inputs")


def test_the_version_is_the_manifests(here: Here):
    manifest = (Path(__file__).resolve().parents[3] / "blender_manifest.toml").read_text(encoding="utf-8")
    version = here("--version").out.split()[1]
    assert f'\nversion = "{version}"\n' in manifest


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--jobs", "many"), "argument --jobs: expected a whole number, not 'many'"),
        (("--patience", "long"), "argument --patience: expected a number of minutes, not 'long'"),
        (("--lods", "0.5,0.7"), "argument --lods: each ratio must be smaller than the one before"),
        (("--lods", "half"), "argument --lods: expected ratios such as 0.5,0.25, not 'half'"),
    ],
)
def test_what_argparse_says_has_no_names_of_functions(here: Here, words: tuple[str, ...], complaint: str):
    answer = here("optimize", "a.glb", *words)
    assert (answer.code, complaint in answer.err) == (2, True), answer.err
    assert "_positive" not in answer.err


def test_what_is_missing_is_named_and_no_advice_to_try_it_again(here: Here):
    (here.folder / "in").mkdir()
    answer = here("optimize", "in/none.glb", "--polygons", "5", "--output", "light.glb")
    assert answer.code == 1
    assert answer.out.splitlines()[0].startswith('in/none.glb: Failed (The file "none.glb" does not exist.')
    assert answer.out.splitlines()[-1].startswith("Correct these inputs, and run the same command again.")
    assert "once more" not in answer.out


# ---- bars


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def drawn(bars: Bars) -> list[str]:
    out = bars.out
    assert isinstance(out, io.StringIO)
    return out.getvalue().split("\x1b[J")[-1].splitlines()


@pytest.mark.usefixtures("terminal")
def test_at_80_columns_the_state_stays(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr("generio_flows.cli.report.time.monotonic", lambda: now[0])
    bars = Bars(io.StringIO(), 1)
    name = "exports/characters/a-very-long-name-of-a-model-that-nobody-would-type.glb"
    bars.record(Event(name, "Running", 0.42, left=130.0))
    now[0] += 65.0
    bars.tick()
    row, total = drawn(bars)
    assert len(row) < 80
    assert row.endswith(": Running 42% 1:05, 1:05 left")
    assert "exports/" in row and ".glb:" in row
    assert total.endswith("0 of 1")


@pytest.mark.usefixtures("terminal")
def test_time_goes_by_without_news_and_none_is_left_when_it_is_over(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr("generio_flows.cli.report.time.monotonic", lambda: now[0])
    bars = Bars(io.StringIO(), 1)
    bars.record(Event("a.glb", "Running", left=10.0))
    now[0] += 20.0
    bars.tick()
    assert drawn(bars)[0].endswith("a.glb: Running 0:20")
    now[0] += 0.5
    before = drawn(bars)
    bars.tick()
    assert drawn(bars) == before, "no more often than people can read"


def test_a_shortened_name_has_both_its_ends():
    assert shortened("models/lamp.glb", 20) == "models/lamp.glb"
    assert shortened("models/lamp.glb", 11) == "mode....glb"
    assert len(shortened("models/lamp.glb", 2)) == 3


def test_quiet_shows_no_progress():
    quiet = Quiet(io.StringIO(), 1)
    quiet.record(Event("a.glb", "Running"))
    quiet.record(Event("a.glb", "Done", report=(Measurement("a.glb", None, figures()),)))
    quiet.end(1.0, "")
    assert quiet.out.getvalue() == ""  # type: ignore[attr-defined]


# ---- jobs


def test_jobs_are_listed_with_kind_input_and_time(here: Here, ball: Path):
    here("optimize", "ball.glb", "--ratio", "0.5", "--output", "out")
    here("generate", "--prompt", "A brass lamp", "--quality", "low", "--output", "out")
    head, *rows = here("jobs", "list", "--output", "out").out.splitlines()
    assert head.split() == ["id", "created", "state", "kind", "input", "time", "output"]
    assert re.search(r"  Done   optimize  ball\.glb      \d+:\d\d  out/ball\.glb$", rows[0])
    assert re.search(r"  Done   generate  A brass lamp  \d+:\d\d  out/a-brass-lamp\.glb$", rows[1])


def test_a_job_is_shown_as_a_page_and_as_data(here: Here, ball: Path):
    here("optimize", "ball.glb", "--polygons", "900", "--output", "out")
    (job,) = here("jobs", "list", "--output", "out", "--json").events
    page = here("jobs", "show", job["token"][:6], "--output", "out").out
    for line in (
        "ball.glb\n",
        f"  id         {job['token']}\n",
        "  state      Done\n",
        "  kind       optimize (model_optimize)\n",
        "  input      ball.glb\n",
        "  asked for  polygon_count 900\n",
        "  output     out/ball.glb\n",
        f"  flow       {job['flow_id']} completed\n",
    ):
        assert line in page
    (data,) = here("jobs", "show", job["token"], "--output", "out", "--json").events
    assert (data["token"], data["state"], data["parameters"]) == (
        job["token"],
        "Done",
        {"polygon_count": 900},
    )


def test_what_went_wrong_is_on_the_page(here: Here, sandbox: Sandbox):
    sandbox.order({"flow": {"outcome": "fail", "reason": "too dark"}, "times": 1})
    here("generate", "--prompt", "lamp", "--quality", "low", "--output", "out")
    (job,) = here("jobs", "list", "--output", "out", "--json").events
    page = here("jobs", "show", job["token"], "--output", "out").out
    assert "  problem    The service could not make the model: too dark" in page
    assert "  to do      " in page


def test_every_command_has_a_help(here: Here):
    parser = arguments.parser("generio")
    (commands,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for name in commands.choices:
        assert here(name, "--help").code == 0
