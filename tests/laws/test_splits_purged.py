"""Laws: what a test overlaps does not train, no story stands on both sides, weights in range."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signals.splits import CombinatorialPurged, PurgedWalkForward, SplitSettings
from signals.timeline import Timeline
from signals.weights import day_share, time_decay, uniqueness

DAY = np.timedelta64(1, "D")


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Generate rows: several a session, outcomes of mixed length, some still open."""
    count = draw(st.integers(30, 120))
    gaps = draw(st.lists(st.sampled_from((0, 0, 1, 3, 8)), min_size=count, max_size=count))
    sessions = np.datetime64("2023-01-17") + np.cumsum(gaps) * DAY
    spans = draw(st.lists(st.integers(1, 30), min_size=count, max_size=count))
    known = sessions + np.array(spans) * DAY
    is_open = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    known[np.array(is_open) == 0] = np.datetime64("NaT", "D")
    keys = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=2).map(tuple)
    stories = draw(st.lists(keys, min_size=count, max_size=count))
    memory = draw(st.integers(0, 20))
    return Timeline(
        sessions.astype("datetime64[D]"), known.astype("datetime64[D]"), stories, memory
    )


def all_settings() -> st.SearchStrategy[SplitSettings]:
    return st.builds(
        SplitSettings,
        test_window=st.sampled_from(("month", "quarter", "half")),
        train=st.sampled_from(("expanding", "rolling")),
        train_months=st.integers(2, 12),
        min_train_months=st.integers(1, 4),
        min_train_rows=st.just(10),
        embargo_sessions=st.none() | st.integers(0, 8),
        story_sessions=st.integers(0, 8),
    )


@given(timeline=timelines(), chosen=all_settings())
def test_walk_forward_trains_only_on_what_was_known(
    timeline: Timeline, chosen: SplitSettings
) -> None:
    tested: list[int] = []
    numbers = timeline.session_numbers()
    for split in PurgedWalkForward(timeline, chosen).splits():
        assert (timeline.known[split.train] < split.first).all()
        assert (timeline.sessions[split.test] >= split.first).all()
        assert (timeline.sessions[split.test] <= split.last).all()
        gap = numbers[split.test].min() - numbers[split.train].max()
        stated = chosen.embargo_sessions
        assert gap > max(timeline.memory if stated is None else stated, chosen.story_sessions)
        for row, other in itertools.product(split.train.tolist(), split.test.tolist()):
            if set(timeline.stories[row]) & set(timeline.stories[other]):
                assert numbers[other] - numbers[row] > chosen.story_sessions
        tested += split.test.tolist()
    assert len(tested) == len(set(tested))


@given(timeline=timelines(), chosen=all_settings(), share=st.floats(0.3, 1.0))
def test_cutting_the_future_off_changes_no_earlier_split(
    timeline: Timeline, chosen: SplitSettings, share: float
) -> None:
    kept = timeline.sessions <= timeline.sessions[int((len(timeline) - 1) * share)]
    last = timeline.sessions[kept][-1]
    known = np.where(timeline.known[kept] <= last, timeline.known[kept], np.datetime64("NaT", "D"))
    stories = [keys for keys, keep in zip(timeline.stories, kept, strict=True) if keep]
    shorter = Timeline(timeline.sessions[kept], known, stories, timeline.memory)
    whole = {split.first: split for split in PurgedWalkForward(timeline, chosen).splits()}
    for split in PurgedWalkForward(shorter, chosen).splits():
        same = whole.pop(split.first)
        np.testing.assert_array_equal(split.train, same.train)
        np.testing.assert_array_equal(split.test, same.test[same.test < kept.sum()])
    assert all(
        split.first > last or not (split.test < kept.sum()).any() for split in whole.values()
    )


@given(
    timeline=timelines(),
    n_blocks=st.integers(3, 6),
    embargo=st.none() | st.integers(0, 10),
    story=st.integers(0, 6),
)
def test_combinatorial_splits_keep_outcomes_and_stories_apart(
    timeline: Timeline, n_blocks: int, embargo: int | None, story: int
) -> None:
    splitter = CombinatorialPurged(timeline, n_blocks, 2, embargo, story)
    splits = list(splitter.split())
    assert len(splits) == splitter.get_n_splits()
    clusters = timeline.clusters(story)
    for train, test in splits:
        assert not np.isnat(timeline.known[train]).any()
        assert not set(train.tolist()) & set(test.tolist())
        told = set().union(*(clusters[row] for row in test.tolist()))
        assert not any(clusters[row] & told for row in train.tolist())
        for row in train.tolist():
            begins, ends = timeline.sessions[row], timeline.known[row]
            overlap = (timeline.sessions[test] < ends) & (timeline.known[test] > begins)
            assert not overlap.any()
        gap = timeline.memory if embargo is None else embargo
        numbers = timeline.session_numbers()
        # Between a training row and every tested one, on either side, lies the embargo.
        assert (np.abs(numbers[train][None, :] - numbers[test][:, None]) > gap).all()


@given(timeline=timelines())
def test_a_story_begins_where_it_was_first_told(timeline: Timeline) -> None:
    for cut in (len(timeline) // 3, len(timeline) // 2):
        shorter = replace(
            timeline,
            sessions=timeline.sessions[:cut],
            known=timeline.known[:cut],
            stories=timeline.stories[:cut],
        )
        assert shorter.clusters(5) == timeline.clusters(5)[:cut]


@given(
    spans=st.lists(
        st.tuples(st.sampled_from("xyz"), st.integers(0, 40), st.integers(1, 12)),
        min_size=1,
        max_size=60,
    )
)
def test_uniqueness_is_the_mean_of_one_over_concurrency(
    spans: list[tuple[str, int, int]],
) -> None:
    groups = np.array([group for group, _, _ in spans], dtype=object)
    start = np.array([first for _, first, _ in spans])
    stop = start + np.array([length for _, _, length in spans])
    found = uniqueness(groups, start, stop)
    assert ((found > 0) & (found <= 1)).all()
    for row, (group, first, length) in enumerate(spans):
        counts = [
            sum(g == group and s <= at < s + n for g, s, n in spans)
            for at in range(first, first + length)
        ]
        np.testing.assert_allclose(found[row], np.mean([1 / count for count in counts]))


@given(timeline=timelines(), half_life=st.floats(1, 1000))
def test_weights_are_positive(timeline: Timeline, half_life: float) -> None:
    now = timeline.sessions[-1]
    decay = time_decay(timeline.sessions, now, half_life)
    assert ((decay > 0) & (decay <= 1)).all()
    assert (np.diff(decay) >= 0).all()
    shares = day_share(timeline.sessions)
    np.testing.assert_allclose(shares.sum(), len(np.unique(timeline.sessions)))
