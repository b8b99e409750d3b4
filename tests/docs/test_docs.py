"""Every block that a page shows runs and prints what the page says; no link leads nowhere."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]+)(?:#([^)\s]+))?\)")
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for path in ROOT.glob(pattern)
)


def module(name: str) -> ModuleType:
    spec = spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    sys.modules[spec.name] = loaded  # dataclasses look their module up
    spec.loader.exec_module(loaded)
    return loaded


play = module("play")
generate = module("generate")


@pytest.mark.parametrize("page", play.PAGES, ids=lambda page: page.name)
def test_a_page_does_what_it_shows(page: Path) -> None:
    play.check(page)


@pytest.mark.parametrize("name", ["cli.md", "config.md"])
def test_a_generated_page_is_as_new_as_the_code(name: str) -> None:
    shown = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert shown == generate.pages()[name], "`make docs` writes it anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
        assert not anchor, f"{page.name} links into {target}#{anchor}, which nothing checks"


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    records = [path.name for path in (ROOT / "docs" / "decisions").glob("0*.md")]
    assert [name for name in records if f"({name})" not in index] == []


def test_the_player_finds_what_a_page_says_wrongly(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for block in (
        "```console\n$ echo 2\n3\n```\n",
        "```console numbers\n$ echo two 2\nthree 3\n```\n",
        "```console sample\n$ false | cat\n```\n",
        "```console sample\n$ true\n```\n",
        "```pycon\n>>> 1 + 1\n3\n```\n",
    ):
        page.write_text(block, encoding="utf-8")
        with pytest.raises(play.PageError):
            play.check(page)
    page.write_text("```console numbers\n$ echo two 2\ntwo 3\n```\n", encoding="utf-8")
    play.check(page)
    play.write(page)
    assert page.read_text(encoding="utf-8") == "```console numbers\n$ echo two 2\ntwo 2\n```\n"


def test_the_picture_shows_what_it_is_given() -> None:
    picture = module("picture")
    lines = {name: [0.0] * 4 + [10.0 * at, -30.0] for at, name in enumerate(picture.SHOWN)}
    root = ElementTree.fromstring(picture.draw([("A < B", "+1.0% net", lines)]))  # noqa: S314
    assert root.attrib["aria-label"] == "Percent earned: A < B: +1.0% net"
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"A < B", "−50%", "0%", "50%", *picture.SHOWN} <= texts
    paths = [path.attrib["d"] for path in root.iter("{http://www.w3.org/2000/svg}path")]
    # 198 high between −50 and 50 percent: 0 in the middle, 30 above it, 30 below it.
    assert "M44.0 151.0L613.6 91.6L756.0 210.4" in paths


def test_the_picture_of_the_readme_is_of_both_markets() -> None:
    root = ElementTree.parse(ROOT / "docs" / "known-answer.svg").getroot()  # noqa: S314 (our own)
    for head, _ in module("picture").PANELS:
        assert head in root.attrib["aria-label"]
