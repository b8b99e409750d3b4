"""PlannedStory: what one story of the known-answer market is, before anybody puts it into words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from markets.sources.synthetic.kinds import Certainty

Role = Literal["fresh", "reaction", "denial", "repeat", "background", "noise"]
Subject = Literal["company", "trivia", "unlisted", "general"]


@dataclass(frozen=True, slots=True)
class PlannedStory:
    """One story and the truth about it. Only the words are still missing.

    Attributes
    ----------
    item_id : str
        ``syn-00001`` onwards, in order of `available_at`.
    tickers : tuple of str
        The companies it is about; empty for noise about unlisted companies or none.
    published_at : datetime
        UTC instant the outlet states; the end of the day where `date_only`.
    available_at : datetime
        UTC instant from which it may be used: the latest of its clocks.
    effective_session : date
        First session whose cut-off under the default clock is at or after `available_at`.
    kind : str
        One of the event kinds of `signals.events.schema`.
    polarity : float
        Good (1) to bad (-1) for holders; in size 1, 0.8 and 0.5 for confirmed, reported and
        rumoured; 0 for trifles and general talk, whose `kind` means nothing either.
    role : Role
        ``fresh`` is followed by the planted drift; no other role is followed by anything.
    certainty : Certainty
        How sure the story is.
    language : str
        ``de``, ``en`` or ``zh``.
    effect_bp : float
        Planted return from the open of `effective_session` on, in basis points; 0 unless fresh.
    wording : int
        Draw of 63 bits from which the words are chosen.
    script : str
        ``hans`` or ``hant`` for Chinese, else empty.
    subject : Subject
        Whom it is about: a listed company, a trifle about one, an unlisted company, or none.
    first_seen_at, enriched_at : datetime or None
        UTC instants of the feed and of outside scoring, where these clocks are given.
    date_only : bool
        True if the outlet states a date without a time of day.
    amount_million : int or None
        Money in millions of `currency`, a multiple of ten.
    currency : str or None
        ISO 4217.
    magnitude_pct : float or None
        A percentage with at most one decimal; signed for the move that a reaction reports.
    reported_session : date or None
        For a reaction: the session whose move it reports.
    original : str or None
        For a repeat or denial: the `item_id` of the fresh story that it takes up.
    revision_of : str or None
        The `item_id` of the story that this one replaces. A revision has no effect of its own.
    """

    item_id: str
    tickers: tuple[str, ...]
    published_at: datetime
    available_at: datetime
    effective_session: date
    kind: str
    polarity: float
    role: Role
    certainty: Certainty
    language: str
    effect_bp: float
    wording: int
    script: str = ""
    subject: Subject = "company"
    first_seen_at: datetime | None = None
    enriched_at: datetime | None = None
    date_only: bool = False
    amount_million: int | None = None
    currency: str | None = None
    magnitude_pct: float | None = None
    reported_session: date | None = None
    original: str | None = None
    revision_of: str | None = None
