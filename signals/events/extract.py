"""Reader: one story in, its events out, by nothing but the story's own words and clocks."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from signals.events.lexicon import Lexicon
from signals.events.roles import Context
from signals.events.schema import Event
from signals.events.telling import Teller
from signals.linking import Linker, Mention
from signals.news import NewsItem
from signals.text.folding import clean, fold
from signals.text.language import READ_LANGUAGES, LanguageGuesser
from signals.text.sentences import bounded_spans

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
        told = self._told(text, language, mentions, item)
        return tuple(
            _of_story(event, item, number, place) for place, (number, event) in enumerate(told)
        )

    def _told(
        self, text: str, language: str, mentions: Sequence[Mention], item: NewsItem
    ) -> list[tuple[int, Event]]:
        """Return what each sentence tells, with the sentence's number."""
        only = _only_company(mentions, item)
        last: tuple[str, ...] = ()
        told: list[tuple[int, Event]] = []
        ahead = deque(mentions)
        for number, (start, end) in enumerate(bounded_spans(text)):
            names = tuple(_moved(mention, -start) for mention in _within(ahead, start, end))
            if not (names or last or only):
                continue  # it can be nobody's
            here = self._teller.tell(
                text[start:end], language, names, Context(last, only), is_headline=number == 0
            )
            if here.only_denies and text[:start].rstrip().endswith(("?", "？")):
                told = [_denied_after_all(*one, asked=number - 1) for one in told]
            told += [(number, event) for event in here.events]
            last = here.subject or last
        return told


def _within(ahead: deque[Mention], start: int, end: int) -> Iterator[Mention]:
    while ahead and ahead[0].start < end:
        mention = ahead.popleft()
        if mention.start >= start:
            yield mention


def _moved(mention: Mention, by: int) -> Mention:
    ticker, start, end, alias, score, role = mention
    return Mention(ticker, start + by, end + by, alias, score, role)


def _denied_after_all(number: int, event: Event, asked: int) -> tuple[int, Event]:
    """Deny the question that the sentence before asked ("减产？公司：消息不实")."""
    if number != asked or event.is_reaction:
        return number, event
    polarity = round(-0.5 * event.polarity, 3)
    return number, replace(event, certainty="denied", negated=True, polarity=polarity)


def _only_company(mentions: Sequence[Mention], item: NewsItem) -> tuple[str, ...]:
    """Return the story's company where it has just one, named or else declared by the source."""
    named = {mention.ticker for mention in mentions if mention.is_believed}
    if len(named) == 1:
        return tuple(ticker for ticker in named if ticker is not None)
    if not mentions and len(item.tickers) == 1:
        return item.tickers
    return ()


def _of_story(event: Event, item: NewsItem, number: int, place: int) -> Event:
    """Give what a sentence told its stable name, its place and the clock of its story."""
    parts = (item.source, item.item_id, str(number), str(place), event.kind, *event.tickers)
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
    return event.placed(digest, item.item_id, number, item.available_at)
