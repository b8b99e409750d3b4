"""The plan of all stories: who, when, what kind, how good, and whether anything follows.

Whatever is planned here is the same for every size of the edge: only `effect_bp` knows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

import numpy as np

from markets.clock import hong_kong, hong_kong_date
from markets.sources.synthetic.draws import Ints, Stream
from markets.sources.synthetic.paths import Bools, Impact, Moves, session_moves
from markets.sources.synthetic.stories import (
    POLARITY_OF_CERTAINTY,
    Certainty,
    PlannedStory,
    Role,
    Subject,
)
from markets.sources.synthetic.timing import Clocks, Timetable

# Parts of a hundred of all stories; what is left over is noise.
SHARES: Mapping[str, int] = {
    "fresh": 30,
    "reaction": 20,
    "denial": 7,
    "repeat": 15,
    "background": 10,
    "revision": 2,
}
REPORTED_MOVE = 0.025
SAME_KIND_REST_SESSIONS = 30
_LATEST_REPEAT_DELAY = 5
_REGULAR_CLOSE = time(16, 0)
_RUMOURABLE = frozenset(
    {"capex", "chip_selfdev", "financing", "management", "mna", "order_supply", "partnership"}
    | {"ownership", "product_launch"}
)
_ALWAYS_CONFIRMED = frozenset({"analyst", "index_change", "earnings"})
KINDS_PLANNED = (
    "earnings",
    "guidance",
    "financing",
    "buyback",
    "mna",
    "product_launch",
    "chip_selfdev",
    "capex",
    "regulation",
    "analyst",
    "index_change",
    "management",
    "legal",
    "partnership",
    "order_supply",
    "export_control",
    "incident",
    "ownership",
)
# The polarity of denying it: to deny a takeover is bad news, to deny a probe is good news.
DENIABLE: Mapping[str, float] = {
    "mna": -1.0,
    "partnership": -1.0,
    "financing": 1.0,
    "regulation": 1.0,
    "management": 1.0,
    "order_supply": 1.0,
}
_BACKGROUND_KINDS = ("buyback", "capex", "guidance", "partnership", "product_launch", "regulation")
_LANGUAGES = (("en", ""), ("de", ""), ("zh", "hans"), ("zh", "hant"))
_LANGUAGE_WEIGHTS = (35, 30, 25, 10)
_CURRENCIES = ("HKD", "USD", "CNY")
_AMOUNT_STEPS = (1, 2, 3, 5, 8, 12, 15, 18, 20, 25, 30, 32, 45, 60, 80, 120, 150, 240, 320)


@dataclass(frozen=True, eq=False)
class Scene:
    """What the planner may know: the sessions, and each company's moves before any edge."""

    seed: int
    horizon: int
    gap_bp: float
    sessions: Sequence[date]
    moves: Mapping[str, Moves]


@dataclass(frozen=True, eq=False)
class Plan:
    """All stories in order of `available_at`, and the price impacts of the fresh ones."""

    stories: tuple[PlannedStory, ...]
    impacts: Mapping[str, tuple[Impact, ...]]
    attention: Mapping[str, Ints]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A story before it has an id; `takes_up` and `replaces` are keys of other drafts."""

    key: int
    position: int
    clocks: Clocks
    ticker: str | None
    kind: str
    polarity: float
    role: Role
    certainty: Certainty = "confirmed"
    subject: Subject = "company"
    amount_million: int | None = None
    magnitude_pct: float | None = None
    reported_session: date | None = None
    currency: str | None = None
    takes_up: int | None = None
    replaces: int | None = None
    gap: float = 0.0

    @property
    def has_effect(self) -> bool:
        """True for a fresh story itself; a correction of it moves nothing again."""
        return self.role == "fresh" and self.replaces is None


class Planner:
    """Plans the stories of one world, role by role, each from streams of its own."""

    def __init__(self, scene: Scene, edge_bp: float) -> None:
        self._scene = scene
        self._edge_bp = edge_bp
        self._tickers = sorted(scene.moves)
        self._drafts: list[_Draft] = []
        self._usable = {
            ticker: _followed(moves.traded, scene.horizon) for ticker, moves in scene.moves.items()
        }

    def plan(self, n_stories: int) -> Plan:
        """Return `n_stories` stories; where a role finds too few places, noise fills up."""
        counts = {name: n_stories * share // 100 for name, share in SHARES.items()}
        self._plan_fresh(counts["fresh"])
        fresh = list(self._drafts)
        self._plan_repeats(fresh, counts["repeat"])
        self._plan_denials(fresh, counts["denial"])
        self._plan_reactions(fresh, counts["reaction"])
        self._plan_background(counts["background"])
        revisions = min(counts["revision"], len(self._drafts))
        self._plan_noise(n_stories - revisions - len(self._drafts))
        self._plan_revisions(n_stories - len(self._drafts))
        return self._finished(fresh)

    def _stream(self, name: str) -> Stream:
        return Stream(self._scene.seed, f"plan/{name}")

    def _timetable(self, name: str) -> Timetable:
        return Timetable(self._scene.seed, name, self._scene.sessions)

    def _add(self, draft: _Draft) -> None:
        self._drafts.append(replace(draft, key=len(self._drafts)))

    def _places(self, usable: Mapping[str, Bools]) -> list[tuple[str, int]]:
        return [
            (ticker, int(position))
            for ticker in self._tickers
            for position in np.flatnonzero(usable[ticker])
        ]

    def _plan_fresh(self, count: int) -> None:
        """Plan at most one fresh story per company and session, and no kind twice in a month."""
        places = self._places(self._usable)
        chosen = sorted(self._stream("fresh/places").sample(len(places), count).tolist())
        n_chosen = len(chosen)
        kinds = self._stream("fresh/kinds").integers(n_chosen, below=len(KINDS_PLANNED)).tolist()
        signs = self._stream("fresh/signs").signs(n_chosen).tolist()
        sureness = self._stream("fresh/certainty").integers(n_chosen, below=100).tolist()
        gaps = self._stream("fresh/gaps").uniform(n_chosen).tolist()
        facts = self._stream("fresh/facts").integers(3 * n_chosen, below=10_000).tolist()
        timetable = self._timetable("fresh")
        last_told: dict[tuple[str, str], int] = {}
        for index, place in enumerate(chosen):
            ticker, position = places[place]
            kind = _rested_kind(last_told, ticker, position, kinds[index])
            last_told[ticker, kind] = position
            certainty = _certainty(kind, sureness[index])
            polarity = signs[index] * POLARITY_OF_CERTAINTY[certainty]
            amount, currency, percent = _facts(facts[3 * index : 3 * index + 3])
            self._add(
                _Draft(
                    key=-1,
                    position=position,
                    clocks=timetable.clocks(position),
                    ticker=ticker,
                    kind=kind,
                    polarity=polarity,
                    role="fresh",
                    certainty=certainty,
                    amount_million=amount,
                    currency=currency,
                    magnitude_pct=percent,
                    gap=polarity * self._scene.gap_bp * (0.5 + gaps[index]) / 10_000.0,
                )
            )

    def _later(self, draft: _Draft, delay: int) -> int | None:
        """Return a session at which the draft's drift is over, or None where none can be measured."""
        position = draft.position + self._scene.horizon + delay
        usable = self._usable[draft.ticker or ""]
        return position if position < len(usable) and usable[position] else None

    def _plan_repeats(self, fresh: Sequence[_Draft], count: int) -> None:
        """Plan tellings of a fresh story by another outlet, after its drift has ended."""
        order = self._stream("repeat/order").sample(len(fresh), len(fresh)).tolist()
        delays = self._stream("repeat/delays").integers(len(fresh), below=_LATEST_REPEAT_DELAY)
        timetable = self._timetable("repeat")
        planned = 0
        for index, delay in zip(order, delays.tolist(), strict=True):
            original = fresh[index]
            position = self._later(original, delay)
            if position is None or planned == count:
                continue
            planned += 1
            clocks = timetable.clocks(position)
            self._add(
                replace(
                    original, position=position, clocks=clocks, role="repeat", takes_up=original.key
                )
            )

    def _plan_denials(self, fresh: Sequence[_Draft], count: int) -> None:
        """Plan denials: first of fresh rumours whose drift has ended, then of talk nobody printed."""
        rumours = [
            draft
            for draft in fresh
            if draft.certainty == "rumoured" and DENIABLE.get(draft.kind, 0.0) * draft.polarity < 0
        ]
        timetable = self._timetable("denial")
        delays = self._stream("denial/delays").integers(len(rumours), below=_LATEST_REPEAT_DELAY)
        answered = [
            (rumour, position)
            for rumour, delay in zip(rumours, delays.tolist(), strict=True)
            if (position := self._later(rumour, delay)) is not None
        ][: count // 2]
        for rumour, position in answered:
            self._add_denial(rumour.ticker, rumour.kind, position, timetable, rumour)
        places = self._places(self._usable)
        n_alone = count - len(answered)
        chosen = self._stream("denial/places").sample(len(places), n_alone).tolist()
        kinds = self._stream("denial/kinds").integers(n_alone, below=len(DENIABLE)).tolist()
        for place, kind in zip(chosen, kinds, strict=False):
            ticker, position = places[place]
            self._add_denial(ticker, tuple(DENIABLE)[kind], position, timetable, None)

    def _add_denial(
        self,
        ticker: str | None,
        kind: str,
        position: int,
        timetable: Timetable,
        rumour: _Draft | None,
    ) -> None:
        self._add(
            _Draft(
                key=-1,
                position=position,
                clocks=timetable.clocks(position),
                ticker=ticker,
                kind=kind,
                polarity=DENIABLE[kind],
                role="denial",
                certainty="denied",
                amount_million=rumour.amount_million if rumour else None,
                currency=rumour.currency if rumour else None,
                takes_up=rumour.key if rumour else None,
            )
        )

    def _plan_reactions(self, fresh: Sequence[_Draft], count: int) -> None:
        """Plan reports of large moves, where no planted drift is left to run when they come out."""
        drifting = {ticker: np.zeros(len(self._scene.sessions), bool) for ticker in self._tickers}
        for draft in fresh:
            running = slice(draft.position + 1, draft.position + self._scene.horizon)
            drifting[draft.ticker or ""][running] = True
        moves = {ticker: self._moves_told(ticker, fresh) for ticker in self._tickers}
        candidates: list[tuple[str, int]] = []
        for ticker in self._tickers:
            large = np.zeros(len(self._scene.sessions), bool)
            whole, half = moves[ticker]["whole"], moves[ticker]["half"]
            told = np.minimum(np.abs(whole), np.abs(half)) >= REPORTED_MOVE
            large[1:] = (told & (whole * half > 0))[:-1]
            usable = self._usable[ticker] & large & ~drifting[ticker]
            candidates += [(ticker, int(position)) for position in np.flatnonzero(usable)]
        chosen = self._stream("reaction/places").sample(len(candidates), count).tolist()
        timetable = self._timetable("reaction")
        for place in chosen:
            ticker, position = candidates[place]
            clocks = timetable.clocks(position, reaction=True)
            reported = self._scene.sessions[position - 1]
            over = clocks.date_only or clocks.available_at >= hong_kong(reported, _REGULAR_CLOSE)
            move = moves[ticker]["whole" if over else "half"][position - 1]
            tenths = int(np.floor(np.abs(move) * 1000.0 + 0.5))
            self._add(
                _Draft(
                    key=-1,
                    position=position,
                    clocks=clocks,
                    ticker=ticker,
                    kind="price_move",
                    polarity=1.0 if move > 0 else -1.0,
                    role="reaction",
                    magnitude_pct=(tenths if move > 0 else -tenths) / 10.0,
                    reported_session=reported,
                )
            )

    def _moves_told(self, ticker: str, fresh: Sequence[_Draft]) -> Mapping[str, np.ndarray]:
        impacts = [Impact(d.position, d.gap, 0.0) for d in fresh if d.ticker == ticker]
        return session_moves(self._scene.moves[ticker], impacts)

    def _plan_background(self, count: int) -> None:
        """Plan stories that tell known history once more."""
        places = self._places(self._usable)
        chosen = self._stream("background/places").sample(len(places), count).tolist()
        stream = self._stream("background/kinds")
        kinds = stream.integers(count, below=len(_BACKGROUND_KINDS)).tolist()
        signs = stream.signs(count).tolist()
        facts = self._stream("background/facts").integers(3 * count, below=10_000).tolist()
        timetable = self._timetable("background")
        for index, place in enumerate(chosen):
            ticker, position = places[place]
            amount, currency, percent = _facts(facts[3 * index : 3 * index + 3])
            self._add(
                _Draft(
                    key=-1,
                    position=position,
                    clocks=timetable.clocks(position),
                    ticker=ticker,
                    kind=_BACKGROUND_KINDS[kinds[index]],
                    polarity=signs[index],
                    role="background",
                    amount_million=amount,
                    currency=currency,
                    magnitude_pct=percent,
                )
            )

    def _plan_noise(self, count: int) -> None:
        """Plan trifles about the companies, real-looking news of unlisted firms, and other talk."""
        places = self._places(self._usable)
        stream = self._stream("noise")
        chosen = stream.integers(count, below=len(places)).tolist()
        subjects = stream.integers(count, below=100).tolist()
        kinds = stream.integers(count, below=len(KINDS_PLANNED)).tolist()
        signs = stream.signs(count).tolist()
        facts = self._stream("noise/facts").integers(3 * count, below=10_000).tolist()
        timetable = self._timetable("noise")
        for index, place in enumerate(chosen):
            ticker, position = places[place]
            amount, currency, percent = _facts(facts[3 * index : 3 * index + 3])
            subject: Subject = "trivia"
            if subjects[index] < 65:
                subject = "unlisted" if subjects[index] < 35 else "general"
            self._add(
                _Draft(
                    key=-1,
                    position=position,
                    clocks=timetable.clocks(position),
                    ticker=ticker if subject == "trivia" else None,
                    kind=KINDS_PLANNED[kinds[index]],
                    polarity=signs[index] if subject == "unlisted" else 0.0,
                    role="noise",
                    subject=subject,
                    amount_million=amount,
                    currency=currency,
                    magnitude_pct=percent,
                )
            )

    def _plan_revisions(self, count: int) -> None:
        """Plan corrections, each made before the next cut-off after the story it corrects."""
        originals = [
            draft
            for draft in self._drafts
            if not draft.clocks.date_only
            and hong_kong_date(draft.clocks.available_at) < self._scene.sessions[draft.position]
        ]
        stream = self._stream("revision")
        chosen = stream.sample(len(originals), count).tolist()
        minutes = stream.integers(count, below=180).tolist()
        for place, minute in zip(chosen, minutes, strict=False):
            original = originals[place]
            # The story came out on a day before its session, so the small hours are still in time.
            revised_at = original.clocks.available_at + timedelta(minutes=10 + minute)
            clocks = Clocks(published_at=revised_at, available_at=revised_at)
            self._add(replace(original, clocks=clocks, replaces=original.key))

    def _finished(self, fresh: Sequence[_Draft]) -> Plan:
        """Put all drafts in order, give ids, languages and wordings, and sum up the impacts."""
        count = len(self._drafts)
        languages = self._stream("languages").weighted(count, _LANGUAGE_WEIGHTS).tolist()
        wordings = (self._stream("wordings").bits(count) >> np.uint64(1)).tolist()
        ordered = sorted(self._drafts, key=lambda draft: (draft.clocks.available_at, draft.key))
        ids = {draft.key: f"syn-{number:05d}" for number, draft in enumerate(ordered, start=1)}
        stories = []
        for draft in ordered:
            # A correction keeps the language and the words of what it corrects.
            voice = draft.key if draft.replaces is None else draft.replaces
            language, script = _LANGUAGES[languages[voice]]
            stories.append(self._story(draft, ids, language, script, wordings[voice]))
        edge = self._edge_bp / 10_000.0
        impacts = {
            ticker: tuple(
                Impact(draft.position, draft.gap, draft.polarity * edge)
                for draft in fresh
                if draft.ticker == ticker
            )
            for ticker in self._tickers
        }
        return Plan(tuple(stories), impacts, self._attention())

    def _story(
        self, draft: _Draft, ids: Mapping[int, str], language: str, script: str, wording: int
    ) -> PlannedStory:
        clocks = draft.clocks
        return PlannedStory(
            item_id=ids[draft.key],
            tickers=(draft.ticker,) if draft.ticker else (),
            published_at=clocks.published_at,
            available_at=clocks.available_at,
            effective_session=self._scene.sessions[draft.position],
            kind=draft.kind,
            polarity=draft.polarity,
            role=draft.role,
            certainty=draft.certainty,
            language=language,
            effect_bp=draft.polarity * self._edge_bp if draft.has_effect else 0.0,
            wording=wording,
            script=script,
            subject=draft.subject,
            first_seen_at=clocks.first_seen_at,
            enriched_at=clocks.enriched_at,
            date_only=clocks.date_only,
            amount_million=draft.amount_million,
            currency=draft.currency,
            magnitude_pct=draft.magnitude_pct,
            reported_session=draft.reported_session,
            original=ids[draft.takes_up] if draft.takes_up is not None else None,
            revision_of=ids[draft.replaces] if draft.replaces is not None else None,
        )

    def _attention(self) -> Mapping[str, Ints]:
        """Return how many stories are effective by company and session."""
        attention = {
            ticker: np.zeros(len(self._scene.sessions), dtype=np.int64) for ticker in self._tickers
        }
        for draft in self._drafts:
            if draft.ticker:
                attention[draft.ticker][draft.position] += 1
        return attention


def _followed(traded: Bools, horizon: int) -> Bools:
    """Return where a story can be measured: a bar before it, and from its session to the exit."""
    usable = np.zeros(len(traded), dtype=np.bool_)
    for position in range(1, len(traded) - horizon):
        usable[position] = traded[position - 1 : position + horizon + 1].all()
    return usable


def _rested_kind(
    last_told: Mapping[tuple[str, str], int], ticker: str, position: int, drawn: int
) -> str:
    """Return the drawn kind, or the next one of which this company has not been told for a while."""
    for step in range(len(KINDS_PLANNED)):
        kind = KINDS_PLANNED[(drawn + step) % len(KINDS_PLANNED)]
        told = last_told.get((ticker, kind))
        if told is None or position - told >= SAME_KIND_REST_SESSIONS:
            return kind
    return KINDS_PLANNED[drawn]


def _certainty(kind: str, draw: int) -> Certainty:
    if kind in _ALWAYS_CONFIRMED:
        return "confirmed"
    if kind in _RUMOURABLE and draw < 20:
        return "rumoured"
    return "reported" if draw < 45 else "confirmed"


def _facts(draws: Sequence[int]) -> tuple[int, str, float]:
    """Return an amount in millions, its currency, and a percentage with one decimal or none."""
    amount = 100 * _AMOUNT_STEPS[draws[0] % len(_AMOUNT_STEPS)]
    tenths = 60 + draws[2] % 340
    if draws[2] % 2:
        tenths -= tenths % 10
    return amount, _CURRENCIES[draws[1] % len(_CURRENCIES)], tenths / 10.0
