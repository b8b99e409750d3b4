"""Random draws that are the same bits on every machine and under every numpy.

A draw is a function of (seed, name of the stream, position) and of nothing else: SplitMix64 on a
counter. So a stream may be lengthened, added or left out without moving any other. numpy's own
distributions carry no such promise across versions, and `log` or `exp` differ between C libraries;
here is only integer arithmetic, and float division by powers of two, which is exact.

References
----------
Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_UNIFORMS_A_NORMAL = 12


def splitmix64(state: Bits, positions: Bits) -> Bits:
    """Return what SplitMix64 started at `state` puts out at 1-based `positions`."""
    mixed = state + positions * _GAMMA
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    result: Bits = mixed ^ (mixed >> np.uint64(31))
    return result


class Stream:
    """One named stream of draws.

    Parameters
    ----------
    seed : int
        The world's seed; any integer.
    name : str
        What is drawn. Two names give independent streams.

    Examples
    --------
    >>> Stream(0, "docs").integers(4, below=100).tolist()
    [25, 85, 72, 2]
    >>> Stream(0, "docs").integers(2, below=100).tolist()
    [25, 85]
    """

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        self._state = np.array([int.from_bytes(digest[:8], "little")], dtype=np.uint64)
        self._drawn = 0

    def bits(self, count: int) -> Bits:
        """Return the next `count` draws of 64 bits."""
        first = self._drawn + 1
        self._drawn += count
        return splitmix64(self._state, np.arange(first, first + count, dtype=np.uint64))

    def uniform(self, count: int) -> Floats:
        """Return draws from [0, 1): multiples of 2**-53, so exact."""
        return (self.bits(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def integers(self, count: int, *, below: int) -> Ints:
        """Return draws from 0 to `below` - 1 (itself at most 2**31).

        Some values are likelier than others by less than one part in 2**32 / `below`.
        """
        high = self.bits(count) >> np.uint64(32)
        return ((high * np.uint64(below)) >> np.uint64(32)).astype(np.int64)

    def normal(self, count: int) -> Floats:
        """Return draws of mean 0 and variance 1: the centered sum of twelve uniforms.

        The sum runs over integers, so no order of summation and no rounding can move a bit. The
        tails end at 6; where a return needs fatter ones, it mixes two scales.
        """
        parts = self.bits(count * _UNIFORMS_A_NORMAL).reshape(count, _UNIFORMS_A_NORMAL)
        total = (parts >> np.uint64(32)).astype(np.int64).sum(axis=1)
        centered: Floats = (total - (_UNIFORMS_A_NORMAL // 2) * 2**32).astype(np.float64)
        return centered * 2.0**-32

    def signs(self, count: int) -> Floats:
        """Return draws of -1 or 1."""
        return np.where(self.bits(count) >> np.uint64(63) == 0, -1.0, 1.0)

    def weighted(self, count: int, weights: Sequence[int]) -> Ints:
        """Return draws of an index into `weights`, each as likely as its whole-number weight."""
        bounds = np.cumsum(np.array(weights, dtype=np.int64))
        return np.searchsorted(bounds, self.integers(count, below=int(bounds[-1])), side="right")

    def sample(self, population: int, count: int) -> Ints:
        """Return `count` different numbers below `population`, in order of drawing."""
        keys = self.bits(population)
        return np.argsort(keys, kind="stable")[:count].astype(np.int64)
