"""The values of a sweep: counted first, exact, refused where they make no sense."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as generate

from backtests.config import LoadedConfig, load_config, with_values
from backtests.sweeps.flags import parse_axis, parse_interval, read_rows
from backtests.sweeps.plan import checked
from backtests.sweeps.reads import Digest
from backtests.sweeps.space import Space
from backtests.sweeps.upstream import Keys, keys_of
from markets.errors import ConfigError, NewswakeError, UsageError


@pytest.fixture
def loaded(small_config: Path) -> LoadedConfig:
    return load_config(small_config, environment={})


def test_steps_are_exact_decimals_and_meet_their_end() -> None:
    assert parse_axis("a.b=0.52:0.60:0.01").values() == [
        0.52, 0.53, 0.54, 0.55, 0.56, 0.57, 0.58, 0.59, 0.6
    ]  # fmt: skip
    assert parse_axis("a=5:1:-2").values() == [5, 3, 1]
    assert [type(value) for value in parse_axis("a=1:3:1").values()] == [int] * 3


@pytest.mark.parametrize(
    ("flag", "values"),
    [
        ("a=true,false", [True, False]),
        ("a=universe,none", ["universe", "none"]),
        ('a=[["x"], ["x", "y"]]', [["x"], ["x", "y"]]),
        ("strategy.name=my.own:Strategy", ["my.own:Strategy"]),
    ],
)
def test_values_are_written_as_in_toml(flag: str, values: list[object]) -> None:
    assert parse_axis(flag).values() == values


@given(
    generate.integers(-50, 50), generate.integers(0, 60), generate.integers(1, 7).map(lambda n: n)
)
def test_a_count_is_the_number_of_values(first: int, span: int, step: int) -> None:
    axis = parse_axis(f"a={first}:{first + span}:{step}")
    assert len(axis) == len(axis.values()) == len(range(first, first + span + 1, step))


def test_a_thousand_million_are_refused_with_their_count_and_without_being_made() -> None:
    axes = tuple(parse_axis(f"a.{name}=1:1000:1") for name in "xyz")
    with pytest.raises(UsageError, match="1,000,000,000 trials"):
        Space(axes=axes).points(seed=0)


@pytest.mark.parametrize("values", ["1:1000000000", "1,2:5", "0.1:0.5"])
def test_two_ends_without_a_step_are_told_how_steps_are_written(values: str) -> None:
    with pytest.raises(UsageError, match="two ends and no step") as refused:
        parse_axis(f"strategy.params.max_positions={values}")
    ends = values.rpartition(",")[2]
    assert f"LOW:HIGH:STEP, as {ends}:1; or --range" in str(refused.value)
    assert f"strategy.params.max_positions={ends} with --draws" in str(refused.value)


def test_what_is_no_pair_of_numbers_is_a_value() -> None:
    assert parse_axis('a=module:Class,"9:30",9:x').values() == ["module:Class", "9:30", "9:x"]


@pytest.mark.parametrize(
    "space",
    [
        Space(),
        Space(axes=(parse_axis("a="),)),
        Space(axes=(parse_axis("a=5:1:2"),)),
        Space(axes=(parse_axis("a=1,1"),)),
        Space(axes=(parse_axis("a=1"), parse_axis("a=2"))),
        Space(axes=(parse_axis("a=1,2"),), draws=3),
        Space(axes=(parse_axis("name=x,y"),)),
        Space(intervals=(parse_interval("a=0:1"),)),
        Space(intervals=(parse_interval("a=1:2"),), draws=3),
        Space(axes=(parse_axis("a=1"),), rows=({"b": 1},)),
    ],
)
def test_what_makes_no_sense_is_refused(space: Space) -> None:
    with pytest.raises(UsageError):
        space.points(seed=0)


@pytest.mark.parametrize("flag", ["a=1:1", "a=2:1", "a=0:1:log", "a=x:y", "a=1:2:square", "a"])
def test_what_is_no_interval_is_refused(flag: str) -> None:
    with pytest.raises(UsageError):
        parse_interval(flag)


def test_draws_are_different_reproducible_and_within_their_bounds() -> None:
    space = Space(
        axes=(parse_axis("a=1:9:1"),),
        intervals=(parse_interval("b=0.001:10:log"), parse_interval("c=2:12")),
        draws=40,
    )
    points = space.points(seed=3)
    assert points == space.points(seed=3) != space.points(seed=4)
    assert len({tuple(point.values()) for point in points}) == 40
    assert all(0.001 <= point["b"] <= 10 and point["c"] in range(2, 13) for point in points)
    assert any(point["b"] < 0.1 for point in points)


def test_a_draw_from_a_huge_grid_does_not_build_it() -> None:
    axes = tuple(parse_axis(f"{name}=1:100000:1") for name in "abc")
    points = Space(axes=axes, draws=5).points(seed=random.Random(1).randint(0, 9))
    assert len(points) == 5


def test_a_list_is_a_csv_or_json_lines(tmp_path: Path) -> None:
    table, lines = tmp_path / "list.csv", tmp_path / "list.jsonl"
    table.write_text("label.horizon,decision.long_above\n3,0.55\n5,\n", encoding="utf-8")
    lines.write_text('{"label.horizon": 3, "decision.long_above": 0.55}\n{"label.horizon": 5}\n')
    wanted = ({"label.horizon": 3, "decision.long_above": 0.55}, {"label.horizon": 5})
    assert read_rows(table) == read_rows(lines) == wanted
    lines.write_text("[1]\n")
    with pytest.raises(ConfigError):
        read_rows(lines)


@pytest.mark.parametrize(
    "flag",
    [
        "label.horizon=3,0",
        "label.horizn=3",
        "decision.long_above=0.55,1.5",
        "strategy.params.max_position=3",
        "strategy.params.max_positions=3,0",
        "strategy.name=event_hold,event_hodl",
        "decision.short_below=0.48,0.52",
    ],
)
def test_a_value_out_of_bounds_is_refused_before_anything_runs(
    loaded: LoadedConfig, flag: str
) -> None:
    with pytest.raises(NewswakeError) as refused:
        checked(loaded, Space(axes=(parse_axis(flag),)).points(seed=0))
    assert refused.value.exit_code == 3


def test_one_config_under_two_names_is_refused(loaded: LoadedConfig) -> None:
    with pytest.raises(UsageError, match="same config"):
        checked(loaded, [{"label.horizon": 3}, {"label.horizon": 3.0}])


def test_what_nobody_set_stays_unset(loaded: LoadedConfig, small_config: Path) -> None:
    varied = with_values(loaded, {"label.horizon": 5})
    flagged = load_config(small_config, ["label.horizon=5"], environment={}).config
    assert varied == flagged
    assert varied.sha256() == flagged.sha256()
    assert varied.news.columns.model_fields_set == loaded.config.news.columns.model_fields_set
    assert varied.label.model_fields_set == {"horizon"}


def test_labels_depend_on_what_a_round_trip_costs_and_signals_on_no_strategy(
    loaded: LoadedConfig,
) -> None:
    digest = Digest("prices", "stories", "both", "ids")

    def keys(**values: object) -> Keys:
        named = {name.replace("__", "."): value for name, value in values.items()}
        return keys_of(with_values(loaded, named), digest)

    base = keys()
    dear = keys(broker__slippage_bp=10.0)
    assert dear.labels != base.labels
    assert dear.features == base.features
    assert keys(strategy__reserve_bp=10.0, broker__cash_hkd=5e6) == base
    assert keys(decision__long_above=0.6).answers == base.answers
    assert keys(seed=8).answers != base.answers
