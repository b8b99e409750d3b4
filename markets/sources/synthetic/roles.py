"""Drafts of stories, role by role; each role draws from streams of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import time, timedelta

import numpy as np

from markets.clock import hong_kong, hong_kong_date
from markets.sources.synthetic import kinds
from markets.sources.synthetic.draws import Bools, Floats
from markets.sources.synthetic.paths import Impact, session_moves
from markets.sources.synthetic.scene import Draft, Facts, Scene
from markets.sources.synthetic.stories import Subject
from markets.sources.synthetic.timing import Clocks

SAME_KIND_REST_SESSIONS = 30
LARGE_MOVE = 0.025
_DELAYS_SESSIONS = 2
_REGULAR_CLOSE = time(16, 0)
_UNLISTED_PERCENT, _GENERAL_PERCENT = 35, 30


def fresh(scene: Scene, count: int) -> list[Draft]:
    """Draft forward news: at most one by company and session, and no kind twice in some weeks."""
    order = scene.stream("fresh/places").sample(len(scene.places), count)
    places = [scene.places[place] for place in sorted(order.tolist())]
    drawn = scene.stream("fresh/kinds").integers(len(places), below=len(kinds.PLANNED)).tolist()
    signs = scene.stream("fresh/signs").signs(len(places)).tolist()
    sureness = scene.stream("fresh/certainty").integers(len(places), below=100).tolist()
    gaps = scene.stream("fresh/gaps").uniform(len(places)).tolist()
    facts = scene.facts("fresh", len(places))
    timetable = scene.timetable("fresh")
    last_told: dict[tuple[str, str], int] = {}
    drafts = []
    for at, (ticker, position) in enumerate(places):
        kind = _rested_kind(last_told, ticker, position, drawn[at])
        last_told[ticker, kind] = position
        certainty = kinds.certainty_of(kind, sureness[at])
        polarity = signs[at] * kinds.SIZE[certainty]
        draft = Draft(
            position=position,
            clocks=timetable.clocks(position),
            ticker=ticker,
            kind=kind,
            polarity=polarity,
            role="fresh",
            certainty=certainty,
            facts=facts[at],
            gap=polarity * scene.gap_bp * (0.5 + gaps[at]) / 10_000.0,
        )
        drafts.append(draft)
    return drafts


def repeats(scene: Scene, told: Sequence[Draft], count: int) -> list[Draft]:
    """Draft tellings of fresh stories by another outlet, once their drift has ended."""
    order = scene.stream("repeat/order").sample(len(told), len(told)).tolist()
    delays = scene.stream("repeat/delays").integers(len(told), below=_DELAYS_SESSIONS)
    timetable = scene.timetable("repeat")
    drafts: list[Draft] = []
    for original, delay in zip(order, delays.tolist(), strict=True):
        position = scene.after_drift(told[original], delay)
        if position is None or len(drafts) == count:
            continue
        clocks = timetable.clocks(position)
        drafts.append(
            replace(
                told[original],
                position=position,
                clocks=clocks,
                role="repeat",
                gap=0.0,
                takes_up=original,
            )
        )
    return drafts


def denials(scene: Scene, told: Sequence[Draft], count: int) -> list[Draft]:
    """Draft denials: first of fresh rumours whose drift has ended, then of talk nobody printed."""
    timetable = scene.timetable("denial")
    rumours = [
        original
        for original, draft in enumerate(told)
        if draft.certainty == "rumoured"
        and kinds.DENIABLE.get(draft.kind, 0.0) * draft.polarity < 0
    ]
    delays = scene.stream("denial/delays").integers(len(rumours), below=_DELAYS_SESSIONS)
    drafts: list[Draft] = []
    for original, delay in zip(rumours, delays.tolist(), strict=True):
        rumour = told[original]
        position = scene.after_drift(rumour, delay)
        if position is not None and rumour.ticker and len(drafts) < count // 2:
            denial = _denial(rumour.ticker, rumour.kind, position, timetable.clocks(position))
            drafts.append(replace(denial, facts=rumour.facts, takes_up=original))
    alone = count - len(drafts)
    places = scene.stream("denial/places").sample(len(scene.places), alone).tolist()
    drawn = scene.stream("denial/kinds").integers(alone, below=len(kinds.DENIABLE)).tolist()
    for place, kind in zip(places, drawn, strict=False):
        ticker, position = scene.places[place]
        drafts.append(
            _denial(ticker, tuple(kinds.DENIABLE)[kind], position, timetable.clocks(position))
        )
    return drafts


def _denial(ticker: str, kind: str, position: int, clocks: Clocks) -> Draft:
    return Draft(
        position=position,
        clocks=clocks,
        ticker=ticker,
        kind=kind,
        polarity=kinds.DENIABLE[kind],
        role="denial",
        certainty="denied",
    )


def reactions(scene: Scene, told: Sequence[Draft], count: int) -> list[Draft]:
    """Draft reports of large moves, where drift touches neither the move nor what follows it."""
    drifting = {ticker: np.zeros(len(scene.sessions), np.bool_) for ticker in scene.tickers}
    for draft in told:
        # The last step of a drift lies in the gap into the open `horizon` sessions later; the
        # report of that session is effective one session after it.
        touched = slice(draft.position + 1, draft.position + scene.horizon + 2)
        drifting[draft.ticker or ""][touched] = True
    moves = {ticker: _moves_told(scene, ticker, told) for ticker in scene.tickers}
    told_of = {
        ticker: scene.usable[ticker]
        & _after_large_moves(moves[ticker], scene.moves[ticker].traded)
        & ~drifting[ticker]
        for ticker in scene.tickers
    }
    places = scene.places_in(told_of)
    timetable = scene.timetable("reaction")
    drafts = []
    for place in scene.stream("reaction/places").sample(len(places), count).tolist():
        ticker, position = places[place]
        clocks = timetable.clocks(position, reaction=True)
        reported = scene.sessions[position - 1]
        over = clocks.available_at >= hong_kong(reported, _REGULAR_CLOSE)
        move = float(moves[ticker]["whole" if over else "half"][position - 1])
        sign = 1.0 if move > 0 else -1.0
        draft = Draft(
            position=position,
            clocks=clocks,
            ticker=ticker,
            kind="price_move",
            polarity=sign,
            role="reaction",
            facts=Facts(magnitude_pct=sign * int(abs(move) * 1000.0 + 0.5) / 10.0),
            reported_session=reported,
        )
        drafts.append(draft)
    return drafts


def _after_large_moves(moves: Mapping[str, Floats], traded: Bools) -> Bools:
    """Return where the session before moved far, one way from its first half on, since a close."""
    whole, half = moves["whole"], moves["half"]
    large = (np.minimum(np.abs(whole), np.abs(half)) >= LARGE_MOVE) & (whole * half > 0)
    after = np.zeros(len(whole), np.bool_)
    after[2:] = large[1:-1] & traded[1:-1] & traded[:-2]
    return after


def _moves_told(scene: Scene, ticker: str, told: Sequence[Draft]) -> Mapping[str, Floats]:
    impacts = [Impact(draft.position, draft.gap, 0.0) for draft in told if draft.ticker == ticker]
    return session_moves(scene.moves[ticker], impacts)


def background(scene: Scene, count: int) -> list[Draft]:
    """Draft stories that tell known history once more."""
    places = scene.stream("background/places").sample(len(scene.places), count).tolist()
    stream = scene.stream("background/kinds")
    drawn = stream.integers(len(places), below=len(kinds.BACKGROUND)).tolist()
    signs = stream.signs(len(places)).tolist()
    facts = scene.facts("background", len(places))
    timetable = scene.timetable("background")
    return [
        Draft(
            position=scene.places[place][1],
            clocks=timetable.clocks(scene.places[place][1]),
            ticker=scene.places[place][0],
            kind=kinds.BACKGROUND[drawn[at]],
            polarity=signs[at],
            role="background",
            facts=facts[at],
        )
        for at, place in enumerate(places)
    ]


def noise(scene: Scene, count: int) -> list[Draft]:
    """Draft trifles about the companies, real-looking news of unlisted firms, and other talk."""
    stream = scene.stream("noise")
    places = stream.integers(count, below=len(scene.places)).tolist()
    subjects = stream.integers(count, below=100).tolist()
    drawn = stream.integers(count, below=len(kinds.PLANNED)).tolist()
    signs = stream.signs(count).tolist()
    facts = scene.facts("noise", count)
    timetable = scene.timetable("noise")
    drafts = []
    for at, place in enumerate(places):
        ticker, position = scene.places[place]
        subject = _noise_subject(subjects[at])
        draft = Draft(
            position=position,
            clocks=timetable.clocks(position),
            ticker=ticker if subject == "trivia" else None,
            kind=kinds.PLANNED[drawn[at]],
            polarity=signs[at] if subject == "unlisted" else 0.0,
            role="noise",
            subject=subject,
            facts=facts[at],
        )
        drafts.append(draft)
    return drafts


def _noise_subject(draw: int) -> Subject:
    if draw < _UNLISTED_PERCENT:
        return "unlisted"
    return "general" if draw < _UNLISTED_PERCENT + _GENERAL_PERCENT else "trivia"


def revisions(scene: Scene, drafts: Sequence[Draft], count: int) -> list[Draft]:
    """Draft corrections, each out before the next cut-off after the story it corrects."""
    # A story out on a day before its session leaves at least the small hours of that session.
    correctable = [
        place
        for place, draft in enumerate(drafts)
        if not draft.clocks.date_only
        and hong_kong_date(draft.clocks.available_at) < scene.sessions[draft.position]
    ]
    stream = scene.stream("revision")
    chosen = stream.sample(len(correctable), count).tolist()
    minutes = stream.integers(len(chosen), below=180).tolist()
    corrections = []
    for place, minute in zip(chosen, minutes, strict=True):
        original = correctable[place]
        revised_at = drafts[original].clocks.available_at + timedelta(minutes=10 + minute)
        clocks = Clocks(published_at=revised_at, available_at=revised_at)
        corrections.append(replace(drafts[original], clocks=clocks, gap=0.0, replaces=original))
    return corrections


def _rested_kind(
    last_told: Mapping[tuple[str, str], int], ticker: str, position: int, drawn: int
) -> str:
    """Return the drawn kind, or the next of which this company has had none for a while."""
    for step in range(len(kinds.PLANNED)):
        kind = kinds.PLANNED[(drawn + step) % len(kinds.PLANNED)]
        told = last_told.get((ticker, kind))
        if told is None or position - told >= SAME_KIND_REST_SESSIONS:
            return kind
    return kinds.PLANNED[drawn]
