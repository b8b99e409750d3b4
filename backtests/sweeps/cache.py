"""Cache: what was computed once, by the content it depends on; on disk, never a pickle."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from markets.errors import DataError

ENTRY = "entry.json"
_CORRUPT = "the entry is corrupt"

T = TypeVar("T")


class UnkeptError(DataError):
    """The cache cannot be written: no trial is to blame, and none can go on."""


@dataclass(frozen=True)
class Key:
    """What an artefact depends on.

    Attributes
    ----------
    stage : str
        What kind of artefact it is.
    parts : mapping of str to object
        JSON-ready: the code, the config values, the inputs' hashes and the keys before it.
    """

    stage: str
    parts: Mapping[str, Any]
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        text = json.dumps([self.stage, self.parts], sort_keys=True, default=str)
        object.__setattr__(self, "sha256", hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How an artefact is written into a folder, and read from it."""

    write: Callable[[Path, T], None]
    read: Callable[[Path], T]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What became of one request.

    Attributes
    ----------
    stage, sha256 : str
        What was asked for.
    hit : bool
        Whether it was on disk.
    why : str
        Why it was not: never computed, what differs from the nearest entry, or that it is corrupt.
    """

    stage: str
    sha256: str
    hit: bool
    why: str = ""

    @property
    def corrupt(self) -> bool:
        """Whether an entry was there and could not be used."""
        return self.why.startswith(_CORRUPT)


class Cache:
    """Artefacts in a folder, each in a folder of its own: complete or absent.

    Parameters
    ----------
    folder : Path
        May be shared by many processes; made when something is first kept.
    remembered : int
        Artefacts kept in memory too, the latest used.

    Attributes
    ----------
    lookups : list of Lookup
        What this process asked the disk for, in order.
    """

    def __init__(self, folder: Path, remembered: int = 24) -> None:
        self.folder = folder
        self.lookups: list[Lookup] = []
        self._remembered = remembered
        self._memory: OrderedDict[str, Any] = OrderedDict()

    def memo(self, key: Key, compute: Callable[[], T]) -> T:
        """Return an artefact from memory, else computed; the disk is not asked.

        For what takes as long to read back as to compute.
        """
        if key.sha256 not in self._memory:
            self._memory[key.sha256] = compute()
            while len(self._memory) > self._remembered:
                self._memory.popitem(last=False)
        self._memory.move_to_end(key.sha256)
        value: T = self._memory[key.sha256]
        return value

    def get(self, key: Key, codec: Codec[T], compute: Callable[[], T]) -> T:
        """Return an artefact: from memory, or read where it is whole, else computed and kept.

        Raises
        ------
        UnkeptError
            If it cannot be kept: no space, or a folder that may not be written.
        """
        return self.memo(key, lambda: self._kept_or_computed(key, codec, compute))

    def _kept_or_computed(self, key: Key, codec: Codec[T], compute: Callable[[], T]) -> T:
        place = self._place(key)
        why = self._fault(place)
        if why is None:
            try:
                value = codec.read(place)
            except Exception as error:  # whatever a foreign format raises: it is computed again
                why = f"{_CORRUPT} ({type(error).__name__}): computed again"
            else:
                self.lookups.append(Lookup(key.stage, key.sha256, hit=True))
                return value
        self.lookups.append(Lookup(key.stage, key.sha256, hit=False, why=why or self._why(key)))
        value = compute()
        self._put(place, key, codec, value)
        return value

    def has(self, key: Key) -> bool:
        """Return whether an artefact is there and whole."""
        return self._fault(self._place(key)) is None

    def _place(self, key: Key) -> Path:
        return self.folder / key.stage / key.sha256[:32]

    def _fault(self, place: Path) -> str | None:
        """Return None for a whole entry, "" for none, or what is wrong with it."""
        if not place.is_dir():
            return ""
        try:
            entry = json.loads((place / ENTRY).read_text(encoding="utf-8"))
            for name, digest in entry["files"].items():
                if _digest(place / name) != digest:
                    return f"{_CORRUPT} ({name}): computed again"
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return f"{_CORRUPT} ({ENTRY}): computed again"
        return None

    def _put(self, place: Path, key: Key, codec: Codec[T], value: T) -> None:
        partial = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
        try:
            partial.mkdir(parents=True)
            codec.write(partial, value)
            files = {path.name: _digest(path) for path in sorted(partial.iterdir())}
            entry = {"stage": key.stage, "parts": key.parts, "files": files}
            text = json.dumps(entry, sort_keys=True, indent=1, default=str) + "\n"
            (partial / ENTRY).write_text(text, encoding="utf-8")
            self._settle(partial, place)
        except OSError as error:
            raise UnkeptError(
                f"cannot keep what was computed: {error.strerror or error}",
                given=self.folder,
                wanted="a folder with space that may be written; --cache DIR names another",
            ) from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _settle(self, partial: Path, place: Path) -> None:
        """Rename into place; who finds a whole entry there was overtaken, which is well."""
        if place.exists() and self._fault(place) is not None:
            aside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
            os.replace(place, aside)
            shutil.rmtree(aside, ignore_errors=True)
        try:
            partial.rename(place)
        except OSError:
            if self._fault(place) is not None:
                raise

    def _why(self, key: Key) -> str:
        """Say what differs from the kept artefact of the same stage that differs least."""
        nearest: list[str] | None = None
        for parts in self._kept(key.stage):
            found = list(_differences(parts, json.loads(json.dumps(key.parts, default=str))))
            if nearest is None or len(found) < len(nearest):
                nearest = found
        if nearest is None:
            return "never computed before"
        return "; ".join(nearest[:4]) + (f"; {len(nearest) - 4} more" if len(nearest) > 4 else "")

    def _kept(self, stage: str, most: int = 200) -> Iterator[Mapping[str, Any]]:
        folder = self.folder / stage
        if not folder.is_dir():
            return
        places = [place for place in folder.iterdir() if not place.name.startswith(".")]
        for place in sorted(places)[:most]:
            try:
                parts = json.loads((place / ENTRY).read_text(encoding="utf-8"))["parts"]
            except (OSError, ValueError, KeyError):
                continue
            if isinstance(parts, dict):
                yield parts


def _differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{name}.{key}" if name else str(key)
            yield from _differences(old.get(key), new.get(key), inner)
    elif old != new:
        yield f"{name}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:12]}…"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
