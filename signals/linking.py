"""Which listed company a stretch of text names, how surely, and in what part.

Every name of the instrument table, every look-alike and every unlisted firm goes into one
automaton; the longest match at a place wins, so that 京东方 is never 京东 and JD Health never
JD.com. A name that is also a word is believed only beside something that speaks of a company.
Nothing is matched by likeness: one character apart is another name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, Implementation, MatchKind

from markets.instruments import Instruments
from signals.names import BELIEVED, SHARED, WARY, LinkingTables, Name, Role, names_of
from signals.news import NewsItem
from signals.text.folding import clean, fold, spellings, veils
from signals.text.tokens import begins_word, ends_word, is_han

_CODE = re.compile(
    r"(?<![\w.$])(?:(?:hk|hkg|sehk|hkex|港股代码|股份代号|股份代號)[:：\s]{0,2}(?P<bare>0?\d{4})(?![\d.,]*\d|%)"
    r"|(?P<dotted>\d{4,5})\.hk(?![\w])|(?<=[(（])(?P<five>0\d{4})(?=[)）]))",
    re.IGNORECASE,
)
_CODE_MARKS = (
    "hk", "港股代码", "港股代碼", "股份代号", "股份代號",
    *(f"{mark}0{digit}" for mark in "(（" for digit in range(10)),
)  # fmt: skip
_MAYBE_CODE = re.compile("|".join(map(re.escape, _CODE_MARKS)))
_SOURCE_BEFORE = re.compile(
    r"(?:据|来源[:：]?|(?:^|\W)(?:source:|quelle:|via|according to|laut|on|auf))"
    r"\s{0,2}[《\"']?(?:sina )?$",
    re.IGNORECASE,
)
# "posted on Baidu" names a platform, "bullish on Baidu" a company; of Weibo and its like only a
# word of views or holdings in front makes it the company.
_ON = re.compile(r"(?:^|\W)(?:on|auf)\s{0,2}[《\"']?$")
_PUBLISHED = re.compile(
    r"(?<!\w)(?:post|publish|wr[io]t|said|says|statement|articl|video|comment|trend|viral|account|search|shared"
    r"|announc|available|stream|veröffentlich|schrieb|artikel|beitrag|mitteil|teilt|erklär|sagt|such)\w*"
    r"(?:\W{1,2}\w+){0,3}\W*$"
)
_VIEWED = re.compile(
    r"(?<!\w)(?:sell|buy|hold|neutral|overweight|underweight|outperform|underperform|bullish|bearish|positive"
    r"|\w*angriff|\w*attacke|ansturm|klage|druck|strafe|bußgeld|razzia"
    r"|negative|cautious|upbeat|downbeat|cold|sour|up|in|down|bets?|targets?|coverage|calls?|views?|ratings?|fines?"
    r"|probe|watch|curbs?|ban|stake|weighs?|optimistisch|positiv|negativ|kursziele?|wetten)\W*$"
)
_SOURCE_AFTER = re.compile(
    r"\s{0,2}[》\"']?(?:科技讯|财经讯|科技报道|新闻报道|报道称|一线报道|新闻讯|的一篇帖子|上发文|发帖)",
    re.IGNORECASE,
)
_LATIN_REACH, _HAN_REACH = 60, 16
_CODE_BEHIND = re.compile(r"\s?[(（]0{0,2}(\d{2,4})(?:\.hk)?[)）]")


class Mention(NamedTuple):
    """One naming of a company in the clean text of a story.

    Attributes
    ----------
    ticker : str or None
        Whom it names; None for a firm without a line here.
    start, end : int
        Span in `signals.text.folding.clean(item.text)`; 0, 0 for a declared ticker.
    alias : str
        The name as listed, folded.
    score : float
        How surely it means the company, 0 to 1; below `BELIEVED` it only goes to the audit list.
    role : Role
        company | product | person | code | declared | source | unlisted.
    """

    ticker: str | None
    start: int
    end: int
    alias: str
    score: float
    role: Role

    @property
    def is_believed(self) -> bool:
        """True where the name may carry an event."""
        return self.ticker is not None and self.score >= BELIEVED and self.role != "source"


class Occurrence(NamedTuple):
    """A spelling where it stands as a word of its own, whatever it means there."""

    start: int
    end: int
    alias: str
    meanings: Sequence[Name]


class Linker:
    """Finds the companies of a story.

    Parameters
    ----------
    instruments : Instruments
        Names, products and people by language and date.
    tables : LinkingTables, optional
        Look-alikes, wary names and unlisted firms; the built-in ones by default.
    """

    def __init__(self, instruments: Instruments, tables: LinkingTables | None = None) -> None:
        self.tables = tables or LinkingTables.default()
        names = names_of(instruments, self.tables)
        self._names = list(names.values())
        self._automaton = AhoCorasick(list(names), matchkind=MatchKind.Standard)
        self._patterns = list(names)
        self._shared = {
            pattern: tuple(meaning for meaning in meanings if meaning.ticker is not None)
            for pattern, meanings in names.items()
            if len({meaning.ticker for meaning in meanings} - {None}) > 1
        }
        ours = [
            pattern
            for pattern, meanings in names.items()
            if any(m.ticker is not None and m.score >= BELIEVED for m in meanings)
        ]
        # Every way a name may stand in a raw text, so that the filter need not clean what it reads.
        raw = [*_CODE_MARKS, *(way for pattern in ours for way in spellings(pattern))]
        marks = [mark.encode().lower() for mark in (*raw, *veils())]
        self._plain_marks = len(raw)
        self._prefilter = BytesAhoCorasick(marks, implementation=Implementation.DFA)
        self._platforms = frozenset(self.tables.platforms)
        self._beside = AhoCorasick([fold(word) for word in self.tables.beside])

    @property
    def spellings(self) -> tuple[str, ...]:
        """All spellings the linker knows, folded: names, look-alikes and unlisted firms."""
        return tuple(self._patterns)

    def may_concern(self, text: str) -> bool:
        """Return False only if no listed company can be named in the text; one fast pass."""
        # What no text should hold becomes an entity, which is a veil too.
        found = self._prefilter.find_matches_as_indexes(
            text.encode(errors="xmlcharrefreplace").lower()
        )
        if not found or any(mark < self._plain_marks for mark, _, _ in found):
            return bool(found)
        folded = fold(clean(text))
        return bool(self._automaton.find_matches_as_indexes(folded) or _MAYBE_CODE.search(folded))

    def link(self, item: NewsItem) -> tuple[Mention, ...]:
        """Return the listed companies a story names, in order, doubtful ones with a low score.

        Spans refer to ``clean(item.text)``. Tickers that only the source declares come last.
        """
        text = clean(item.text)
        found = [m for m in self.mentions(text, item.available_at.date()) if m.ticker is not None]
        named = {mention.ticker for mention in found}
        declared = [
            Mention(ticker, 0, 0, ticker, 0.6, "declared")
            for ticker in item.tickers
            if ticker not in named
        ]
        return (*found, *declared)

    def mentions(self, text: str, day: date) -> list[Mention]:
        """Return every named firm of a clean text, unlisted ones included, as of a date."""
        folded = fold(text)
        return self._judged(folded, self.outermost(text, folded, day), day)

    def outermost(self, text: str, folded: str, day: date) -> list[Mention]:
        """Return the longest name at each place, look-alikes too (score 0), not yet judged."""
        return _outermost([*self._named(text, folded, day), *_codes(folded)])

    def occurrences(self, folded: str) -> Iterator[Occurrence]:
        """Yield every spelling that stands as a word, short ones inside longer ones too."""
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            if _is_word(folded, start, end, self._patterns[index]):
                yield Occurrence(start, end, self._patterns[index], self._names[index])

    def _named(self, text: str, folded: str, day: date) -> Iterable[Mention]:
        for index, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            pattern = self._patterns[index]
            if not _stands_alone(text, folded, start, end, pattern):
                continue
            for name in self._names[index]:
                if name.holds(day):
                    score = WARY if name.is_wary else name.score
                    if pattern in self._shared and len(self._owners(pattern, day)) > 1:
                        score = SHARED
                    yield Mention(name.ticker, start, end, pattern, score, name.role)
                    break

    def _owners(self, pattern: str, day: date) -> set[str | None]:
        """Return the firms that go by a shared name on a date."""
        return {name.ticker for name in self._shared.get(pattern, ()) if name.holds(day)}

    def _judged(self, folded: str, found: list[Mention], day: date) -> list[Mention]:
        """Believe wary names beside company words or a sure name of the same firm; spot sources.

        A name that several firms share is believed only where a sure name of just one is near.
        """
        sure = {m.ticker for m in found if m.score >= BELIEVED and m.role in ("company", "code")}
        doubtful = {(m.ticker, m.alias) for m in found if m.ticker is not None and m.score == WARY}
        names = Counter(ticker for ticker, _ in doubtful)
        sure |= {ticker for ticker, count in names.items() if count > 1}  # two names vouch
        judged = []
        for mention in found:
            if mention.ticker is None and mention.role != "unlisted":
                continue  # a look-alike has done its work by swallowing the match
            if (
                mention.score == SHARED
                and len(owners := self._owners(mention.alias, day) & sure) == 1
            ):
                mention = mention._replace(ticker=next(iter(owners)), score=0.8)
            if mention.ticker is not None and mention.score == WARY:
                if mention.ticker in sure:
                    mention = mention._replace(score=0.8)
                elif _has_code(folded, mention) or self._has_company_word(folded, mention):
                    mention = mention._replace(score=0.65)
            if mention.ticker in self._platforms and _is_source(folded, mention):
                mention = mention._replace(role="source")
            judged.append(mention)
        return judged

    def _has_company_word(self, folded: str, mention: Mention) -> bool:
        han = is_han(folded[mention.start])
        reach = _HAN_REACH if han else _LATIN_REACH
        before = folded[max(0, mention.start - reach) : mention.start]
        after = folded[mention.end : mention.end + reach]
        if han:
            before, after = re.split(r"[。！？\n]", before)[-1], re.split(r"[。！？\n]", after)[0]
        return bool(
            self._beside.find_matches_as_indexes(before)
            or self._beside.find_matches_as_indexes(after)
        )


def _has_code(folded: str, mention: Mention) -> bool:
    """Tell a name that its own stock code follows ("閱文(772)"), as Hong Kong papers write."""
    code = _CODE_BEHIND.match(folded, mention.end)
    return code is not None and mention.ticker == f"{int(code[1]):04d}.HK"


def _outermost(found: list[Mention]) -> list[Mention]:
    """Keep the leftmost-longest of matches that overlap."""
    found.sort(key=lambda mention: (mention.start, -mention.end))
    kept: list[Mention] = []
    for mention in found:
        if kept and mention.start < kept[-1].end:
            if mention.end - mention.start > kept[-1].end - kept[-1].start:
                kept[-1] = mention
            continue
        kept.append(mention)
    return kept


def codes(folded: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and ticker of every stock code in a folded text, in odd digits too."""
    for match in _CODE.finditer(folded) if _MAYBE_CODE.search(folded) else ():
        number = int(match["bare"] or match["dotted"] or match["five"])
        if number:
            yield match.start(), match.end(), f"{number:04d}.HK"


def _codes(folded: str) -> Iterator[Mention]:
    for start, end, ticker in codes(folded):
        code = folded[start:end]
        if code.isascii():
            yield Mention(ticker, start, end, code, 0.95, "code")


def _stands_alone(text: str, folded: str, start: int, end: int, pattern: str) -> bool:
    if is_han(pattern[0]) and is_han(pattern[-1]):
        return True
    if pattern.startswith(("on ", "auf ")) and _VIEWED.search(folded, max(0, start - 16), start):
        return False
    return _is_word(folded, start, end, pattern) and _is_capitalized(text, start, end, pattern)


def _is_word(folded: str, start: int, end: int, pattern: str) -> bool:
    """Tell a word from a piece of one; "Alibabas" and "Baidu's" are words, as genitives."""
    if not is_han(pattern[0]) and not begins_word(folded, start):
        return False
    if is_han(pattern[-1]) or ends_word(folded, end):
        return True
    return folded[end] == "s" and ends_word(folded, end + 1) and len(pattern) > 2


def _is_capitalized(text: str, start: int, end: int, pattern: str) -> bool:
    """Latin names carry a capital, unless the whole text around shouts or whispers."""
    if not pattern[0].isalpha() or is_han(pattern[0]) or "." in pattern:
        return True
    return any(character.isupper() for character in text[start:end]) or (
        len(pattern) > 5 and not any(character.isupper() for character in text)
    )


def _is_source(folded: str, mention: Mention) -> bool:
    if mention.role == "code":
        return False
    before = folded[max(0, mention.start - 48) : mention.start]
    after = folded[mention.end : mention.end + 10]
    on = _ON.search(before)
    if on is not None and not _PUBLISHED.search(before[: on.start() + 1]):
        return False
    return _SOURCE_AFTER.match(after) is not None or (
        _SOURCE_BEFORE.search(before) is not None
        and re.match(r"\s{0,2}[》\"']?(?:数据|报道|新闻|消息|统计|data|\.|,|$)", after) is not None
    )
