"""A config is strict, says where each value came from, and survives being written down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from backtests.config import RunConfig, load_config
from backtests.inputs import load_inputs
from backtests.layers import flattened
from markets.errors import ConfigError, MissingDataError
from markets.plugins import load

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))
KEYS = [key for key, _ in flattened(RunConfig.model_construct().model_dump()) if key != "params"]
WRONG = st.one_of(
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text("abc", max_size=3),
    st.dates(),
    st.lists(st.integers(0, 1), max_size=2),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(), max_size=1),
)
"""A value of every kind that TOML can write: wrong for most keys."""
MINIMAL = "start = 2024-01-02\nend = 2024-06-28\n"


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(MINIMAL, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_of_the_project_is_valid(path: Path) -> None:
    assert load_config(path, environment={}).config.name == path.stem


@given(seed=st.integers(0, 2**31), horizon=st.integers(1, 20), latency=st.integers(0, 3600))
def test_a_resolved_config_reads_back_as_the_same(
    tmp_path_factory: pytest.TempPathFactory, seed: int, horizon: int, latency: int
) -> None:
    folder = tmp_path_factory.mktemp("config")
    (folder / "run.toml").write_text(MINIMAL, encoding="utf-8")
    flags = [f"seed={seed}", f"label.horizon={horizon}", f"clock.latency_seconds={latency}"]
    first = load_config(folder / "run.toml", flags, {}).config
    (folder / "resolved.toml").write_text(first.to_toml(), encoding="utf-8")
    again = load_config(folder / "resolved.toml", environment={}).config
    assert again == first
    assert again.sha256() == first.sha256()


def test_flags_win_over_environment_over_file(minimal: Path) -> None:
    minimal.write_text(MINIMAL + "seed = 1\n[label]\nhorizon = 1\n", encoding="utf-8")
    environment = {"NEWSWAKE__SEED": "2", "NEWSWAKE__LABEL__HORIZON": "2"}
    loaded = load_config(minimal, ["label.horizon=3"], environment)
    assert (loaded.config.seed, loaded.config.label.horizon) == (2, 3)
    origins = {key: origin for key, _, origin in loaded.rows()}
    assert origins["seed"] == "environment"
    assert origins["label.horizon"] == "flag"
    assert origins["start"] == "file"
    assert origins["name"] == "default"


@pytest.mark.parametrize(
    ("flag", "key", "nearest"),
    [
        ("labl.horizon=3", "labl", "label"),
        ("label.horizn=3", "label.horizn", "horizon"),
        ("broker.cash=3", "broker.cash", "cash_hkd"),
    ],
)
def test_an_unknown_key_names_the_nearest(minimal: Path, flag: str, key: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(minimal, [flag], {})
    assert caught.value.given == key
    assert caught.value.nearest == nearest
    assert caught.value.exit_code == 3


def test_a_wrong_value_names_file_key_and_value(minimal: Path) -> None:
    minimal.write_text(MINIMAL + '[label]\nhorizon = "many"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(minimal, environment={})
    assert "run.toml" in str(caught.value)
    assert "label.horizon" in str(caught.value)
    assert "'many'" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["start = 2024-01-02\nend = 2024-01-02\n", "end = 2024-01-02\n", "a = 1\na = 2\n", "= broken"],
    ids=["no time", "no start", "a key twice", "no TOML"],
)
def test_an_invalid_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_config(path, environment={})


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("[label]\nhorizon = 'many'", "line 4: label.horizon"),
        ("[label]\n\nhorizn = 3", "line 5: label.horizn"),
        ("seed = [\n 1,\n]\nname = 'a'", "line 3: seed"),
        ('name = \'a\'\nseed = """\nname = \'a\'\n"""', "line 4: seed"),
        ("strategy.params = 3", "line 3: strategy.params"),
        ("[broker]\nshort = { enabled = 'perhaps' }", "line 4: broker.short.enabled"),
        ("[labl]", "line 3: labl"),
    ],
)
def test_a_mistake_has_its_line(minimal: Path, line: str, place: str) -> None:
    minimal.write_text(MINIMAL + line, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(minimal, environment={})
    assert caught.value.where == f"{minimal}: {place}"


def test_what_came_by_a_variable_is_placed_by_its_name(minimal: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(minimal, environment={"NEWSWAKE__LABEL__HORIZN": "3"})
    assert caught.value.where == "environment: NEWSWAKE__LABEL__HORIZN"


def test_an_end_before_the_start_says_both(minimal: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(minimal, ["end=2023-01-02"], {})
    assert caught.value.given == "start = 2024-01-02, end = 2023-01-02"
    assert caught.value.wanted == "an end after the start"


def test_a_folder_and_a_broken_file_are_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: is a directory") as caught:
        load_config(tmp_path, environment={})
    assert (caught.value.given, caught.value.wanted) == (tmp_path, "a TOML file")
    path = tmp_path / "run.toml"
    path.write_text("name = 'a'\nseed 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no TOML") as caught:
        load_config(path, environment={})
    assert (caught.value.where, caught.value.given) == (f"{path}: line 2", "seed 3")
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(path, environment={})


@given(key=st.sampled_from(KEYS), wrong=WRONG)
def test_no_refusal_of_a_value_speaks_pydantic(
    tmp_path_factory: pytest.TempPathFactory, key: str, wrong: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "run.toml"
    values = {"start": date(2024, 1, 2), "end": date(2024, 6, 28)}
    *sections, name = key.split(".")
    inside: dict[str, object] = values
    for section in sections:
        inside = inside.setdefault(section, {})
    inside[name] = wrong
    path.write_text(tomli_w.dumps(values), encoding="utf-8")
    try:
        load_config(path, environment={})
    except ConfigError as error:
        told = str(error)
        assert sections[0] in told if sections else key in told
        for word in ("Input", "valid dictionary", "instance of", "unable to", "Value error"):
            assert word not in told.partition("wanted")[2]


def test_every_mistake_is_told_at_once(minimal: Path) -> None:
    minimal.write_text(
        minimal.read_text().replace("start", "strat")
        + """
[label]
horizn = 5
horizon = "three"
[classifer]
name = "logistic"
"""
    )
    with pytest.raises(ConfigError) as caught:
        load_config(minimal)
    assert caught.value.problem == "a key is absent"
    assert set(caught.value.also) == {
        "strat: unknown key, nearest start",
        "classifer: unknown key, nearest classifier",
        "label.horizn: unknown key, nearest horizon",
        "label.horizon: invalid value, wanted a whole number",
    }
    assert caught.value.as_dict()["also"] == list(caught.value.also)
    assert all(f"  also     {line}" in str(caught.value) for line in caught.value.also)


def test_a_part_names_what_its_module_lacks(minimal: Path) -> None:
    minimal.with_name("lacking.py").write_text("import nothing_of_that_name")
    load_config(minimal)
    with pytest.raises(ConfigError) as caught:
        load("strategies", "lacking:Own")
    assert "nothing_of_that_name installed" in str(caught.value.wanted)
    with pytest.raises(ConfigError) as caught:
        load("strategies", "nothing_of_that_name:Own")
    assert "module:Class" in str(caught.value.wanted)


def test_an_absent_file_names_its_neighbor(minimal: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(minimal.with_name("rum.toml"), environment={})
    assert caught.value.nearest == "run.toml"


def test_a_file_is_near_by_its_stem_not_by_its_ending(minimal: Path) -> None:
    with pytest.raises(ConfigError, match="no such config") as refused:
        load_config(minimal.with_name("zzz.toml"), environment={})
    assert refused.value.nearest is None
    with pytest.raises(ConfigError) as refused:
        load_config(minimal.with_name("rn"), environment={})
    assert refused.value.nearest == "run.toml"


@pytest.mark.parametrize(
    ("universe", "given", "wanted", "nearest"),
    [
        ('["NOPE"]', "NOPE", "a code of 1 to 5 digits", None),
        ('["700", "9988.HKX"]', "9988.HKX", "a code of 1 to 5 digits", "9988.HK"),
        ('["BABA"]', "BABA", "a code of 1 to 5 digits", "9988.HK"),
        ('["80700"]', "80700.HK (CNY)", "a counter in HKD", "0700.HK"),
        ("[]", "[]", "at least one ticker", None),
        ("3", "3", 'a text, or a list, as in ["a", "b"]', None),
        ("[3]", "[3]", "a text", None),
    ],
)
def test_a_universe_of_no_tickers_is_a_mistake_of_the_config(
    minimal: Path, universe: str, given: str, wanted: str, nearest: str | None
) -> None:
    with pytest.raises(ConfigError, match="invalid value") as refused:
        load_config(minimal, [f"universe={universe}"], {})
    error = refused.value
    assert error.problem == "invalid value"
    assert (error.where, str(error.given), error.nearest) == ("flag: universe", given, nearest)
    assert wanted in str(error.wanted)


def test_a_ticker_keeps_its_zeros(minimal: Path) -> None:
    minimal.write_text('universe = ["0700"]\n' + MINIMAL, encoding="utf-8")
    assert load_config(minimal, environment={}).config.universe == ("0700",)


def test_the_data_folder_is_no_part_of_the_identity(minimal: Path, tmp_path: Path) -> None:
    here = load_config(minimal, [f"data_dir='{tmp_path}'"], {}).config
    assert here.sha256() == load_config(minimal, environment={}).config.sha256()
    assert here.resolve_data_dir({}) == tmp_path


def test_own_tables_of_a_file_lie_beside_it_and_those_of_a_flag_do_not(minimal: Path) -> None:
    minimal.write_text('instruments = "mine.toml"\n' + MINIMAL, encoding="utf-8")
    assert load_config(minimal, environment={}).config.instruments == str(
        minimal.parent / "mine.toml"
    )
    flagged = load_config(minimal, ["instruments=other.toml"], {}).config
    assert flagged.instruments == "other.toml"
    assert flagged.sha256() == load_config(minimal, environment={}).config.sha256()


def test_own_tables_count_by_their_content(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        'start = 2023-01-03\nend = 2023-02-28\nlexicon = "words.toml"\n'
        "[prices.synthetic]\ntickers = 2\nn_stories = 60\nend = 2023-02-28\n",
        encoding="utf-8",
    )
    with pytest.raises(MissingDataError, match="lexicon"):
        load_inputs(load_config(config, environment={}).config)
    hashes = []
    for cue in ("bags a mandate", "lands a mandate"):
        words = f'[en.add]\nwin_order = ["{cue}"]\n'
        (tmp_path / "words.toml").write_text(words, encoding="utf-8")
        inputs = load_inputs(load_config(config, environment={}).config)
        hashes.append(inputs.sha256)
        assert cue in inputs.reader().lexicon.concepts["en"]["win_order"]
    assert hashes[0] != hashes[1]


def test_a_part_may_lie_beside_the_config(minimal: Path) -> None:
    (minimal.parent / "beside_config.py").write_text("class Part:\n    pass\n", encoding="utf-8")
    load_config(minimal, environment={})
    assert load("strategies", "beside_config:Part").__name__ == "Part"


def test_an_absent_data_folder_says_how_to_set_it(minimal: Path) -> None:
    config = load_config(minimal, ["data_dir=nowhere"], {}).config
    with pytest.raises(MissingDataError, match="data folder"):
        config.resolve_data_dir({})


def test_every_key_is_described() -> None:
    assert [key for key, field in _fields(RunConfig) if not field.description] == []


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{prefix}{name}.")
