"""Digests: a set of texts by 8 bytes each, for streams too long to remember otherwise."""

from __future__ import annotations

from array import array
from hashlib import blake2b

_FIRST_SLOTS = 1024


class Digests:
    """Which texts were added, by their hash: 16 to 32 bytes a text where a set of str takes 150.

    Two of a million different texts share a digest with probability 3e-8.

    Examples
    --------
    >>> digests = Digests()
    >>> digests.add("a"), digests.add("a"), "a" in digests, "b" in digests, len(digests)
    (True, False, True, False, 1)
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST_SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, text: str) -> bool:
        digest = _digest(text)
        return self._slots[self._slot(digest)] == digest

    def add(self, text: str) -> bool:
        """Add a text; return whether it was new."""
        digest = _digest(text)
        slot = self._slot(digest)
        if self._slots[slot] == digest:
            return False
        self._slots[slot] = digest
        self._count += 1
        if 2 * self._count > len(self._slots):
            self._grow()
        return True

    def _slot(self, digest: int) -> int:
        """Return the slot that holds a digest, or the free one where it belongs."""
        slots, last = self._slots, len(self._slots) - 1
        slot = digest & last
        while slots[slot] and slots[slot] != digest:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        members = self._slots
        self._slots = array("Q", bytes(16 * len(members)))
        for digest in members:
            if digest:
                self._slots[self._slot(digest)] = digest


def _digest(text: str) -> int:
    raw = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big") or 1  # 0 marks a free slot
