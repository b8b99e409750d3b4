"""SignalBook: what takes effect, what stands, and nothing of later sessions."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from markets.errors import LeakError
from signals.decisions import Signal
from strategies.book import SignalBook


def signal(ticker: str, day: int, until: int, direction: int = 1, name: str = "") -> Signal:
    return Signal(
        signal_id=name or f"{ticker}{day}{direction}",
        ticker=ticker,
        decided_at=datetime(2024, 5, day, 1, tzinfo=UTC),
        effective_session=date(2024, 5, day),
        expires_session=date(2024, 5, until),
        direction=direction,  # type: ignore[arg-type]
        probability=0.6,
        fold=0,
        model_sha256="",
    )


def standing(book: SignalBook, day: int) -> list[str]:
    book.turn_to(date(2024, 5, day))
    return [each.signal_id for each in book.standing]


def test_a_signal_stands_until_the_open_at_which_it_expires() -> None:
    book = SignalBook([signal("A", 2, 4)])
    assert [standing(book, day) for day in (1, 2, 3, 4)] == [[], ["A21"], ["A21"], []]


def test_fresh_signals_of_the_same_direction_join_and_the_longest_holds() -> None:
    book = SignalBook([signal("A", 3, 5), signal("A", 2, 9)])
    assert [standing(book, day) for day in (2, 3, 6, 9)] == [["A21"], ["A21", "A31"], ["A21"], []]


def test_an_opposite_signal_ends_it_for_good() -> None:
    book = SignalBook([signal("A", 2, 9), signal("A", 4, 5, -1), signal("B", 2, 9)])
    assert standing(book, 4) == ["A4-1", "B21"]
    # The exit expires; the long signal it ended does not come back.
    assert standing(book, 5) == ["B21"]


@pytest.mark.parametrize("names", [("x", "y"), ("y", "x")])
def test_the_exit_wins_where_both_take_effect_at_once(names: tuple[str, str]) -> None:
    book = SignalBook([signal("A", 2, 9, 1, names[0]), signal("A", 2, 9, -1, names[1])])
    assert standing(book, 2) == [names[1]]


def test_an_abstention_takes_effect_and_never_stands() -> None:
    book = SignalBook([signal("A", 2, 9, 0)])
    assert standing(book, 2) == []
    assert len(book.effective) == 1


def test_pages_may_be_skipped_but_never_turned_back_or_read_ahead() -> None:
    book = SignalBook([signal("A", 2, 9), signal("B", 6, 9)])
    assert standing(book, 5) == ["A21"]
    assert len(book.on(date(2024, 5, 2))) == 1
    with pytest.raises(LeakError, match="not known yet"):
        book.on(date(2024, 5, 6))
    with pytest.raises(LeakError, match="turned back"):
        book.turn_to(date(2024, 5, 4))
