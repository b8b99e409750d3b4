"""A part of one's own is told by every file that it is made of."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.own_parts import is_house, part_sha256

FILES = {
    "lone_part.py": "from beside_part import size\nimport numpy\n",
    "beside_part.py": "def size():\n    from parts_package.deep import far\n    return far\n",
    "parts_package/__init__.py": "",
    "parts_package/deep.py": "from . import near\nfrom .near import THING as far\n",
    "parts_package/near.py": "import parts_package.deep\nTHING = 1\n",
    "parts_package/apart.py": "import no_such_module\n",
    "stranger.py": "import lone_part\n",
}
MADE_OF = {
    "lone_part": {"lone_part", "beside_part", "parts_package/__init__", "parts_package/deep"}
    | {"parts_package/near"},
    "parts_package.deep": {"parts_package/__init__", "parts_package/deep", "parts_package/near"},
    "parts_package.apart": {"parts_package/__init__", "parts_package/apart"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return written(tmp_path, FILES, monkeypatch)


def written(folder: Path, files: Mapping[str, str], patch: pytest.MonkeyPatch) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    patch.syspath_prepend(folder)
    for name in files:
        patch.delitem(sys.modules, name.removesuffix(".py").replace("/", "."), raising=False)
    patch.delitem(sys.modules, "parts_package", raising=False)
    return folder


@pytest.mark.parametrize("module", MADE_OF)
@pytest.mark.parametrize("changed", FILES)
def test_another_file_is_another_part_where_it_is_imported(
    module: str, changed: str, folder: Path
) -> None:
    before = part_sha256(module)
    path = folder / changed
    path.write_text(path.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")
    moved = part_sha256(module) != before
    assert moved == (changed.removesuffix(".py") in MADE_OF[module])


def test_it_does_not_depend_on_what_is_loaded(folder: Path) -> None:
    before = part_sha256("lone_part")
    __import__("stranger")
    assert "beside_part" in sys.modules
    assert part_sha256("lone_part") == before
    for name in ("stranger", "lone_part", "beside_part"):
        del sys.modules[name]


def test_a_part_that_cannot_be_read_is_like_no_other(folder: Path) -> None:
    assert part_sha256("no_such_part_at_all") == "no file"
    (folder / "lone_part.py").write_text("def (:\n", encoding="utf-8")
    broken = part_sha256("lone_part")
    (folder / "lone_part.py").write_text("def )\n", encoding="utf-8")
    assert part_sha256("lone_part") not in (broken, "no file")


@given(st.sampled_from(["markets.prices", "signals", "os.path", "backtests.run", "json"]))
def test_what_is_of_the_house_is_no_part(module: str) -> None:
    assert is_house(module)
    assert not is_house(f"my_{module}")


def test_a_library_is_told_by_its_own_file_alone() -> None:
    # Its version stands in the hash of all code; going through its imports would take a second.
    assert part_sha256("sklearn.svm") != part_sha256("sklearn.tree")
