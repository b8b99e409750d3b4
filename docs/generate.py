"""Write `docs/cli.md` and `docs/config.md` from the code, as `make docs` does.

`tests/docs/test_generated.py` fails when a page is older than the code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

DOCS = Path(__file__).parent
WRITTEN = (
    "<!-- Written by docs/generate.py from the code: change it there, then run `make docs`. -->"
)


def pages() -> dict[str, str]:
    """Return the text of each generated page, by its name."""
    return {"cli.md": cli_page(), "config.md": config_page()}


def cli_page() -> str:
    """Return the page of all commands, in the order of the command line."""
    from backtests.cli import app
    from markets.errors import __doc__ as tree

    parts = [
        "# The command line",
        WRITTEN,
        "Every command takes `--json` and then prints one JSON document on standard output and "
        "nothing else; a stream, such as `events`, is JSON lines with or without it. A refusal "
        "goes to standard error and names what was given, what was wanted and where. Progress "
        "is shown on a terminal only. `newswake --version` prints the version; `newswake "
        "--install-completion` lets your shell complete commands and options, `--show-completion` "
        "shows what it would install. Into a pipe, reports break at 80 columns, or at "
        "`COLUMNS` where that is set, and lists keep a line for each finding; "
        "`NO_COLOR` turns color off.",
        "## Exit codes",
        "\n".join(_exit_codes(tree or "")),
    ]
    root = typer.main.get_command(app)
    for name, command in _commands(root, "newswake"):
        parts += _command(name, command)
    return "\n\n".join(parts) + "\n"


def _exit_codes(tree: str) -> Iterator[str]:
    """Yield the table of exit codes from the tree of errors, which is their only home."""
    yield "| code | what it means |"
    yield "|---|---|"
    yield "| 0 | done |"
    seen = set()
    for line in tree.splitlines():
        words = line.lstrip(" │├└─").split(maxsplit=2)
        if len(words) == 3 and words[1].isdigit() and words[1] not in seen:
            seen.add(words[1])
            yield f"| {words[1]} | {words[2]} |"
    yield "| 130 | interrupted |"


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join([name, *(one.metavar or one.name.upper() for one in arguments), "[OPTIONS]"])
    yield f"## {name}"
    yield f"```\n{usage}\n```"
    yield _paragraphs(command.help or "")
    rows = [(one.metavar or one.name.upper(), one.help or "", "") for one in arguments]
    rows += [(_spelled(one), one.help or "", _default(one)) for one in options]
    table = ["| | | default |", "|---|---|---|"]
    yield "\n".join([*table, *(f"| `{a}` | {_cell(b)} | {c} |" for a, b, c in rows)])


def _spelled(option: Any) -> str:
    flags = ", ".join(option.opts)
    if option.is_flag:
        return "/".join([flags, *option.secondary_opts])
    kind = option.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{flags} {'/'.join(str(member.value) for member in kind)}"
    return f"{flags} {option.metavar or kind.__name__.upper()}"


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = getattr(option.default, "value", option.default)
    if option.secondary_opts:
        return f"`{(option.opts if value else option.secondary_opts)[0]}`"
    return "" if option.is_flag or value in (None, ()) else f"`{value}`"


def config_page() -> str:
    """Return the page of all config keys, section by section."""
    from backtests.config import RunConfig

    parts = [
        "# The config",
        WRITTEN,
        "One TOML file drives a run. Flags (`--set label.horizon=5`) win over the environment "
        "(`NEWSWAKE__LABEL__HORIZON=5`), that over the file, that over the defaults below. "
        "`newswake config show CONFIG --origin` prints every value and where it came from; "
        "`newswake config schema` prints the same keys as JSON Schema. An unknown key is an "
        "error that names the nearest right one.",
    ]
    for section, model in _sections(RunConfig, ""):
        parts += _section(section, model)
        if section == "strategy":
            parts += _strategies()
    return "\n\n".join(parts) + "\n"


def _sections(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield prefix, model
    for name, field in model.model_fields.items():
        if _is_section(field):
            yield from _sections(field.annotation, f"{prefix}.{name}".lstrip("."))  # type: ignore[arg-type]


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _section(section: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"## [{section}]" if section else "## Top level"
    yield _paragraphs(model.__doc__ or "")
    rows = []
    for name, field in model.model_fields.items():
        described = _cell(field.description or "")
        if _is_section(field):
            rows.append(f"| [`[{f'{section}.{name}'.lstrip('.')}]`](#{_anchor(section, name)}) "
                        f"| {described} | |")  # fmt: skip
        else:
            rows.append(f"| `{name}` | {described} | {_value(field)} |")
    yield "\n".join(["| key | what it sets | default |", "|---|---|---|", *rows])


def _strategies() -> Iterator[str]:
    """Yield the parameters of each of newswake's own strategies."""
    from markets.plugins import load, names

    for name in names("strategies"):
        strategy = load("strategies", name)
        if strategy.__module__.startswith("strategies."):
            yield f"### {name}"
            yield _paragraphs(strategy.__doc__)
            rows = [
                f"| `{key}` | {_cell(field.description or '')} | {_value(field)} |"
                for key, field in strategy.Params.model_fields.items()
            ]
            if rows:
                yield "\n".join(["| `params` | what it sets | default |", "|---|---|---|", *rows])


def _anchor(section: str, name: str) -> str:
    return f"{section}{name}".replace(".", "").lower()


def _value(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "unset"
    return f"`{json.dumps(default, default=str, ensure_ascii=False)}`"


def _paragraphs(text: str) -> str:
    kept = text.split("\f")[0].strip().split("\n\n")
    return "\n\n".join(_example(" ".join(paragraph.split())) for paragraph in kept)


def _example(paragraph: str) -> str:
    word, _, call = paragraph.partition("Example: ")
    return paragraph if word or not call else f"Example: `{call}`"


def _cell(text: str) -> str:
    plain = " ".join(text.split()).replace("``", "`")
    return plain.replace("|", "\\|")


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))
    for name, page in pages().items():
        (DOCS / name).write_text(page, encoding="utf-8", newline="\n")
