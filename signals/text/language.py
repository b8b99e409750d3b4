"""Which language a story is in, told by script first and by telling words second.

Only German, English and Chinese are read. Anything else gets its own code where the evidence names
one, else ``und`` (``und-Cyrl``, ``und-Arab``, … where the script is another), and stays unread: a
wrong guess would invent events.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

READ_LANGUAGES = ("de", "en", "zh")
_WORD = re.compile(r"[^\W\d_]{2,40}")
_APART = {code: " " for code in range(128) if not chr(code).isalpha()}
_SAMPLE = 4000
_KANA = re.compile(r"[\u3041-\u30ff]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff〇]+")
_HANGUL = re.compile(r"[\uac00-\ud7af]+")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1dff\u0e00-\u0e7f]+")
_SCRIPTS = {
    "Grek": "\u0370-\u03ff\u1f00-\u1fff",
    "Cyrl": "\u0400-\u052f",
    "Hebr": "\u0590-\u05ff",
    "Arab": "\u0600-\u077f",
    "Deva": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
}
"""Scripts by their ISO 15924 names; rarer ones stay without a name."""
_BEYOND_LATIN = re.compile(r"[\u0370-\u1dff\u0e00-\u0e7f\u3007-\ufaff]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]{2,40}")
_LETTERS = {
    "de": "äöüß",
    "fr": "éèêçœ",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "pl": "łżźśćęą",
    "tr": "ğşı",
    "sv": "å",
    "cs": "řěů",
    "hu": "őű",
    "vi": "ăđơưạảấầẩậắằẳặẹẻẽếềểễệịỉọỏốồổộớờởợụủứừửữựỳỵỷỹ",
    "ro": "șțâî",
}
_CODES = {letter: code for code, letters in _LETTERS.items() for letter in letters}
_TELLING_LETTER = re.compile(f"[{''.join(_CODES)}]")


class LanguageGuesser:
    """Names the language of a text.

    Parameters
    ----------
    vocabulary : mapping of str to iterable of str, optional
        More telling words by language (``de``, ``en``), such as the cues a reader knows. Words that
        stand under both are ignored.
    """

    def __init__(self, vocabulary: Mapping[str, Iterable[str]] | None = None) -> None:
        self._votes: dict[str, tuple[str, ...]] = dict(_function_words())
        extra = {code: frozenset(words) for code, words in (vocabulary or {}).items()}
        for code, words in extra.items():
            others = frozenset().union(*(set(w) for c, w in extra.items() if c != code))
            for word in words - others:
                self._votes.setdefault(word, (code,))

    def guess(self, text: str, declared: str = "und") -> str:
        """Return ``de``, ``en``, ``zh``, another language's code, or ``und`` and the script.

        Parameters
        ----------
        text : str
            The clean text; the first 4,000 characters decide.
        declared : str
            What the source says (``de``, ``zh-Hant``, ``en_US``, ``und``). Believed where the
            script fits and the words do not clearly say otherwise.

        Examples
        --------
        >>> guesser = LanguageGuesser()
        >>> texts = ("腾讯宣布回购", "Nio senkt die Prognose", "Nio cuts its outlook")
        >>> [guesser.guess(text) for text in texts]
        ['zh', 'de', 'en']
        >>> guesser.guess("テンセントの株価"), guesser.guess("Xiaomi lance une voiture")
        ('ja', 'fr')
        >>> guesser.guess("Акции Xiaomi растут в Гонконге")
        'und-Cyrl'
        """
        sample = text[:_SAMPLE]
        script = _script_language(sample)
        said = declared.replace("_", "-").split("-")[0].strip().lower()
        if script is not None:
            is_named = said not in ("", "und", *READ_LANGUAGES)
            return said if script.startswith("und") and is_named else script
        counts = self._count(sample)
        ranked = counts.most_common(2)
        if not ranked:
            return "und" if said in ("", "zh") else said
        best, score = ranked[0]
        runner_up = ranked[1][1] if len(ranked) > 1 else 0
        if said not in ("", "und", "zh") and score - counts.get(said, 0) < 4:
            return said
        return best if score > runner_up else "und"

    def is_german_or_english(self, text: str) -> bool:
        """Return True for a Latin text in which no word or letter speaks for another language."""
        sample = text[:_SAMPLE]
        return _script_language(sample) is None and not set(self._count(sample)) - {"de", "en"}

    def _count(self, sample: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        lowered = sample.lower()
        ascii_only = lowered.isascii()
        words = lowered.translate(_APART).split() if ascii_only else _WORD.findall(lowered)
        for codes, found in Counter(filter(None, map(self._votes.get, words))).items():
            for code in codes:
                counts[code] += found
        if not ascii_only:
            letters = Counter(map(_CODES.__getitem__, _TELLING_LETTER.findall(lowered)))
            for code, found in letters.items():
                counts[code] += min(found, 4)
        return counts


def _script_language(sample: str) -> str | None:
    if sample.isascii() or not _BEYOND_LATIN.search(sample):
        return None
    kana, han, hangul, other = (
        sum(map(len, script.findall(sample))) for script in (_KANA, _HAN, _HANGUL, _OTHER_SCRIPT)
    )
    if kana * 8 > han:
        return "ja"
    words = len(_LATIN_WORD.findall(sample))
    if hangul > max(words, han):
        return "ko"
    if other > 2 * (words + han):
        return _other_script(sample)
    # Two Han characters weigh about as much as one Latin word.
    return "zh" if han and han >= 2 * words * 0.4 and han >= 2 else None


def _other_script(sample: str) -> str:
    counts = {name: len(re.findall(f"[{span}]", sample)) for name, span in _SCRIPTS.items()}
    name = max(counts, key=counts.__getitem__)
    return f"und-{name}" if counts[name] else "und"


@cache
def _function_words() -> dict[str, tuple[str, ...]]:
    raw = files("signals.text").joinpath("data/function_words.toml").read_text(encoding="utf-8")
    by_word: dict[str, list[str]] = {}
    for code, words in tomllib.loads(raw).items():
        for word in dict.fromkeys(words.split()):
            by_word.setdefault(word, []).append(code)
    return {word: tuple(codes) for word, codes in by_word.items() if len(word) > 1}
