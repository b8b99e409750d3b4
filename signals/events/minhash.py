"""Near copies of a text: MinHash signatures, and an index that finds the first like it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Signature = NDArray[np.uint32]

N_HASHES = 128
"""Length of a signature: the estimated similarity errs by about 0.04 (one standard error)."""
ROWS = 4
"""Signature entries to a band: two texts meet in the index if one whole band agrees. With 32 bands
of 4, texts of similarity 0.7 meet with probability 0.9998, of 0.5 with 0.87, of 0.2 with 0.05."""
MAX_LETTERS = 4_000
"""Only so much of a text is compared: copies of long articles agree at their beginning."""
MAX_CANDIDATES = 32
"""At most so many texts of one band are compared, the earliest first: boilerplate stays cheap."""

_WORDLESS = re.compile(r"[\W_]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def signature(text: str) -> Signature:
    """Return the MinHash signature of a text: uint32, shape (128,).

    Case, width and punctuation do not count. Compared are runs of 2 letters where most are Chinese,
    of 4 elsewhere.

    Examples
    --------
    >>> one, other = signature("Alibaba launches a chip"), signature("Alibaba launches a chip!")
    >>> similarity(one, other)
    1.0
    """
    plain = _WORDLESS.sub(" ", unicodedata.normalize("NFKC", text[:MAX_LETTERS]).casefold()).strip()
    run = 2 if len(_WIDE.findall(plain)) * 2 > len(plain) else 4
    codes = np.frombuffer(plain.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64)
    if len(codes) < run:
        codes = np.pad(codes, (0, run - len(codes)))
    grams = np.zeros(len(codes) - run + 1, dtype=np.uint64)
    for offset in range(run):
        grams = grams * _PRIME + codes[offset : offset + len(grams)]
    mixed = _MULTIPLIERS[:, None] * _mixed(grams)[None, :] + _OFFSETS[:, None]
    lowest: Signature = (mixed >> np.uint64(32)).min(axis=1).astype(np.uint32)
    return lowest


def similarity(one: Signature, other: Signature) -> float:
    """Return the estimated Jaccard similarity of two texts, 0 to 1."""
    return float(np.count_nonzero(one == other)) / N_HASHES


class CopyIndex:
    """Finds the earlier text that a text is a near copy of. Cost does not grow with the index.

    Parameters
    ----------
    threshold : float
        Similarity from which two texts are copies.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        self._threshold = threshold
        self._signatures: dict[int, Signature] = {}
        self._bands: dict[tuple[int, bytes], dict[int, None]] = {}

    def __len__(self) -> int:
        return len(self._signatures)

    def find(self, text: Signature) -> int | None:
        """Return the key of the most similar text, of equals the earliest, if any is a copy."""
        keys = self._candidates(text)
        if not keys:
            return None
        stacked = np.stack([self._signatures[key] for key in keys])
        likeness = np.count_nonzero(stacked == text, axis=1) / N_HASHES
        best = int(likeness.argmax())
        return keys[best] if likeness[best] >= self._threshold else None

    def add(self, key: int, text: Signature) -> None:
        """Take a text in; keys are given in rising order."""
        self._signatures[key] = text
        for band in _bands(text):
            self._bands.setdefault(band, {})[key] = None

    def remove(self, key: int) -> None:
        """Let a text go."""
        for band in _bands(self._signatures.pop(key)):
            members = self._bands[band]
            del members[key]
            if not members:
                del self._bands[band]

    def _candidates(self, text: Signature) -> list[int]:
        found: set[int] = set()
        for band in _bands(text):
            members = self._bands.get(band)
            if members:
                found.update(key for key, _ in zip(members, range(MAX_CANDIDATES), strict=False))
        return sorted(found)


def _bands(text: Signature) -> Iterator[tuple[int, bytes]]:
    raw, width = text.tobytes(), ROWS * text.itemsize
    return ((start, raw[start : start + width]) for start in range(0, len(raw), width))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread neighbouring integers over all 64 bits (the finalizer of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_PRIME = np.uint64(0x100000001B3)
_STEPS = np.arange(1, 2 * N_HASHES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
# Fixed numbers, not drawn ones: signatures are the same on every machine and version.
_MULTIPLIERS = _mixed(_STEPS[:N_HASHES]) | np.uint64(1)
_OFFSETS = _mixed(_STEPS[N_HASHES:])
