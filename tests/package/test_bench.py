"""What is measured with `make bench` can be measured: figures are made up of real jobs at real services."""

from pathlib import Path

import pytest

from scripts import bench_polling

pytestmark = pytest.mark.slow


def test_how_soon_the_end_of_a_flow_is_noticed_can_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FLOWS": 4, "LEARNED": 2, "SPEED": 0.01, "FIXED_SECONDS": 0.1}.items():
        monkeypatch.setattr(bench_polling, name, value)
    late, asked = bench_polling.polling_rows(tmp_path)
    assert late.unit == "s" and late.ours > 0 and late.baseline is not None and late.baseline > 0
    assert asked.ours >= 1 and asked.baseline is not None and asked.baseline >= 1
