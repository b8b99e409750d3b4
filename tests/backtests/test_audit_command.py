"""`newswake audit`: what it writes and says, whatever it finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtests.cli import app
from backtests.robustness import audit, lookahead
from backtests.robustness.lookahead_report import Done, Leak, LookaheadReport, Reach
from backtests.robustness.report import lookahead_tables
from markets.errors import DataError

LEAK = Leak("leak", "other prices", "features", "a <b>feature</b> moved", "own__x", "99001.HK")
FOUND = {
    "clean": LookaheadReport((), (Done("future", "cut 1", True),), ("2023-05-06",), 7, 12),
    "leaking": LookaheadReport((LEAK,), (Done("future", "cut 1", False),), ("2023-05-06",), 7, 12),
}


@pytest.fixture
def small_config(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(
        'name = "small"\nstart = 2023-01-03\nend = 2023-06-30\n'
        "[prices.synthetic]\ntickers = 3\nn_stories = 60\nend = 2023-06-30\nstart = 2022-10-03\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("found", "flags", "status"),
    [("leaking", [], 5), ("leaking", ["--no-statistics"], 5), ("clean", ["--no-statistics"], 0)],
)
def test_the_page_is_written_whatever_is_found(
    found: str,
    flags: list[str],
    status: int,
    small_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = FOUND[found]
    monkeypatch.setattr(lookahead, "audit_lookahead", lambda *_, **__: report)
    path = tmp_path / "pages" / "audit.html"
    ran = CliRunner().invoke(app, ["audit", str(small_config), *flags, "--html", str(path)])
    assert ran.exit_code == status, ran.output
    page = path.read_text(encoding="utf-8")
    verdict = report.verdict.split("<")[0].rstrip()
    assert page.index(verdict) < page.index("<table>")
    assert "<b>feature" not in page
    assert ("what was found" in page) == (found == "leaking")
    assert "could be luck was" in page


@pytest.mark.parametrize("place", ["small.toml/audit.html", "."])
def test_a_page_without_a_place_is_refused_before_anything_is_audited(
    place: str, small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited: list[object] = []
    monkeypatch.setattr(lookahead, "audit_lookahead", lambda *of, **_: audited.append(of))
    ran = CliRunner().invoke(app, ["audit", str(small_config), "--html", str(tmp_path / place)])
    assert (ran.exit_code, audited) == (2, [])
    assert "where    --html" in ran.stderr


REACH = (Reach("features", 59, 710), Reach("orders, as handed over", 554, 554))


def test_an_audit_says_what_a_rare_leak_would_have_to_hit() -> None:
    report = LookaheadReport((), (), ("2023-05-06",), 7, 12, reach=REACH)
    lines = report.text().splitlines()
    at = lines.index("least chance to meet a leak that acts on 1 of 20 sessions, by stage")
    assert lines[at + 1].split() == ["features", "59", "of", "710", "sessions", "95%"]
    assert lines[at + 2].split()[-4:] == ["all", "554", "sessions", "100%"]
    power = report.as_dict()["power"]
    assert power[0] == {
        "stage": "features",
        "compared": 59,
        "among": 710,
        "chance_1_in_20": round(1 - 0.95**59, 4),
    }
    assert [table.key for table in lookahead_tables(report)] == ["lookahead", "power"]


def test_a_user_says_as_of_how_many_days(
    small_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def heard(*_: object, days: int, **__: object) -> LookaheadReport:
        asked.append(days)
        return FOUND["clean"]

    monkeypatch.setattr(lookahead, "audit_lookahead", heard)
    for flags in ([], ["--days", "7"]):
        ran = CliRunner().invoke(app, ["audit", str(small_config), "--no-statistics", *flags])
        assert ran.exit_code == 0, ran.output
    assert asked == [lookahead.DAYS, 7]


def test_a_pipe_is_told_when_the_statistics_begin(
    small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise DataError("enough")

    monkeypatch.setattr(lookahead, "audit_lookahead", lambda *_, **__: FOUND["clean"])
    monkeypatch.setattr(audit, "statistical_audit", stop)
    ran = CliRunner().invoke(app, ["audit", str(small_config), "--out", str(tmp_path)])
    told = ran.stderr.splitlines()[0]
    assert told == f"{FOUND['clean'].verdict} Now the statistics."
    assert ran.stdout == ""
