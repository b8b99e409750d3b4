"""Reports: what they say first, that they fit, and that no foreign text breaks out of them."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html.parser
import io
import json
import re
import shutil
import subprocess

import pytest
from rich.console import Console

from backtests import reports
from backtests.reports import ReportSettings, learned, sections, terminal
from backtests.reports.html_page import CLOCK_ENDINGS, data_block, judged_html, without_clocks
from backtests.reports.table import Table
from backtests.testing import HOSTILE_TITLE, check_report, sample_view
from markets.errors import DataError


@pytest.fixture(scope="module")
def view():
    return sample_view(seed=4, titles=[HOSTILE_TITLE, "阿里巴巴：云收入 +26%"])


@pytest.fixture(scope="module")
def page(view):
    return reports.html(view)


class Elements(html.parser.HTMLParser):
    """Elements and their attributes, as a browser would see them."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


@pytest.mark.parametrize(
    "report", [reports.text, reports.html, reports.markdown, reports.json_text]
)
def test_built_in_reports_keep_the_contract(report):
    check_report(report)


def test_the_contract_refuses_a_report_that_lets_titles_out():
    with pytest.raises(DataError, match="broke out"):
        check_report(lambda view: "<html>" + " ".join(view.stories["title"]))
    with pytest.raises(DataError, match="must be a text"):
        check_report(lambda view: view.metrics)


@pytest.mark.parametrize("sessions", [0, 1, 2, 30])
def test_every_report_copes_with_short_runs(sessions):
    view = sample_view(sessions=sessions)
    for report in (reports.text, reports.html, reports.markdown, reports.json_text):
        said = report(view)
        assert said
        assert "– to –" not in said


def test_text_says_the_verdict_first_and_fits_80_columns(view):
    lines = reports.text(view).splitlines()
    verdict = view.metrics["verdict"]
    assert " ".join(lines[1:3]).startswith(verdict["headline"][:70])
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    assert "…" not in "".join(lines), "a figure was cut off"


@pytest.mark.parametrize("width", [40, 60, 79])
def test_a_narrow_terminal_loses_no_label_and_no_figure(view, width):
    narrow = reports.text(view, width=width)
    assert max(map(len, narrow.splitlines())) <= width
    for table in sections.tables_of(view):
        if [at for at, name in enumerate(table.columns) if name.startswith("<")] != [0]:
            continue  # texts fold
        for row in table.rows:
            assert any(line.startswith(row[0]) for line in narrow.splitlines())
            assert all(figure in narrow.split() for figure in row[1:] if figure)
        for heading in table.columns[1:]:
            assert heading in narrow


def test_text_in_color_says_the_same(view):
    colored = reports.text(view, color=True)
    assert "\x1b[" in colored
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    squeezed = [" ".join(t.split()) for t in (plain, reports.text(view))]
    assert squeezed[0] == squeezed[1]


def test_text_into_a_pipe_is_plain(view, monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    reports.print_text(view)
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_markup_and_control_signs_in_foreign_text_stay_text(view):
    nasty = {"level": "error", "name": "[red]x[/red]", "message": "\x1b[2Jgone \u202eevil"}
    printed = reports.text(dataclasses.replace(view, checks=(nasty,)))
    assert "[red]x[/red]" in printed
    assert "\x1b" not in printed
    assert "\u202e" not in printed


def test_the_folder_stands_on_one_line_however_long(view, tmp_path):
    out = io.StringIO()
    folder = tmp_path / ("long" * 40)
    terminal.write(Console(file=out, width=80), dataclasses.replace(view, folder=folder))
    assert str(folder) in out.getvalue()


def test_the_page_loads_nothing_and_runs_only_its_own_script(page):
    elements = Elements(page).found
    scripts = [attributes for tag, attributes in elements if tag == "script"]
    assert [s.get("type") for s in scripts] == ["application/json", None]
    assert not [a for _, a in elements if {"src", "href", "style"} & set(a)]
    assert not [name for _, a in elements for name in a if name.startswith("on")]
    policy = next(a["content"] for _, a in elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    for tag in ("style", "script"):
        own = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        assert len(own) == 1
        digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_a_hostile_title_reaches_the_page_as_data_only(view, page):
    assert "<img" not in page
    assert "\u2028" not in page
    block = re.search(r'id="data">(.*?)</script>', page, flags=re.DOTALL).group(1)
    stories = [own["stories"] for own in json.loads(block)["prices"]]
    titles = [story[0] for own in stories for day in own.values() for story in day[2]]
    assert any("onerror=alert(1)" in title for title in titles)
    assert any("云收入" in title for title in titles)


def test_a_hostile_name_is_escaped(view):
    page = reports.html(dataclasses.replace(view, config={"name": "<b>&{{ 7 * 7 }}"}))
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;{{ 7 * 7 }}" in page


def test_a_data_block_cannot_close_its_element():
    assert "<" not in data_block({"title": "</script><!--<script>"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_block({"value": float("nan")})


def test_the_page_tells_no_clock(view):
    first, second = (
        reports.html(dataclasses.replace(view, manifest={"a": {"started_at": at}, "seed": 1}))
        for at in ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    )
    assert first == second
    assert without_clocks({f"x{ending}": 1 for ending in CLOCK_ENDINGS}) == {}


def test_the_page_stays_small():
    view = sample_view(sessions=250, tickers=8)
    assert len(reports.html(view)) < 700_000


def test_titles_beyond_the_limit_are_counted(view):
    page = reports.html(view, ReportSettings(stories_per_session=0))
    assert "onerror" not in page
    assert "in the news" not in page


def test_markdown_tables_have_as_many_cells_as_columns(view):
    for table in sections.tables_of(view):
        assert {len(row) for row in table.rows} == {len(table.columns)}
    made = reports.markdown(view)
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert rows
    assert all(line.endswith("|") for line in rows)


def test_further_reports_come_in_by_the_door(view, tmp_path):
    settings = ReportSettings(html=False, extra=("backtests.reports:markdown",))
    reports.write_reports(tmp_path, view, settings)
    assert [path.name for path in tmp_path.iterdir()] == ["report.markdown"]


def test_drift_stands_by_fold_in_every_report(view, page):
    table = learned.drift(view)
    assert table.columns[:3] == ("<Window", "events", "magnitudes")
    assert table.rows[1] == ("2024-04", *["0.04"] * 6, "0.30", "5.0%", "0.243")
    for report in (reports.text(view), reports.markdown(view), page):
        assert "Drift by fold" in report
        assert "2024-04" in report
    told = json.loads(reports.json_text(view))["folds"][1]["drift"]
    assert (told["psi_events"], told["brier_60"]) == (0.04, 0.2431)


def test_of_many_groups_those_that_moved_most_are_shown(view):
    moved = {f"psi_own{number}": number / 10 for number in range(9)}
    folds = [{"test_start": "2024-01-01", "drift": moved}]
    table = learned.drift(dataclasses.replace(view, folds=folds))
    assert table.columns[1:7] == tuple(f"own{number}" for number in range(3, 9))
    assert table.rows[0][-3:] == ("–", "–", "–")
    assert "3 more groups" in table.note
    old = dataclasses.replace(view, folds=[{"fold": 0}])
    assert not learned.drift(old).rows


def test_the_label_of_a_row_is_no_loss_whatever_its_sign(view):
    rows = (("−10", "−2"), ("+10", "+2"))
    table = Table("leads", "Leads", ("sessions", "signed bp"), rows)
    page = judged_html("audit", "x", "y", (), [table], found=True)
    assert re.findall(r'<td class="(.*?)">', page) == ["n", "n minus", "n", "n"]
    assert 'class="verdict found"' in page
    colored = terminal.written(lambda console: terminal.write_table(console, table), color=True)
    assert re.findall(r"\x1b\[31m *(\S+)\x1b", colored) == ["−2"]


def test_a_fold_says_what_it_learned_from_and_what_it_was_asked(view):
    fold = {
        "fold": 3,
        "train_start": "2022-10-05",
        "train_end": "2023-12-29",
        "test_start": "2024-04-01",
        "test_end": "2024-06-30",
        "train_rows": 1234,
        "slope": -1.7739,
        "model_sha256": "ef53ba58723a21",
        "drift": {"psi_events": 0.1},
        "params": {},
    }
    table = learned.folds(dataclasses.replace(view, folds=[fold, {"fold": 4}]))
    assert table.columns == ("Fold", "<Training", "<Test", "Train", "Slope", "<Model")
    assert table.rows == (
        ("3", "2022-10-05 to 2023-12-29", "2024-04-01 to 2024-06-30", "1,234", "−1.77", "ef53ba58"),
        ("4", "–", "–", "–", "–", "–"),
    )


@pytest.mark.parametrize(("asked", "width"), [("60", 60), ("120", 120), ("7", 40), ("wide", 80)])
def test_a_pipe_is_as_wide_as_the_variable_says(view, monkeypatch, capsys, asked, width):
    monkeypatch.setenv("COLUMNS", asked)
    reports.print_text(view)
    assert capsys.readouterr().out == reports.text(view, width=width)


@pytest.mark.parametrize("width", [1200, 1000])
def test_no_table_but_the_trades_needs_more_than_the_page_has(tmp_path, view, width):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no browser to lay the page out")
    row = {
        **{"trades": 1170.5, "hit_rate": 0.471, "mean_net_return": -0.0107},
        **{"gross_pnl_hkd": -1126653.0, "cost_hkd": 1143483.0, "net_pnl_hkd": -1216830.0},
    }
    fold = {
        **{f"{part}_{end}": "2024-06-30" for part in ("train", "test") for end in ("start", "end")},
        **dict.fromkeys(("fold", "train_rows", "calibration_rows", "test_rows"), 12345),
        **dict.fromkeys(("purged_rows", "embargoed_rows", "terms", "trials"), 1234),
        **{"slope": -12.25, "shift": -10.25, "calibration_method": "temperature"},
        "model_sha256": "ef53ba58723a21",
    }
    metrics = {
        **view.metrics,
        "by_event_kind": [{**row, "kind": "product_launch"}],
        "by_ticker": [{**row, "ticker": "99002.HK"}],
    }
    page = reports.html(dataclasses.replace(view, metrics=metrics, folds=[fold]))
    measure = """<script>addEventListener("load", () => { document.title = "wide: " +
        [...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth)
        .map(e => e.closest("section").id).filter(id => id != "trades").join(" ") })</script>"""
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{measure}</body>"))
    shown = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *(f"--window-size={width},2000", "--virtual-time-budget=2000"),
            *(f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "page.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert re.search("<title>(.*?)</title>", shown)[1] == "wide: "
