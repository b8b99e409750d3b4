"""Yahoo: the real yfinance parser on chart JSON made here, snapshots, retries; never a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
import yfinance
from hypothesis import given
from hypothesis import strategies as st
from yfinance import _http, cache, exceptions
from yfinance.config import YfConfig
from yfinance.data import YfData

from markets.clock import hong_kong
from markets.errors import DataError, MissingDataError, NetworkError
from markets.sources.unsplit import flatten, undo_splits
from markets.sources.yahoo import YahooSettings, YahooSource
from markets.sources.yahoo_history import Answer, fetch_history
from markets.testing import check_price_source

TAKEN = datetime(2025, 9, 30, 12, 0, tzinfo=UTC)
DAYS = [date(2025, 9, day) for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12)]
SPLIT_DAY, DIVIDEND_DAY = DAYS[6], DAYS[3]


def chart(
    symbol: str,
    days: list[date] = DAYS,
    *,
    currency: str = "HKD",
    events: dict[str, Any] | None = None,
    closes: list[float | None] | None = None,
    volumes: list[int | None] | None = None,
) -> dict[str, Any]:
    """Chart JSON as Yahoo's v8 endpoint shapes it, with prices made up here."""
    stamps = [int(hong_kong(day, time(9, 30)).timestamp()) for day in days]
    closes = closes or [100.0 + n for n in range(len(days))]
    shifted = {
        name: [None if close is None else close + by for close in closes]
        for name, by in (("open", -0.5), ("high", 1.0), ("low", -1.0), ("close", 0.0))
    }
    return {
        "chart": {
            "error": None,
            "result": [
                {
                    "meta": {
                        "currency": currency,
                        "symbol": symbol,
                        "instrumentType": "EQUITY",
                        "exchangeTimezoneName": "Asia/Hong_Kong",
                        "timezone": "HKT",
                        "gmtoffset": 28800,
                        "priceHint": 3,
                        "dataGranularity": "1d",
                        "range": "max",
                        "validRanges": ["1d", "5d", "1mo", "max"],
                        "firstTradeDate": stamps[0],
                        "regularMarketTime": stamps[-1],
                        "currentTradingPeriod": {
                            part: {"timezone": "HKT", "gmtoffset": 28800, "start": 0, "end": 1}
                            for part in ("pre", "regular", "post")
                        },
                    },
                    "timestamp": stamps,
                    "events": events or {},
                    "indicators": {
                        "quote": [{**shifted, "volume": volumes or [1000] * len(days)}],
                        "adjclose": [{"adjclose": closes}],
                    },
                }
            ],
        }
    }


def split_and_dividend() -> dict[str, Any]:
    split = int(hong_kong(SPLIT_DAY, time(9, 30)).timestamp())
    paid = int(hong_kong(DIVIDEND_DAY, time(9, 30)).timestamp())
    return {
        "splits": {
            str(split): {"date": split, "numerator": 5, "denominator": 1, "splitRatio": "5:1"}
        },
        "dividends": {str(paid): {"date": paid, "amount": 0.25}},
    }


@dataclass
class Reply:
    status_code: int
    text: str
    url: str

    @property
    def content(self) -> bytes:
        return self.text.encode()

    def json(self) -> Any:
        return json.loads(self.text)

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise _http.HTTPError(f"HTTP Error {self.status_code}", 0, self)


@dataclass
class Exchange:
    """What the fake network answers to each symbol, and what it was asked."""

    charts: dict[str, Any] = field(default_factory=dict)
    status: dict[str, list[int]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get(self, url: str, params: Any = None, **_: Any) -> Reply:
        parts = urlsplit(url)
        if "/v8/finance/chart/" not in url:
            known = "getcrumb" in url or "fc.yahoo" in url
            return Reply(200 if known else 404, "crumb" if known else "{}", url)
        symbol = parts.path.rsplit("/", 1)[-1]
        self.asked.append((symbol, dict(params or {})))
        waiting = self.status.get(symbol, [])
        if waiting:
            status = waiting.pop(0)
            if status == -1:
                raise ConnectionError("no route to host")
            return Reply(status, "Too Many Requests" if status == 429 else "oops", url)
        answer = self.charts.get(symbol)
        if answer is None:
            missing = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return Reply(404, json.dumps({"chart": {"result": None, "error": missing}}), url)
        return Reply(200, answer if isinstance(answer, str) else json.dumps(answer), url)


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """Answer every request of yfinance's HTTP session, below its whole stack."""
    network = Exchange()

    class Session(_http.requests.Session):  # type: ignore[misc, name-defined]
        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            return network.get(url, *args, **kwargs)

        def get(self, url: str, **kwargs: Any) -> Any:
            return network.get(url, **kwargs)

        post = get

    session = Session()
    monkeypatch.setattr(YfData, "_instances", {}, raising=False)
    monkeypatch.setattr(type(YfData), "_instances", {}, raising=False)
    for module in ("yfinance.data", "yfinance.base", "yfinance.scrapers.history"):
        monkeypatch.setattr(f"{module}.new_session", lambda: session)
    monkeypatch.setattr(cache, "get_tz_cache", lambda: cache._TzCacheDummy())
    monkeypatch.setattr(cache, "get_cookie_cache", lambda: cache._CookieCacheDummy())
    YfData.cache_get.cache_clear()
    yield network
    YfData.cache_get.cache_clear()


def source(folder: Path, fetch: Any = fetch_history, **settings: Any) -> YahooSource:
    return YahooSource(
        YahooSettings(**{"indices": {}, **settings}),
        folder,
        fetch=fetch,
        sleep=lambda _: None,
        now=lambda: TAKEN,
    )


def test_the_real_parser_asks_for_the_whole_raw_history(exchange: Exchange, tmp_path: Path) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK", events=split_and_dividend())
    market = source(tmp_path).load(["700"], None, None)
    symbol, params = exchange.asked[-1]
    assert symbol == "0700.HK"
    assert params["interval"] == "1d"
    assert params["period1"] < 0 < params["period2"]
    assert "splits" in params["events"]
    assert market.tickers == ("0700.HK",)
    assert not market.adjusted
    assert market.as_of == TAKEN


def test_splits_are_undone_in_prices_volumes_and_dividends(
    exchange: Exchange, tmp_path: Path
) -> None:
    """By hand: 5 for 1 on the seventh day; Yahoo divides the six prices before it by 5."""
    exchange.charts["0700.HK"] = chart("0700.HK", events=split_and_dividend())
    market = source(tmp_path).load(["0700.HK"], None, None)
    bars = market.bars["0700.HK"]
    assert [day.date() for day in bars.index] == DAYS
    assert bars["close"].tolist() == [500, 505, 510, 515, 520, 525, 106, 107, 108, 109]
    assert bars["open"].iloc[5] == 522.5
    assert bars["volume"].tolist() == [200.0] * 6 + [1000.0] * 4
    assert market.actions.to_dict("list") == {
        "ticker": ["0700.HK", "0700.HK"],
        "ex_date": [pd.Timestamp(DIVIDEND_DAY), pd.Timestamp(SPLIT_DAY)],
        "ratio": [1.0, 5.0],
        "cash_hkd": [1.25, 0.0],
    }
    # What a holder earned over the split is Yahoo's own split-adjusted move.
    assert market.total_returns("0700.HK").iloc[6] == pytest.approx(106 / 105 - 1)


def test_empty_rows_and_days_without_volume_are_no_bars(exchange: Exchange, tmp_path: Path) -> None:
    closes: list[float | None] = [100.0 + n for n in range(10)]
    closes[2] = None
    exchange.charts["0700.HK"] = chart(
        "0700.HK", closes=closes, volumes=[1000] * 5 + [0] + [1000] * 4
    )
    market = source(tmp_path, max_rejected_share=0.2).load(["0700.HK"], DAYS[0], DAYS[-1])
    assert len(market.bars["0700.HK"]) == 8
    assert [row.problem for row in market.rejections] == ["no price"]
    assert [day.date() for day in market.untraded["0700.HK"]] == [DAYS[5]]


def test_the_snapshot_says_what_was_asked_and_is_replayed_offline(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK", events=split_and_dividend())
    exchange.charts["^HSI"] = chart("^HSI")
    live = source(tmp_path, indices={"HSI": "^HSI"}).load(["700"], None, None)
    assert sorted(path.name for path in (tmp_path / "yahoo").iterdir()) == [
        "0700.HK_20250930T120000Z.json",
        "0700.HK_20250930T120000Z.parquet",
        "HSI_20250930T120000Z.json",
        "HSI_20250930T120000Z.parquet",
    ]
    sidecar = json.loads((tmp_path / "yahoo" / "0700.HK_20250930T120000Z.json").read_text())
    assert sidecar["library"] == f"yfinance {yfinance.__version__}"
    assert sidecar["parameters"]["auto_adjust"] is False
    assert sidecar["parameters"]["actions"] is True
    assert sidecar["taken_at"] == "2025-09-30T12:00:00Z"
    asked = len(exchange.asked)
    offline = source(tmp_path, offline=True, indices={"HSI": "^HSI"})
    assert offline.load(["700"], None, None).sha256 == live.sha256
    assert len(exchange.asked) == asked
    assert live.indices["HSI"]["close"].iloc[0] == 100.0


def test_a_changed_snapshot_is_refused_and_left_alone(exchange: Exchange, tmp_path: Path) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK")
    source(tmp_path).load(["700"], None, None)
    path = next((tmp_path / "yahoo").glob("*.parquet"))
    changed = path.read_bytes()[:-1] + b"?"
    path.write_bytes(changed)
    for offline in (True, False):
        with pytest.raises(DataError, match="changed after it was stored") as caught:
            source(tmp_path, offline=offline).load(["700"], None, DAYS[-1])
        assert path.name in str(caught.value.where)
    assert path.read_bytes() == changed
    path.unlink()
    with pytest.raises(MissingDataError, match="data are gone"):
        source(tmp_path, offline=True).load(["700"], None, None)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(DataError, match="no readable sidecar"):
        source(tmp_path, offline=True).load(["700"], None, None)


def test_nothing_is_overwritten(exchange: Exchange, tmp_path: Path) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK")
    source(tmp_path).load(["700"], None, None)
    before = {path: path.read_bytes() for path in (tmp_path / "yahoo").iterdir()}
    with pytest.raises(DataError, match="never overwritten"):
        source(tmp_path, refresh=True).load(["700"], None, None)
    assert {path: path.read_bytes() for path in (tmp_path / "yahoo").iterdir()} == before


def test_a_snapshot_younger_than_the_last_session_spares_the_network(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK")
    source(tmp_path).load(["700"], None, DAYS[-1])
    asked = len(exchange.asked)
    source(tmp_path).load(["700"], None, DAYS[-1])
    assert len(exchange.asked) == asked
    with pytest.raises(MissingDataError, match="no snapshot holds these dates") as caught:
        source(tmp_path, offline=True).load(["700"], None, TAKEN.date() + timedelta(days=1))
    assert "newswake data fetch" in str(caught.value.wanted)


def test_a_session_still_open_is_no_bar_yet(tmp_path: Path, exchange: Exchange) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK")
    midday = hong_kong(DAYS[-1], time(14, 0))
    early = YahooSource(YahooSettings(indices={}), tmp_path, now=lambda: midday)
    assert early.load(["700"], None, None).bars["0700.HK"].index[-1].date() == DAYS[-2]


@pytest.mark.parametrize(
    ("answer", "error", "problem"),
    [
        (None, MissingDataError, "no prices for 1 of 1"),
        ("<html>consent</html>", NetworkError, "answered with no JSON"),
        (chart("0700.HK") | {"chart": {"result": [{"meta": {}}]}}, DataError, "another shape"),
        ({"chart": {"result": None, "error": None}}, DataError, "another shape|no prices"),
        (chart("0700.HK", currency="CNY"), DataError, "another currency"),
    ],
)
def test_an_answer_without_prices_is_an_error(
    exchange: Exchange, tmp_path: Path, answer: Any, error: type[Exception], problem: str
) -> None:
    if answer is not None:
        exchange.charts["0700.HK"] = answer
    with pytest.raises(error, match=problem):
        source(tmp_path, attempts=1).load(["700"], None, None)


def test_dividends_in_another_currency_are_refused(exchange: Exchange, tmp_path: Path) -> None:
    events = split_and_dividend()
    next(iter(events["dividends"].values()))["currency"] = "USD"
    exchange.charts["0700.HK"] = chart("0700.HK", events=events)
    with pytest.raises(DataError, match="a dividend in another currency"):
        source(tmp_path).load(["700"], None, None)


def test_rate_limits_and_lost_connections_are_network_errors(exchange: Exchange) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK")
    exchange.status["0700.HK"] = [429] * 9
    with pytest.raises(NetworkError, match="limits the rate") as caught:
        fetch_history("0700.HK")
    assert caught.value.exit_code == 7
    exchange.status["0700.HK"] = [-1] * 9
    with pytest.raises(NetworkError, match="did not answer"):
        fetch_history("0700.HK")
    assert YfConfig.debug.hide_exceptions is True


def test_an_outage_stays_one_however_often_it_is_met(exchange: Exchange, tmp_path: Path) -> None:
    """Yahoo's gateways answer with a page; no ticker is to be taken for one without prices."""
    exchange.charts["0700.HK"] = chart("0700.HK")
    exchange.status["0700.HK"] = [503] * 5
    with pytest.raises(NetworkError, match="no JSON"):
        source(tmp_path, attempts=2).load(["700"], None, None)
    assert len(source(tmp_path, attempts=2).load(["700"], None, None).bars["0700.HK"]) == 10


def test_a_stock_listed_this_week_has_its_bars(exchange: Exchange, tmp_path: Path) -> None:
    """Yahoo offers no range beyond five days for it, and yfinance would refuse "max"."""
    exchange.charts["0700.HK"] = chart("0700.HK", days=DAYS[-2:])
    exchange.charts["0700.HK"]["chart"]["result"][0]["meta"]["validRanges"] = ["1d", "5d"]
    assert len(source(tmp_path).load(["700"], None, None).bars["0700.HK"]) == 2


def test_a_symbol_costs_one_request(exchange: Exchange, tmp_path: Path) -> None:
    names = ["0700.HK", "9988.HK", "80700.HK"]
    exchange.charts = {name: chart(name) for name in names}
    source(tmp_path).load(["700", "HK09988", "80700"], None, None)
    assert [symbol for symbol, _ in exchange.asked] == names


@pytest.mark.parametrize("error", [exceptions.YFException("odd"), exceptions.YFDataException("x")])
def test_no_error_of_yfinance_escapes(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def history(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(yfinance.Ticker, "history", history)
    with pytest.raises((DataError, NetworkError)):
        fetch_history("0700.HK")


def test_capital_gains_of_a_fund_are_refused_and_none_are_nothing() -> None:
    none = frame().assign(**{"Capital Gains": 0.0})
    assert len(undo_splits(none, "2800.HK")[1]) == 0
    paid = none.assign(**{"Capital Gains": [0.0] * 9 + [0.3]})
    with pytest.raises(DataError, match="distribution of capital gains") as refused:
        undo_splits(paid, "2800.HK")
    assert refused.value.given == "0.3 on 2025-09-12"


def frame(scale: float = 1.0) -> pd.DataFrame:
    index = pd.DatetimeIndex(DAYS, tz="Asia/Hong_Kong", name="Date")
    closes = scale * np.arange(100.0, 110.0)
    return pd.DataFrame(
        {
            "Open": closes,
            "High": closes + 1,
            "Low": closes - 1,
            "Close": closes,
            "Adj Close": closes,
            "Volume": np.full(10, 1000),
            "Dividends": np.zeros(10),
            "Stock Splits": np.zeros(10),
        },
        index=index,
    )


def failing(failures: dict[str, int], asked: list[str]) -> Callable[[str], Answer]:
    """Make a fetch that fails for a symbol as often as told, then answers."""

    def fetch(symbol: str) -> Answer:
        asked.append(symbol)
        if failures.get(symbol, 0) > 0:
            failures[symbol] -= 1
            raise NetworkError("Yahoo limits the rate", given=symbol, where="yahoo")
        return Answer(frame(), "HKD", "yfinance test")

    return fetch


def test_retries_wait_twice_as_long_each_time_and_end(tmp_path: Path) -> None:
    waits: list[float] = []
    asked: list[str] = []
    settings = YahooSettings(indices={}, attempts=4, first_wait_seconds=2.0)
    patient = YahooSource(
        settings,
        tmp_path,
        fetch=failing({"0700.HK": 3}, asked),
        sleep=waits.append,
        now=lambda: TAKEN,
    )
    assert patient.load(["700"], None, None).bars
    assert waits == [2.0, 4.0, 8.0]
    given_up = YahooSource(
        settings,
        tmp_path,
        fetch=failing({"9988.HK": 9}, asked),
        sleep=waits.append,
        now=lambda: TAKEN,
    )
    with pytest.raises(NetworkError, match="limits the rate"):
        given_up.load(["9988"], None, None)
    assert asked.count("9988.HK") == 4


def test_a_partial_failure_is_an_error_and_the_next_call_asks_only_for_the_rest(
    tmp_path: Path,
) -> None:
    asked: list[str] = []
    failures = {"9988.HK": 2}
    flaky = source(tmp_path, failing(failures, asked), attempts=2)
    with pytest.raises(NetworkError, match="no prices for 1 of 3") as caught:
        flaky.load(["700", "9988", "9888"], None, DAYS[-1])
    assert caught.value.given == "9988.HK"
    asked.clear()
    assert len(flaky.load(["700", "9988", "9888"], None, DAYS[-1]).tickers) == 3
    assert asked == ["9988.HK"]


def test_an_empty_frame_is_never_an_empty_universe(tmp_path: Path) -> None:
    empty = source(tmp_path, lambda symbol: Answer(frame().iloc[:0], "HKD", "yfinance test"))
    with pytest.raises(MissingDataError, match="no prices"):
        empty.load(["700"], None, None)
    assert not list(tmp_path.rglob("*.parquet"))
    with pytest.raises(MissingDataError, match="name the tickers"):
        empty.load(None, None, None)


def test_two_level_columns_of_one_ticker_are_flattened() -> None:
    plain = frame()
    for order in ((0, 1), (1, 0)):
        both = pd.concat({"0700.HK": plain}, axis=1).reorder_levels(list(order), axis=1)
        assert list(flatten(both, "x").columns) == list(plain.columns)
    two = pd.concat({"0700.HK": plain, "9988.HK": plain}, axis=1)
    with pytest.raises(DataError, match="one ticker"):
        flatten(two, "x")
    with pytest.raises(DataError, match="lacks columns"):
        flatten(plain.drop(columns="Volume"), "x")


@given(
    st.lists(st.integers(1000, 9_000_000), min_size=10, max_size=10),
    st.dictionaries(st.integers(0, 9), st.sampled_from([2.0, 4.0, 5.0, 10.0, 0.1, 0.5])),
)
def test_undoing_splits_gives_back_what_was_traded(
    thousandths: list[int], splits: dict[int, float]
) -> None:
    traded = np.array(thousandths) / 1000
    answer = frame()
    for name in ("Open", "High", "Low", "Close"):
        adjusted = traded.copy()
        for place, ratio in splits.items():
            adjusted[:place] /= ratio
        answer[name] = adjusted
    answer["Stock Splits"] = [splits.get(place, 0.0) for place in range(10)]
    bars, actions = undo_splits(answer, "0700.HK")
    assert bars["close"].tolist() == traded.tolist()
    assert actions["ratio"].tolist() == [splits[place] for place in sorted(splits)]


def test_yahoo_keeps_the_promises_of_a_source(exchange: Exchange, tmp_path: Path) -> None:
    exchange.charts["0700.HK"] = chart("0700.HK", events=split_and_dividend())
    exchange.charts["9988.HK"] = chart("9988.HK")
    source(tmp_path).load(["700", "9988"], None, None)
    replay = source(tmp_path, offline=True)
    market = check_price_source(replay, ["0700.HK", "9988.HK"], DAYS[0], DAYS[-1])
    assert len(market.actions) == 2
