"""Invent the prices and stories of this example: four companies that do not exist, one year.

`python invent.py` writes `prices.txt` and `diary.txt` anew, the same to the byte. A good story is
followed by a drift upwards over the three sessions from the open it can reach, a bad one by one
downwards, a repeat by nothing. No distribution of numpy is used, so the bytes depend on no version.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

from markets.calendar import ClockSettings, DecisionClock, hong_kong_calendar
from markets.clock import HONG_KONG, hong_kong
from markets.rules import round_to_tick

HERE = Path(__file__).parent
START, END = date(2024, 1, 2), date(2024, 12, 31)
DRIFT_A_SESSION = 0.004
COMPANIES = {
    "99101.HK": ("Lanternwing", 4.10),
    "99102.HK": ("Quillmoor", 7.35),
    "99103.HK": ("Tidalight", 2.86),
    "99104.HK": ("Brackenfold", 9.20),
}
GOOD = (
    "{} raises its full-year guidance",
    "{} bags a mandate for server racks",
    "{} announces a share buyback of HKD 200 million",
    "{} launches a new language model",
)
BAD = (
    "{} cuts its full-year guidance",
    "{} recalls its newest product",
    "{} is fined by the regulator",
    "{} loses its chief executive",
)
EMPTY = ("{} shares rise 3.1 %", "{} shares fall 2.4 %")


def stories(draws: Random) -> list[tuple[datetime, str, str, float]]:
    """Return (instant, ticker, headline, what follows a session), in order of time."""
    told = []
    for _ in range(420):
        day = START + timedelta(days=draws.randrange((END - START).days))
        at = hong_kong(day, time(draws.randrange(7, 23), draws.randrange(60)))
        ticker = draws.choice(list(COMPANIES))
        templates, drift = draws.choice(
            ((GOOD, DRIFT_A_SESSION), (BAD, -DRIFT_A_SESSION), (EMPTY, 0.0))
        )
        headline = draws.choice(templates).format(COMPANIES[ticker][0])
        told.append((at, ticker, headline, drift))
    return sorted(told)


def bars(ticker: str, drifts: dict[tuple[str, date], float], draws: Random) -> list[str]:
    """Return a line a session; a session's drift runs from its open to the next one's."""
    price, carried = COMPANIES[ticker][1], 0.0
    lines = []
    for session in hong_kong_calendar().sessions(START, END):
        gap = price * (1 + _noise(draws, 0.004) + carried)
        drift = drifts[ticker, session]
        close = gap * (1 + _noise(draws, 0.014) + drift * 0.7)
        carried = drift * 0.3
        high, low = max(gap, close) * 1.004, min(gap, close) * 0.996
        cells = " ".join(_on_tick(cell, session) for cell in (gap, high, low, close))
        lines.append(f"{session} {cells} {draws.randrange(20, 60) * 100_000}")
        price = close
    return lines


def _on_tick(price: float, session: date) -> str:
    # Off the exchange's ticks, raw prices would look like adjusted ones: the audit says so.
    return f"{round_to_tick(round(price, 4), session):.2f}"


def _noise(draws: Random, scale: float) -> float:
    return scale * (sum(draws.random() for _ in range(12)) - 6.0)


def main() -> None:
    """Write both files."""
    draws = Random("own parts")
    calendar = hong_kong_calendar()
    clock = DecisionClock(calendar, ClockSettings())
    told = stories(draws)
    drifts: dict[tuple[str, date], float] = defaultdict(float)
    for at, ticker, _, drift in told:
        session = clock.effective_session(at)
        for day in (session, calendar.next_session(session), calendar.next_session(session, 2)):
            drifts[ticker, day] += drift
    diary = [f"{at.astimezone(HONG_KONG).isoformat()} | {headline}" for at, _, headline, _ in told]
    (HERE / "diary.txt").write_text("\n".join(diary) + "\n", encoding="utf-8")
    blocks = [f"[{ticker}]\n" + "\n".join(bars(ticker, drifts, draws)) for ticker in COMPANIES]
    (HERE / "prices.txt").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
