"""Laws of digests: they remember as a set of texts does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signals.sources.digests import Digests


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_digests_remember_as_a_set_does(texts: list[str], others: list[str]) -> None:
    digests, known = Digests(), set[str]()
    for text in texts:
        assert digests.add(text) == (text not in known)
        known.add(text)
    assert len(digests) == len(known)
    assert [text in digests for text in others] == [text in known for text in others]


def test_digests_grow_and_lose_nothing() -> None:
    digests = Digests()
    assert all(digests.add(str(number)) for number in range(5_000))
    assert not any(digests.add(str(number)) for number in range(5_000))
    assert len(digests) == 5_000
