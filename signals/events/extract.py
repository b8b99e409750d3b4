"""Reader: one story in, its events out, by nothing but the story's own words and clocks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from signals.events.grammar import Grammar, Match
from signals.events.lexicon import Lexicon
from signals.events.page import Page, Sentence, lay_out
from signals.events.roles import Assignment, Context, assign
from signals.events.schema import Event, Kind
from signals.events.sources import speaker
from signals.events.stance import Stance, stances
from signals.linking import Linker, Mention
from signals.news import NewsItem
from signals.text.folding import clean, fold
from signals.text.language import READ_LANGUAGES, LanguageGuesser
from signals.text.numbers import Quantity

MAX_BODY = 100_000
"""Characters read of one story; what lies beyond is no news article."""

_MONEY_KINDS: frozenset[Kind] = frozenset(
    (
        "earnings", "guidance", "financing", "buyback", "mna", "capex", "regulation", "legal",
        "analyst", "order_supply", "partnership", "ownership", "macro_policy",
        "product_launch",
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


class Reader:
    """Reads stories into events; keeps nothing from one story to the next.

    Parameters
    ----------
    linker : Linker
        Finds the companies.
    lexicon : Lexicon, optional
        Cues and rules; the built-in ones by default.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> from markets.instruments import Instruments
    >>> reader = Reader(Linker(Instruments.default()))
    >>> at = datetime(2025, 9, 12, 9, tzinfo=timezone.utc)
    >>> story = NewsItem("1", at, "wire", "Tencent kündigt Aktienrückkauf über 10 Mrd. HKD an")
    >>> [(event.kind, event.tickers, event.amount, event.currency) for event in reader.read(story)]
    [('buyback', ('0700.HK',), 10000000000.0, 'HKD')]
    """

    def __init__(self, linker: Linker, lexicon: Lexicon | None = None) -> None:
        self.linker = linker
        self.lexicon = lexicon if lexicon is not None else Lexicon.default()
        self._guesser = LanguageGuesser(self.lexicon.vocabulary())
        self._grammar = Grammar(self.lexicon.rules)
        self._rank = {id(rule): rank for rank, rule in enumerate(self.lexicon.rules)}

    def language(self, item: NewsItem) -> str:
        """Return the language a story is in; only ``de``, ``en`` and ``zh`` are read."""
        return self._language(clean(item.text[:8000]), item.language)

    def _language(self, text: str, declared: str) -> str:
        """Ask the words first, and of a headline without telling words how many cues it holds."""
        guess = self._guesser.guess(text, declared)
        if guess != "und" or not self._guesser.is_german_or_english(text):
            return guess
        folded = fold(text[:2000])
        german, english = (
            len(self.lexicon.hits(folded, code, frozenset())) for code in ("de", "en")
        )
        return "und" if not german + english else ("de" if german > english else "en")

    def read(self, item: NewsItem) -> tuple[Event, ...]:
        """Return the events of a story in reading order, novelty 1; empty for unread languages.

        Only the item itself is looked at: the same item gives the same events whatever came before
        or after. `available_at` of every event is the item's.
        """
        raw = item.text[:MAX_BODY]
        if not item.tickers and not self.linker.may_concern(raw):
            return ()
        text = clean(raw)
        mentions = self.linker.mentions(text, item.available_at.date())
        if not any(mention.is_believed for mention in mentions) and not item.tickers:
            return ()
        language = self._language(text, item.language)
        if language not in READ_LANGUAGES:
            return ()
        page = lay_out(text, language, mentions, self.lexicon)
        return tuple(_number(item, self._events(item, page, mentions)))

    def _events(self, item: NewsItem, page: Page, mentions: Sequence[Mention]) -> list[Event]:
        folded = fold(page.text)
        only = _only_company(mentions, item)
        last: tuple[str, ...] = ()
        events: list[Event] = []
        for sentence in page.sentences:
            fired = self._grammar.matches(sentence, page.language, page.text)
            told = stances(sentence, fired, page.language)
            figures = _share_figures(sentence, fired, page.language)
            here: list[tuple[int, Event]] = []
            for match, stance, own in zip(fired, told, figures, strict=True):
                rank = self._rank[id(match.rule)]
                for whose in assign(sentence, match, Context(last, only), page.language, folded):
                    here.append((rank, _event(item, page, sentence, match, stance, own, whose)))
            if not fired and sentence.by_concept.get("deny"):
                events = _denied_after_all(events, sentence, page.text)
            if not fired:
                events = _with_sum(events, sentence, page.language)
            events += _merged(here)
            last = _subject_of(sentence) or last
        return events


def _denied_after_all(events: Sequence[Event], sentence: Sentence, text: str) -> list[Event]:
    """Deny the question that the sentence before asked ("减产？公司：消息不实")."""
    asked = text[: sentence.start].rstrip().endswith(("?", "？"))
    return [
        replace(event, certainty="denied", negated=True, polarity=round(-0.5 * event.polarity, 3))
        if asked and event.sentence == sentence.number - 1 and not event.is_reaction
        else event
        for event in events
    ]


def _with_sum(events: Sequence[Event], sentence: Sentence, language: str) -> list[Event]:
    """Give the sum of a sentence that says nothing else to the event before it."""
    sums = [f for f in sentence.figures if f.unit == "money" and not (f.is_per_share or f.is_prior)]
    last = events[-1] if events else None
    if last is None or not sums or sentence.groups or last.sentence != sentence.number - 1:
        return list(events)
    if last.amount is not None or last.is_reaction or last.kind not in _PAID_KINDS:
        return list(events)
    return [*events[:-1], replace(last, **_amount(sums[0], language))]


def _only_company(mentions: Sequence[Mention], item: NewsItem) -> tuple[str, ...]:
    """Return the story's company where it has just one, named or else declared by the source."""
    named = {mention.ticker for mention in mentions if mention.is_believed}
    if len(named) == 1:
        return tuple(ticker for ticker in named if ticker is not None)
    if not mentions and len(item.tickers) == 1:
        return item.tickers
    return ()


def _subject_of(sentence: Sentence) -> tuple[str, ...]:
    return next((group.tickers for group in sentence.groups if group.tickers), ())


def _share_figures(
    sentence: Sentence, fired: Sequence[Match], language: str
) -> list[list[Quantity]]:
    """Give every figure to the event it stands nearest to, if that kind of event has figures."""
    shares: list[list[tuple[int, Quantity]]] = [[] for _ in fired]
    for figure in sentence.figures:
        if figure.unit == "plain":
            continue
        best, best_cost = None, _FIGURE_REACH[language] + 1
        for index, match in enumerate(fired):
            if _takes(match, figure):
                cost = _figure_cost(sentence, match, figure, language, best_cost)
                if cost < best_cost:
                    best, best_cost = index, cost
        if best is not None:
            shares[best].append((best_cost, figure))
    return [[figure for _, figure in sorted(own, key=lambda pair: pair[0])] for own in shares]


def _takes(match: Match, figure: Quantity) -> bool:
    kind = match.rule.kind
    if figure.unit != "money":
        return kind in _PERCENT_KINDS
    if figure.is_per_share and not (kind == "analyst" or match.rule.subtype == "dividend"):
        return False
    return match.rule.takes_money and kind in _MONEY_KINDS


def _figure_cost(
    sentence: Sentence, match: Match, figure: Quantity, language: str, most: int
) -> int:
    gap = min(max(0, figure.start - f.end, f.start - figure.end) for f in match.found)
    if gap >= most:
        return most
    crossed = abs(sentence.segment_of(figure.start) - match.segment)
    between = sum(
        match.end <= group.start < figure.start or figure.end <= group.start < match.start
        for group in sentence.groups
    )
    price = 6 if language == "zh" else 16
    return gap + crossed * price + between * price


def _event(
    item: NewsItem,
    page: Page,
    sentence: Sentence,
    match: Match,
    stance: Stance,
    figures: Sequence[Quantity],
    whose: Assignment,
) -> Event:
    rule = match.rule
    money = next((f for f in figures if f.unit == "money" and not f.is_prior), None)
    share = next((f for f in figures if f.unit in ("percent", "points") and not f.is_prior), None)
    polarity, subtype = whose.polarity, rule.subtype
    if stance.is_reversed:
        polarity, subtype = -0.8 * polarity, "ended"
    if stance.negated:
        polarity = -0.5 * polarity
    voices = sentence.quoted
    return Event(
        event_id="",
        item_id=item.item_id,
        sentence=sentence.number,
        kind=rule.kind,
        subtype=subtype,
        tickers=whose.tickers,
        related_tickers=tuple(dict.fromkeys(whose.related)),
        polarity=round(polarity, 3),
        certainty=stance.certainty,
        tense=stance.tense,
        available_at=item.available_at,
        rule_id=f"{page.language}:{rule.kind}:{rule.id}",
        magnitude_pct=_signed(share, match),
        **(_amount(money, page.language) if money else {}),
        is_reaction=rule.reaction,
        is_background=stance.is_background,
        negated=stance.negated,
        hedged=stance.hedged,
        source=_source(sentence),
        speaker=_speaker(page, sentence) if voices or sentence.people else None,
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


def _source(sentence: Sentence) -> str | None:
    """Return who is quoted: a wire, else a broker where somebody speaks or rates."""
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


def _speaker(page: Page, sentence: Sentence) -> str | None:
    if not sentence.by_concept.get("speech"):
        return None
    people = [page.text[m.start : m.end] for m in sentence.people]
    return speaker(page.text[sentence.start : sentence.end], people)


def _merged(events: Sequence[tuple[int, Event]]) -> list[Event]:
    """Join what one sentence says twice of the same thing; the rule that stands first leads."""
    kept: dict[tuple[object, ...], tuple[int, int, Event]] = {}
    for place, (rank, event) in enumerate(events):
        sign = (event.polarity > 0) - (event.polarity < 0)
        apart = (event.subtype, sign) if event.kind in ("earnings", "legal") else None
        key = (event.kind, event.tickers, event.is_reaction, apart)
        if key not in kept:
            kept[key] = (place, rank, event)
            continue
        first_place, first_rank, first = kept[key]
        leads, follows = (event, first) if rank < first_rank else (first, event)
        kept[key] = (first_place, min(rank, first_rank), _filled(leads, follows))
    return [event for _, _, event in sorted(kept.values(), key=lambda entry: entry[0])]


def _filled(event: Event, other: Event) -> Event:
    """Return an event with the figures that only the other reading of it has."""
    if event.amount is None and other.amount is not None:
        names = ("amount", "amount_max", "amount_qualifier", "currency")
        event = replace(event, **{name: getattr(other, name) for name in names})
    if event.magnitude_pct is None:
        event = replace(event, magnitude_pct=other.magnitude_pct)
    return event


def _number(item: NewsItem, events: Sequence[Event]) -> list[Event]:
    """Give every event its stable name."""
    numbered = []
    for place, event in enumerate(events):
        parts = (item.source, item.item_id, event.sentence, place, event.kind, *event.tickers)
        digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:16]
        numbered.append(replace(event, event_id=digest))
    return numbered
