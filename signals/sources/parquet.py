"""Parquet tables: one row a story, or one a story and ticker; read in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from markets.errors import DataError
from signals.news import Rejection
from signals.sources.clocks import EPOCH
from signals.sources.files import MEGABYTE, FileNews
from signals.sources.rows import RowReader, too_long

BATCH_ROWS = 1_024


class ParquetNews(FileNews):
    """Stories from ``.parquet`` files: only mapped columns are read, a batch of rows at a time."""

    endings = (".parquet",)
    pools = True

    def rows(self, path: Path) -> Iterator[tuple[str, Mapping[str, object] | Rejection]]:
        """Yield each row with its number from 1, or why it is none."""
        import pyarrow as pa  # heavy; only this source needs it

        number = 0
        try:
            for batch in self._batches(path):
                for row in self._rows_of(batch):
                    number += 1
                    where = f"{path.name}: row {number}"
                    yield where, Rejection.of(row, where) if isinstance(row, DataError) else row
        except pa.ArrowException as error:
            raise DataError(
                "no readable Parquet file",
                given=str(error),
                where=f"{path.name}: after row {number}",
                wanted="a Parquet file",
            ) from None

    def _batches(self, path: Path) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import parquet

        schema = parquet.read_schema(path)
        reader = RowReader(self.settings)
        reader.check_columns(schema.names, path.name)
        columns = [name for name in schema.names if name in reader.column_names()]
        # Texts stay dictionary-encoded: one repeated in many rows is held once.
        texts = [name for name in columns if _is_text(schema.field(name).type, pa)]
        with parquet.ParquetFile(path, read_dictionary=texts) as table:
            groups = (table.metadata.row_group(i) for i in range(table.metadata.num_row_groups))
            size = sum(group.total_byte_size for group in groups)
            if size > self.settings.max_file_mb * MEGABYTE:
                raise DataError(
                    "a file over the size limit",
                    given=f"{size // MEGABYTE:,} MB when unpacked",
                    wanted=f"at most {self.settings.max_file_mb:,} MB (news.max_file_mb)",
                    where=path.name,
                )
            yield from table.iter_batches(BATCH_ROWS, columns=columns)

    def _rows_of(self, batch: Any) -> Iterator[dict[str, object] | DataError]:
        import pyarrow as pa

        names = batch.schema.names
        columns = [self._values(column, pa) for column in batch.columns]
        for values in zip(*columns, strict=True):
            refused = next((value for value in values if isinstance(value, DataError)), None)
            yield refused or dict(zip(names, values, strict=True))

    def _values(self, column: Any, pa: Any) -> list[object]:
        """Return one column's values; a `DataError` stands in for one that cannot be read."""
        if pa.types.is_dictionary(column.type):
            values = self._texts(column.dictionary, pa)
            return [None if i is None else values[i] for i in column.indices.to_pylist()]
        if _is_text(column.type, pa):
            return self._texts(column, pa)
        if pa.types.is_timestamp(column.type):
            return _instants(column, pa)
        return [_plain(value) for value in column]

    def _texts(self, column: Any, pa: Any) -> list[object]:
        limit = self.settings.max_item_kb * 1024
        texts: list[object] = []
        for value in column.cast(pa.large_binary()):
            buffer = value.as_buffer()
            if buffer is None:
                texts.append(None)
            elif buffer.size > 4 * limit:  # UTF-8 takes up to 4 bytes a character
                texts.append(too_long(f"{buffer.size // 1024:,} kB", self.settings))
            else:
                # Invalid UTF-8 comes as lone surrogates; the row that holds them is rejected.
                texts.append(buffer.to_pybytes().decode("utf-8", "surrogateescape"))
        return texts


def _is_text(kind: Any, pa: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _instants(column: Any, pa: Any) -> list[object]:
    """Return datetimes, aware if the column has a zone; parts of a microsecond are rounded up."""
    per_unit = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}[column.type.unit]
    zero = EPOCH if column.type.tz else EPOCH.astimezone(UTC).replace(tzinfo=None)
    instants: list[object] = []
    for count in column.cast(pa.int64()).to_pylist():
        if count is None:
            instants.append(None)
            continue
        try:
            micros = count * per_unit if per_unit else -(-count // 1_000)
            instants.append(zero + timedelta(microseconds=micros))
        except OverflowError:
            instants.append(
                DataError(
                    "no such date or time",
                    given=f"{count} {column.type}",
                    wanted="a time in the years 1 to 9999",
                )
            )
    return instants


def _plain(value: Any) -> object:
    try:
        return value.as_py()
    except (ValueError, OverflowError) as error:
        return DataError("a value that cannot be read", given=str(error), wanted="text or a time")
