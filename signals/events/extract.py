"""Reader: one story in, its events out, by nothing but the story's own words and clocks."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise, starmap

from signals.events.lexicon import Lexicon
from signals.events.page import in_one_breath
from signals.events.roles import Context
from signals.events.schema import Event
from signals.events.stance import answers
from signals.events.telling import Teller, paid
from signals.events.wording import Wording
from signals.linking import Linker, Mention
from signals.news import NewsItem
from signals.text.folding import clean, fold
from signals.text.language import READ_LANGUAGES, LanguageGuesser
from signals.text.numbers import means_dollars
from signals.text.sentences import bounded_spans

_VAGUE = (":something_denied", ":rumour_denied")
MAX_BODY = 100_000
"""Characters read of one story; what lies beyond is no news article."""


class Reader:
    """Reads stories into events; what one story says changes nothing in the next.

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
        self._teller = Teller(self.lexicon)

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
        # A tie is German: its headlines carry English names and words, and not the other way round.
        return "und" if not german + english else ("de" if german >= english else "en")

    def read(self, item: NewsItem) -> tuple[Event, ...]:
        """Return the events of a story in reading order, novelty 1; empty for unread languages.

        Only the item itself is looked at: the same item gives the same events whatever came before
        or after. `available_at` of every event is the item's.
        """
        return self.read_in_language(item)[1]

    def read_in_language(self, item: NewsItem) -> tuple[str | None, tuple[Event, ...]]:
        """Return a story's language beside its events; None for a story about nobody of ours."""
        raw = item.text[:MAX_BODY]
        if not item.tickers and not self.linker.may_concern(raw):
            return None, ()
        text = clean(raw)
        mentions = self.linker.mentions(text, item.available_at.date())
        if not any(mention.is_believed for mention in mentions) and not item.tickers:
            return None, ()
        language = self._language(text, item.language)
        if language not in READ_LANGUAGES:
            return language, ()
        told = self._told(text, language, mentions, item)
        available_at = item.available_at
        return language, tuple(
            event.placed(_name(event, item, number, place), item.item_id, number, available_at)
            for place, (number, event) in enumerate(told)
        )

    def _told(
        self, text: str, language: str, mentions: Sequence[Mention], item: NewsItem
    ) -> list[tuple[int, Event]]:
        """Return what each sentence tells, with the sentence's number."""
        in_dollars = language == "zh" and means_dollars(text)
        wording = self.lexicon.wording(language)
        context = Context((), _only_companies(text, mentions, item, wording), in_dollars)
        told: list[tuple[int, Event]] = []
        asked = ""
        ahead = deque(mentions)
        for number, (start, end) in enumerate(bounded_spans(text)):
            names = _within(ahead, start, end) if ahead and ahead[0].start < end else ()
            if not (names or context.last_subject or context.only):
                continue  # it can be nobody's
            here = self._teller.tell(text[start:end], language, names, context, number == 0)
            follows = bool(told) and told[-1][0] == number - 1
            answers = follows and here.only_denies and _asks(text[:start], asked, wording)
            asked = text[start:end]
            if answers:
                told = [_denied_after_all(*one, asked=number - 1) for one in told]
            elif here.lone_sum and follows:
                told[-1] = number - 1, paid(told[-1][1], here.lone_sum, language)
            if follows and told[-1][1].rule_id.endswith(_VAGUE) and _denies(here.events):
                told.pop()
            told += [
                (number, event)
                for event in here.events
                if not (answers or (told and _explains(event, told)))
            ]
            if here.subject and here.subject != context.last_subject:
                context = context._replace(last_subject=here.subject)
        return told


def _within(ahead: deque[Mention], start: int, end: int) -> tuple[Mention, ...]:
    """Take from what is ahead the names of one sentence, with spans in it."""
    names = []
    while ahead and ahead[0].start < end:
        ticker, low, high, alias, score, role = ahead.popleft()
        if low >= start:
            names.append(Mention(ticker, low - start, high - start, alias, score, role))
    return tuple(names)


def _denies(events: Sequence[Event]) -> bool:
    """Tell whether a sentence says what is denied, where the one before only said that it is."""
    return any(event.certainty == "denied" for event in events)


def _explains(event: Event, told: Sequence[tuple[int, Event]]) -> bool:
    """Tell the wrong that an authority's or a court's step, told before, is about."""
    return event.subtype == "scandal" and any(
        before.kind in ("regulation", "legal") and not set(before.tickers).isdisjoint(event.tickers)
        for _, before in told
    )


def _asks(before: str, sentence: str, wording: Wording) -> bool:
    """Tell a question, and a headline that says what is answered ("比亚迪回应举报")."""
    return before.rstrip().endswith(("?", "？")) or answers(fold(sentence), wording)


def _denied_after_all(number: int, event: Event, asked: int) -> tuple[int, Event]:
    """Deny the question that the sentence before asked ("减产？公司：消息不实")."""
    if number != asked or event.is_reaction:
        return number, event
    polarity = round(-0.5 * event.polarity, 3)
    return number, replace(event, certainty="denied", negated=True, polarity=polarity)


def _only_companies(
    text: str, mentions: Sequence[Mention], item: NewsItem, wording: Wording
) -> tuple[str, ...]:
    """Return whom a story is about where it names one firm, or some in one breath and no other.

    Where it names none, the source may have declared one.
    """
    named = [mention for mention in mentions if mention.is_believed and mention.ticker]
    tickers = tuple(dict.fromkeys(mention.ticker for mention in named if mention.ticker))
    if len(tickers) == 1 or (
        tickers and all(starmap(partial(in_one_breath, text, wording), pairwise(named)))
    ):
        return tickers
    return item.tickers if not mentions and len(item.tickers) == 1 else ()


def _name(event: Event, item: NewsItem, number: int, place: int) -> str:
    """Return the stable name of what a sentence of a story tells."""
    parts = (item.source, item.item_id, str(number), str(place), event.kind, *event.tickers)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
