"""The draws of the known-answer market: the published generator, and what is built on it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.sources.synthetic.draws import Stream, splitmix64

SEEDS = st.integers(min_value=0, max_value=2**63)


def test_the_generator_puts_out_the_published_numbers(answers_dir: Path) -> None:
    for known in tomllib.loads((answers_dir / "splitmix64.toml").read_text())["known"]:
        positions = np.arange(1, len(known["outputs"]) + 1, dtype=np.uint64)
        drawn = splitmix64(np.array([known["state"]], dtype=np.uint64), positions)
        assert [str(number) for number in drawn.tolist()] == known["outputs"], known["source"]


@given(SEEDS, st.integers(1, 50), st.integers(1, 50))
def test_a_stream_is_the_same_in_one_piece_or_two(seed: int, first: int, second: int) -> None:
    whole = Stream(seed, "name").bits(first + second)
    stream = Stream(seed, "name")
    assert np.concatenate([stream.bits(first), stream.bits(second)]).tolist() == whole.tolist()


@given(SEEDS)
def test_streams_of_other_names_are_other_streams(seed: int) -> None:
    assert Stream(seed, "a").bits(4).tolist() != Stream(seed, "b").bits(4).tolist()


@given(SEEDS, st.integers(1, 400), st.integers(0, 400))
def test_a_sample_has_no_number_twice(seed: int, population: int, count: int) -> None:
    sample = Stream(seed, "sample").sample(population, count).tolist()
    assert len(set(sample)) == len(sample) == min(count, population)
    assert all(0 <= number < population for number in sample)


@given(SEEDS, st.integers(1, 2**31))
def test_integers_stay_below_their_bound(seed: int, below: int) -> None:
    drawn = Stream(seed, "integers").integers(50, below=below)
    assert drawn.min() >= 0
    assert drawn.max() < below


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_normal_draws_have_mean_zero_and_variance_one(name: str) -> None:
    drawn = Stream(1, name).normal(100_000)
    # The standard error of the mean is 0.0032, that of the variance 0.0043.
    assert abs(drawn.mean()) < 0.013
    assert abs(drawn.var() - 1.0) < 0.018
    assert np.abs(drawn).max() <= 6.0


def test_weights_are_kept() -> None:
    drawn = Stream(1, "weights").weighted(30_000, [1, 0, 2])
    counts = np.bincount(drawn, minlength=3)
    assert counts[1] == 0
    assert abs(counts[2] / counts[0] - 2.0) < 0.1
