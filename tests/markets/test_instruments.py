"""Instruments: names by language and date, lots by date, members that walk back to the launch."""

from __future__ import annotations

import csv
import tomllib
from datetime import date
from pathlib import Path

import pytest

from markets.dated import DatedRow
from markets.errors import DataError, MissingDataError, TableError, TickerError
from markets.instruments import KINDS, LANGUAGES, Instrument, Instruments
from markets.membership import Membership, MembershipChange

ANSWERS = Path(__file__).parents[1] / "answers"
LOTS = list(csv.DictReader((ANSWERS / "board_lots.csv").read_text(encoding="utf-8").splitlines()))
MEMBERS = tomllib.loads((ANSWERS / "hstech_members.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def register() -> Instruments:
    return Instruments.default()


def codes(text: str) -> frozenset[str]:
    return frozenset(f"{code}.HK" for code in text.split())


def test_there_are_44_with_names_in_every_language(register):
    assert len(register) == 44
    for ticker, one in register.items():
        assert one.ticker == ticker
        assert one.kind in KINDS
        assert set(one.names) == set(LANGUAGES)
        for language in ("en", "zh_hant", "zh_hans"):
            assert one.names[language].official, (ticker, language)


def test_every_member_from_2023_to_2025_can_be_traded(register):
    """Of earlier ones some lack records, of later ones lots; a run over their time names them."""
    members = register.membership("hstech").members
    days = [row.valid_from for row in members.rows if 2023 <= row.valid_from.year <= 2025]
    for day in (date(2023, 1, 3), *days):
        for ticker in register.members("hstech", day):
            assert register.lot(ticker, day) > 0
            assert (register[ticker].listed or day) <= day
    assert "0909.HK" in register.members("hstech", date(2023, 3, 10))
    assert not register["0909.HK"].verified


def test_chinese_names_stand_in_their_own_script(register):
    assert register["0700.HK"].names["zh_hant"].official == "騰訊控股"
    assert register["0700.HK"].names["zh_hans"].official == "腾讯控股"


def test_names_have_their_time(register):
    old, new = date(2024, 8, 27), date(2024, 8, 28)
    names = register["9988.HK"].names["en"]
    assert "BABA-SW" in names.on(old)
    assert "BABA-W" not in names.on(old)
    assert "BABA-W" in names.on(new)
    assert "Koolearn" in register["1797.HK"].names["en"].on(date(2021, 1, 4))
    people = {one.text: one for one in register["9988.HK"].people}
    assert not people["Eddie Wu"].is_valid(date(2023, 9, 9))
    assert people["Daniel Zhang"].is_valid(date(2023, 9, 9))


def test_products_people_and_traps_are_there(register):
    alibaba = register["9988.HK"]
    assert {"Qwen", "通義千問", "通义千问"} <= {one.text for one in alibaba.products}
    blocked = {text for trap in alibaba.traps if trap.effect == "block" for text in trap.texts}
    assert "阿里健康" in blocked
    assert alibaba.receipt.shares_per_ads == 8
    assert alibaba.counters == ("89988.HK",)


def test_funds_have_their_kinds(register):
    assert register["3033.HK"].kind == "etf"
    assert register["2800.HK"].kind == "etf_hong_kong"


@pytest.mark.parametrize("row", LOTS, ids=lambda row: row["ticker"])
def test_lots_are_those_of_the_sources(register, row):
    assert register.lot(row["ticker"], date.fromisoformat(row["date"])) == int(row["lot"])


def test_a_lot_is_asked_for_in_any_spelling(register):
    assert register.lot("700", date(2025, 9, 12)) == 100


def test_an_unknown_lot_asks_for_ones_own_file(register):
    for ticker in ("0100.HK", "0005.HK"):
        with pytest.raises(MissingDataError) as refused:
            register.lot(ticker, date(2026, 3, 2))
        assert refused.value.given == ticker
        assert "[[lots]]" in refused.value.wanted
    with pytest.raises(TableError, match="no row") as refused:
        register.lot("9866.HK", date(2021, 3, 2))
    assert "9866.HK" in refused.value.where
    with pytest.raises(TickerError):
        register.lot("AAPL", date(2025, 9, 12))


def test_the_index_walks_back_from_a_published_list_to_its_launch(register):
    members = register.members("hstech", date(2026, 4, 22))
    assert members == codes(MEMBERS["list_2026_04_22"]["codes"])
    for change in MEMBERS["walk_back"]:
        assert register.members("hstech", change["effective"]) == members
        members = (members - codes(change["in"])) | codes(change["out"])
    assert members == codes(MEMBERS["launch_2020_07_27"]["codes"])
    assert len(members) == 30
    assert register.members("hstech", date(2020, 7, 27)) == members


def test_before_its_launch_an_index_has_no_members(register):
    assert register.members("hstech", date(2020, 7, 26)) == frozenset()


def test_a_change_is_known_before_it_is_in_force(register):
    hstech = register.membership("hstech")
    assert hstech.announced(date(2024, 8, 15)) == ()
    (change,) = hstech.announced(date(2024, 8, 16))
    assert (change.added, change.removed) == ({"0522.HK"}, {"1833.HK"})
    assert change.announced_verified
    assert "1833.HK" in register.members("hstech", date(2024, 9, 8))
    assert "0522.HK" in register.members("hstech", date(2024, 9, 9))
    assert hstech.announced(date(2024, 9, 9)) == ()


def test_the_incomplete_change_of_2026_says_so(register):
    hstech = register.membership("hstech")
    assert hstech.complete_until() == date(2026, 6, 8)
    assert not hstech.members.row_on(date(2026, 6, 8)).verified


def test_members_need_not_be_instruments(register):
    assert "0136.HK" in register.members("hstech", date(2020, 7, 27))
    assert "0136.HK" not in register


def test_an_unknown_index_names_the_nearest(register):
    with pytest.raises(MissingDataError) as refused:
        register.members("hstec", date(2025, 1, 2))
    assert refused.value.nearest == "hstech"


def test_an_unknown_instrument_is_refused(register):
    assert register.find("700").ticker == "0700.HK"
    with pytest.raises(MissingDataError):
        register.find("0005.HK")
    assert register.get("0005.HK") is None


def test_a_file_of_ones_own_wins_on_its_dates(register, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        """
[[lots]]
ticker = "1211.HK"
valid_from = 2025-10-01
valid_to = 2025-10-31
value = 50

[[lots]]
ticker = "HK0100"
valid_from = 2026-01-09
value = 20

[[lots]]
ticker = "0005.HK"
valid_from = 2010-01-01
value = 400

[[instruments]]
ticker = "0388.HK"
names.en = { official = "Some Exchange", aliases = ["Venue"] }
""",
        encoding="utf-8",
    )
    both = register.extended(Instruments.from_toml(path))
    found = [both.lot("1211.HK", date(2025, month, 15)) for month in (8, 10, 11)]
    assert found == [500, 50, 100]
    assert both.lot("0100.HK", date(2026, 2, 2)) == 20
    assert both.lot("0005.HK", date(2025, 1, 2)) == 400
    assert both["0388.HK"].label == "Venue"
    assert len(both) == 45
    # The project's own tables are as they were.
    assert register.lot("1211.HK", date(2025, 10, 15)) == 100


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[lots]]\nticker = "1211.HK"\nvalid_from = 2025-01-01\nvalue = 0', "no board lot"),
        ('[[lots]]\nticker = "1211.HK"\nvalid_from = "2025"\nvalue = 5', "wrong type"),
        ('[[lots]]\nticker = "1211.HK"\nvalid_from = 2025-01-01T09:00:00\nvalue = 5', "wrong type"),
        ('[[lots]]\nticker = "1211.HK"\nvalue = 5', "lacks a key"),
        ("[[lots]]\nvalid_from = 2025-01-01\nvalue = 5", "lacks a key"),
        ('[[lots]]\nticker = "1211.HK"\nvalid_form = 2025-01-01\nvalue = 5', "unknown key"),
        ('[[lots]]\nticker = "BABA"\nvalid_from = 2025-01-01\nvalue = 5', "no Hong Kong ticker"),
        (
            '[[lots]]\nticker = "1"\nvalid_from = 2025-01-01\nvalid_to = 2025-02-01\nvalue = 5\n'
            '[[lots]]\nticker = "1"\nvalid_from = 2025-02-01\nvalue = 6',
            "overlap",
        ),
        (
            '[[lots]]\nticker = "1"\nvalid_from = 2025-01-01\nvalid_to = 2025-02-01\nvalue = 5\n'
            '[[lots]]\nticker = "1"\nvalid_from = 2025-02-03\nvalue = 6',
            "gap",
        ),
        (
            '[[lots]]\nticker = "1"\nvalid_from = 2025-01-01\nvalid_to = 2024-02-01\nvalue = 5',
            "ends before",
        ),
        ("[lots]\nticker = 1", "not a list"),
        ("[[lot]]\nticker = 1", "unknown table"),
        ("[[lots]\n", "no TOML"),
        ('[[instruments]]\nticker = "1"\nkind = "share"', "no such kind"),
        ('[[instruments]]\nticker = "1"\nnames.fr = {}', "no such language"),
        ('[[instruments]]\nticker = "1"\nnames.en = { aliases = [1] }', "no alias"),
        ('[[instruments]]\nticker = "1"\n[[instruments]]\nticker = "0001.HK"', "stands twice"),
        ('[[instruments]]\nticker = "1"\nsectr = "x"', "unknown key"),
        ('[[instruments]]\nticker = "1"\ntraps = [{ effect = "x" }]', "no such effect"),
        ("indices = 3", "not a table of indices"),
        ('indices.own = ["1"]', "no index"),
        ('[indices.own]\nmembers = ["1"]', "lacks a key"),
        ('[indices.own]\nlaunch = 2020-01-01\nmember = ["1"]', "unknown key in a row"),
        ('[indices.own]\nlaunch = 2020-01-01\nmembers = ["BABA"]', "no Hong Kong ticker"),
    ],
)
def test_a_row_that_is_off_is_named(tmp_path, text, problem):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=problem) as refused:
        Instruments.from_toml(path)
    assert refused.value.where
    assert refused.value.exit_code == 4


def test_a_file_that_is_absent_or_not_text_is_refused(tmp_path):
    with pytest.raises(MissingDataError):
        Instruments.from_toml(tmp_path / "none.toml")
    path = tmp_path / "own.toml"
    path.write_bytes("[[lots]] # 騰".encode("big5"))
    with pytest.raises(TableError, match="UTF-8"):
        Instruments.from_toml(path)


def test_an_index_of_ones_own_may_leave_its_sources_out(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        '[indices.own]\nlaunch = 2020-01-01\nmembers = ["1"]\n[[indices.own.changes]]\n'
        'effective = 2021-01-04\nadded = ["2"]\nremoved = ["1"]\nverified = true\n',
        encoding="utf-8",
    )
    first, second = Instruments.from_toml(path).membership("own").members.rows
    assert (first.source, first.checked_on, first.verified) == (str(path), None, False)
    assert (second.value, second.verified) == (frozenset({"0002.HK"}), True)


def change(**fields) -> MembershipChange:
    known = {"effective": date(2021, 1, 4), "announced": None, "added": frozenset()}
    rest = {"removed": frozenset(), "complete": True, "source": "s", "verified": True}
    return MembershipChange(**{**known, **rest, "checked_on": date(2026, 1, 1), **fields})


@pytest.mark.parametrize(
    ("off", "problem"),
    [
        ({"added": frozenset({"0001.HK"})}, "already a member"),
        ({"removed": frozenset({"0002.HK"})}, "no member"),
        ({"effective": date(2020, 1, 1)}, "begin on the same date"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(off, problem):
    launch = DatedRow(date(2020, 1, 1), frozenset({"0001.HK"}), "s", date(2026, 1, 1), True)
    with pytest.raises(TableError, match=problem):
        Membership("own", launch, [change(**off)])


def test_an_announcement_after_the_change_is_refused(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        '[indices.own]\nlaunch = 2020-01-01\nmembers = ["1"]\nsource = "s"\n'
        "checked_on = 2026-01-01\nverified = true\n[[indices.own.changes]]\n"
        'effective = 2021-01-04\nannounced = 2021-01-04\nadded = ["2"]\nremoved = []\n'
        'source = "s"\nchecked_on = 2026-01-01\nverified = true\n',
        encoding="utf-8",
    )
    with pytest.raises(TableError, match="announced before"):
        Instruments.from_toml(path)


def test_a_bare_instrument_is_enough():
    table = Instruments([Instrument("99001.HK")])
    assert table["99001.HK"].label == "99001.HK"
    assert table.indices == ()
