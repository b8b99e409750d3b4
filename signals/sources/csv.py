"""CSV tables: a header, then one row a story (or one a story and ticker)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from markets.errors import DataError
from signals.news import Rejection, shorten
from signals.sources.files import FileNews, encoding_of, lines
from signals.sources.rows import RowReader


class CsvNews(FileNews):
    """Stories from ``.csv`` files (``.gz`` too); fields may be quoted and hold line breaks."""

    endings = (".csv", ".csv.gz")
    pools = True

    def rows(self, path: Path) -> Iterator[tuple[str, Mapping[str, object] | Rejection]]:
        """Yield each record with the line it begins on, or why it is none."""
        oversized: list[Rejection] = []
        # The limit is the csv module's own, one for the process: it is only ever raised.
        limit = self.settings.max_item_kb * 1024
        csv.field_size_limit(max(limit, csv.field_size_limit()))
        reader = csv.reader(
            self._text(path, oversized), delimiter=self.settings.delimiter, strict=True
        )
        header = self._header(reader, path.name)
        while True:
            where = f"{path.name}:{reader.line_num + 1}"
            try:
                record = next(reader, None)
            except csv.Error as error:
                yield where, Rejection(where, "broken CSV", str(error), wanted="quotes in pairs")
                continue
            yield from ((rejection.where, rejection) for rejection in oversized)
            oversized.clear()
            if record is None:
                return
            if record:
                yield where, _row(record, header, where)

    def _header(self, reader: Iterator[list[str]], name: str) -> list[str]:
        try:
            header = [column.strip() for column in next(reader)]
        except (StopIteration, csv.Error) as error:
            raise DataError(
                "no header",
                given=str(error) or "an empty file",
                wanted="names of columns",
                where=f"{name}:1",
            ) from None
        twice = sorted({column for column in header if header.count(column) > 1})
        if twice:
            raise DataError(
                "a column that stands twice",
                given=twice[0],
                wanted="each name once",
                where=f"{name}:1",
            )
        RowReader(self.settings).check_columns(header, f"{name}:1")
        return header

    def _text(self, path: Path, oversized: list[Rejection]) -> Iterator[str]:
        encoding = encoding_of(path, self.settings)
        for number, line in lines(path, self.settings):
            if isinstance(line, Rejection):
                oversized.append(line)
                yield "\n"  # keeps the count of lines
                continue
            # Bytes that do not decode come as lone surrogates; the row that holds them is rejected.
            text = line.decode(encoding, "surrogateescape")
            yield (text.removeprefix("\ufeff") if number == 1 else text) + "\n"


def _row(record: list[str], header: list[str], where: str) -> Mapping[str, object] | Rejection:
    if len(record) != len(header):
        return Rejection(
            where,
            "a row with another number of columns than the header",
            f"{len(record)}: {shorten(','.join(record), 60)}",
            f"{len(header)}",
        )
    return dict(zip(header, record, strict=True))
