"""Commands on configs: show, schema, check."""

from __future__ import annotations

from typing import Annotated

import typer

from backtests.cli.contract import Config, Json, Set, command, emit

app = typer.Typer(no_args_is_help=True, help="Show, describe and check a config.")


@app.command()
@command
def show(
    config: Config,
    sets: Set = None,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value is from.")] = False,
    as_json: Json = False,
) -> None:
    """Print every value of a config; with --origin, where it came from.

    Example: newswake config show configs/quickstart.toml --origin
    """
    from backtests.config import load_config

    loaded = load_config(config, sets or [])
    rows = list(loaded.rows())
    if as_json:
        emit({key: {"value": value, "origin": source} for key, value, source in rows})
    elif origin:
        width = max(len(key) for key, _, _ in rows)
        for key, value, source in rows:
            typer.echo(f"{key:<{width}}  {source:<11}  {value!r}")
    else:
        typer.echo(loaded.config.to_toml(), nl=False)


@app.command()
@command
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of a config: every key, its meaning, bounds and default.

    Example: newswake config schema
    """
    from backtests.config import RunConfig

    emit(RunConfig.model_json_schema())


@app.command()
@command
def check(config: Config, sets: Set = None, as_json: Json = False) -> None:
    """Check a config without running it: exit 3 if it is invalid, 4 if a file of its own is.

    Every part it names is looked up and given its parameters; no price and no story is read.

    Example: newswake config check configs/quickstart.toml --set label.horizon=5
    """
    from backtests.config import load_config
    from backtests.parts import check_parts

    loaded = load_config(config, sets or [])
    check_parts(loaded.config)
    if as_json:
        emit({"config": str(config), "valid": True, "sha256": loaded.config.sha256()})
    else:
        typer.echo(f"{config}: valid, sha256 {loaded.config.sha256()[:12]}")
