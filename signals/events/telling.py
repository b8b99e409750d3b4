"""What one sentence tells, whoever carried it: events still without a story, a name and a clock.

A sentence is read by itself: its words, the firms named in it, and what it inherits from the ones
before. So what was told once need not be read again, as wire copy and boilerplate come many times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from signals.events.ellipsis import completed
from signals.events.grammar import Grammar, Match
from signals.events.lexicon import Lexicon
from signals.events.page import Sentence, lay_out
from signals.events.roles import Assignment, Context, assign
from signals.events.schema import Event, Kind
from signals.events.sources import speaker
from signals.events.stance import Stance, stances, toned
from signals.linking import Mention
from signals.text.numbers import Quantity

KEPT = 4096
"""Sentences remembered by a teller: some 3 MB, 12 where all are as long as they may be."""
NO_CLOCK = datetime.min.replace(tzinfo=UTC)
"""Stands in an event until a story gives it a clock."""

_MONEY_KINDS: frozenset[Kind] = frozenset(
    (
        "earnings", "guidance", "financing", "buyback", "mna", "capex", "regulation", "legal",
        "analyst", "order_supply", "partnership", "ownership", "macro_policy",
        "product_launch", "chip_selfdev",
    )
)  # fmt: skip
# What a sentence with nothing but a sum can be the price of.
_PAID_KINDS: frozenset[Kind] = _MONEY_KINDS - {"earnings", "guidance", "analyst", "macro_policy"}
_PERCENT_KINDS: frozenset[Kind] = frozenset(
    (
        "price_move", "earnings", "guidance", "order_supply", "ownership", "mna", "capex",
        "macro_policy", "index_change", "analyst", "management",
    )
)  # fmt: skip
_FIGURE_REACH = {"de": 90, "en": 80, "zh": 30}


class Told(NamedTuple):
    """What a sentence tells.

    Attributes
    ----------
    events : tuple of Event
        In reading order; without `event_id`, `item_id`, place and clock.
    subject : tuple of str
        Tickers of the first company named; empty if none is.
    only_denies : bool
        True where it says no, and nothing else that could be denied.
    lone_sum : Quantity or None
        A sum, where it tells nothing else and names nobody.
    """

    events: tuple[Event, ...]
    subject: tuple[str, ...]
    only_denies: bool = False
    lone_sum: Quantity | None = None


class Teller:
    """Reads sentences by one lexicon.

    Parameters
    ----------
    lexicon : Lexicon
        Cues and rules.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._grammar = Grammar(lexicon.rules, lexicon.silent)
        self.tell = lru_cache(maxsize=KEPT)(self._tell)
        """`_tell`, remembering: the same words in the same context tell the same."""

    def _tell(
        self,
        text: str,
        language: str,
        names: tuple[Mention, ...],
        context: Context,
        is_headline: bool,
    ) -> Told:
        """Return what a sentence tells.

        Parameters
        ----------
        text : str
            The sentence, clean.
        language : str
            ``de``, ``en`` or ``zh``.
        names : tuple of Mention
            The firms, products and people named in it, with spans in `text`.
        context : Context
            What it inherits from the story.
        is_headline : bool
            True for the first sentence of a story.
        """
        sentence = lay_out(
            text,
            language,
            names,
            self._lexicon,
            is_headline=is_headline,
            in_dollars=context.in_dollars,
        )
        subject = next((group.tickers for group in sentence.groups if group.tickers), ())
        fired = completed(sentence, self._grammar.matches(sentence), self._grammar)
        denies = "deny" in sentence.by_concept and all(match.only_denied for match in fired)
        if not fired:
            return Told((), subject, denies, _lone_sum(sentence))
        told = stances(sentence, fired)
        figures = _share_figures(sentence, fired)
        here = [
            (self._grammar.rank_of(match), _event(sentence, match, stance, own, whose))
            for match, stance, own in zip(fired, told, figures, strict=True)
            if not _is_brokers(sentence, match, fired)
            for whose in assign(sentence, match, context)
        ]
        return Told(_merged(here), subject, denies)


def _is_brokers(sentence: Sentence, match: Match, fired: Sequence[Match]) -> bool:
    """Tell what a broker that rates expects, which the firm does not say itself."""
    return (
        match.rule.kind == "guidance"
        and match.rule.subtype == "expects"
        and any(voice.is_broker and voice.start < match.start for voice in sentence.quoted)
        and any(other.rule.kind == "analyst" for other in fired)
    )


def _share_figures(sentence: Sentence, fired: Sequence[Match]) -> list[list[Quantity]]:
    """Give every figure to the event it stands nearest to, if that kind of event has figures."""
    shares: list[list[tuple[int, Quantity]]] = [[] for _ in fired]
    before: Quantity | None = None
    for figure in sentence.figures:
        if figure.unit == "plain" or _is_converted(sentence, before, figure):
            continue
        before = figure
        best, best_cost = None, _FIGURE_REACH[sentence.language] + 1
        for index, match in enumerate(fired):
            if _takes(match, figure):
                cost = _figure_cost(sentence, match, figure, best_cost)
                if cost < best_cost:
                    best, best_cost = index, cost
        if best is not None:
            shares[best].append((best_cost, figure))
    return [[figure for _, figure in sorted(own, key=lambda pair: pair[0])] for own in shares]


def _is_converted(sentence: Sentence, before: Quantity | None, figure: Quantity) -> bool:
    """Tell a sum in brackets that only says the one before it in another money."""
    if before is None or before.unit != "money" or figure.unit != "money":
        return False
    return sentence.folded[before.end : figure.start].strip() in ("(", "（")


def _takes(match: Match, figure: Quantity) -> bool:
    kind = match.rule.kind
    if figure.unit != "money":
        return kind in _PERCENT_KINDS
    if figure.is_per_share and not (kind in ("analyst", "mna") or match.rule.subtype == "dividend"):
        return False
    return match.rule.takes_money and kind in _MONEY_KINDS


def _figure_cost(sentence: Sentence, match: Match, figure: Quantity, most: int) -> int:
    gap = min(max(0, figure.start - f.end, f.start - figure.end) for f in match.found)
    if gap >= most:
        return most
    crossed = abs(sentence.segment_of(figure.start) - match.segment)
    between = sum(
        match.end <= group.start < figure.start or figure.end <= group.start < match.start
        for group in sentence.groups
    )
    price = 6 if sentence.language == "zh" else 16
    # "buys the rest of Cainiao for $3.75bn": what is bought stands between, and is no other event.
    return gap + crossed * price + between * (price if crossed else price // 4)


def _event(
    sentence: Sentence,
    match: Match,
    stance: Stance,
    figures: Sequence[Quantity],
    whose: Assignment,
) -> Event:
    rule = match.rule
    sums = [f for f in figures if f.unit == "money" and not f.is_prior]
    # A bid is told by its whole sum, or else by its price per share.
    money = next((f for f in sums if not f.is_per_share), next(iter(sums), None))
    share = next((f for f in figures if f.unit in ("percent", "points") and not f.is_prior), None)
    polarity, subtype = whose.polarity, rule.subtype
    if rule.faint and not rule.reaction:
        polarity = toned(sentence, polarity)
    if stance.is_reversed:
        polarity, subtype = -0.8 * polarity, "ended"
    if stance.negated:
        polarity = -0.5 * polarity
    voices = sentence.quoted
    return Event(
        event_id="",
        item_id="",
        sentence=0,
        kind=rule.kind,
        subtype=subtype,
        tickers=whose.tickers,
        related_tickers=tuple(dict.fromkeys(whose.related)),
        polarity=round(polarity, 3),
        certainty=stance.certainty,
        tense=stance.tense,
        available_at=NO_CLOCK,
        rule_id=f"{sentence.language}:{rule.kind}:{rule.id}",
        magnitude_pct=_signed(share, match),
        **(_amount(money, sentence.language) if money else {}),
        is_reaction=rule.reaction,
        is_background=stance.is_background,
        negated=stance.negated,
        hedged=stance.hedged,
        source=_source(sentence),
        speaker=_speaker(sentence) if voices or sentence.people else None,
    )


def _signed(share: Quantity | None, match: Match) -> float | None:
    if share is None:
        return None
    value = share.value if share.high is None else share.high
    return -abs(value) if match.is_falling else value


def _amount(money: Quantity, language: str) -> dict[str, Any]:
    """Return the fields of a sum; a bare Chinese one is in yuan, another's currency unknown."""
    return {
        "amount": money.value,
        "amount_max": money.high,
        "amount_qualifier": money.qualifier,
        "currency": money.currency or ("CNY" if language == "zh" else None),
    }


def _lone_sum(sentence: Sentence) -> Quantity | None:
    """Return the sum of a sentence that says nothing else: it goes on about the one before."""
    if sentence.groups or "share" in sentence.by_concept:
        return None  # somebody else's, or a share's price
    sums = (figure for figure in sentence.figures if figure.unit == "money")
    return next((f for f in sums if not (f.is_per_share or f.is_prior)), None)


def paid(event: Event, money: Quantity, language: str) -> Event:
    """Return an event with the sum that the sentence behind it gives, if it can have a price."""
    if event.amount is not None or event.is_reaction or event.kind not in _PAID_KINDS:
        return event
    return replace(event, **_amount(money, language))


def _source(sentence: Sentence) -> str | None:
    """Return who is quoted: a wire, else a broker where somebody speaks or rates."""
    if not sentence.quoted:
        return None
    wire = next((voice.name for voice in sentence.quoted if not voice.is_broker), None)
    if wire is not None:
        return wire
    speaks = any(
        sentence.by_concept.get(concept)
        for concept in ("speech", "rating", "target", "upgrade", "downgrade", "opinion", "reported")
    )
    if not speaks:
        return None
    return next((voice.name for voice in sentence.quoted), None)


def _speaker(sentence: Sentence) -> str | None:
    if not sentence.by_concept.get("speech"):
        return None
    people = [sentence.text[m.start : m.end] for m in sentence.people]
    return speaker(sentence.text, people, sentence.wording)


def _merged(events: Sequence[tuple[int, Event]]) -> tuple[Event, ...]:
    """Join what a sentence says twice of one thing: a denial leads, or else the first rule."""
    if len(events) == 1:
        return (events[0][1],)
    kept: dict[tuple[object, ...], tuple[int, int, Event]] = {}
    for place, (rank, event) in enumerate(events):
        sign = (event.polarity > 0) - (event.polarity < 0)
        apart = (event.subtype, sign) if event.kind in ("earnings", "legal") else None
        key = (event.kind, event.tickers, event.is_reaction, apart)
        if key not in kept:
            kept[key] = (place, rank, event)
            continue
        first_place, first_rank, first = kept[key]
        is_said = event.certainty == "denied", first.certainty == "denied"
        does_lead = rank < first_rank if is_said[0] == is_said[1] else is_said[0]
        leads, follows = (event, first) if does_lead else (first, event)
        kept[key] = (first_place, min(rank, first_rank), _filled(leads, follows))
    merged = [event for _, _, event in sorted(kept.values(), key=lambda entry: entry[0])]
    return tuple(_with_others_sum(event, merged) for event in merged)


def _with_others_sum(event: Event, merged: Sequence[Event]) -> Event:
    """Give what one side pays to the other side of the same case, too."""
    if event.amount is not None or event.kind != "legal":
        return event
    for other in merged:
        if other.kind == event.kind and set(other.tickers) & set(event.related_tickers):
            return _filled(event, other)
    return event


def _filled(event: Event, other: Event) -> Event:
    """Return an event with the figures that only the other reading of it has."""
    if event.amount is None and other.amount is not None:
        names = ("amount", "amount_max", "amount_qualifier", "currency")
        event = replace(event, **{name: getattr(other, name) for name in names})
    if event.magnitude_pct is None:
        event = replace(event, magnitude_pct=other.magnitude_pct)
    return event
