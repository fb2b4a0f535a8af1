"""Between reading a file and storing it: what passed waits in a nameless temporary file until the whole file is known to be good.

The file has no name, so that nothing of it is left when the process is killed; identity is encrypted before it gets there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

STORE_ROWS = 50_000  # of one transaction: other writers wait for it, about a second


class Staging:
    """Tables of rows in the order of the file, and of each row two hashes: its key's and its content's (8 bytes each, in memory)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 closed in __exit__
        self._writer: pa.RecordBatchFileWriter | None = None
        self._keys: list[NDArray[Any]] = []
        self._contents: list[NDArray[Any]] = []
        self.count = 0
        self.duplicates = 0
        self.corrected = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    def places(self, keys: NDArray[Any], contents: NDArray[Any]) -> NDArray[Any]:
        """Note the next rows and return their places."""
        self._keys.append(keys)
        self._contents.append(contents)
        first, self.count = self.count, self.count + len(keys)
        return np.arange(first, self.count)

    def add(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_file(self._file, table.schema)
        self._writer.write_table(table)

    def settle(self) -> None:
        """Decide which rows stand: of several with one key the last; equal ones are `duplicates`, others were `corrected`."""
        keys, contents = (np.concatenate(parts) if parts else np.empty(0, np.uint64) for parts in (self._keys, self._contents))
        self._keys, self._contents = [], []
        _, places, group = np.unique(keys[::-1], return_index=True, return_inverse=True)
        last = (len(keys) - 1 - places)[group][::-1]  # of each row the place of the row that stands for its key
        self._stands = last == np.arange(len(keys))
        same = contents == contents[last]
        self.duplicates = int((~self._stands & same).sum())
        self.corrected = int((~self._stands & ~same).sum())

    def tables(self) -> Iterator[tuple[pa.Table, float]]:
        """Yield the tables with the rows that stand, each with the share that is done after it. After `settle`."""
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        self._file.seek(0)
        reader = pa.ipc.open_file(self._file)
        for number in range(reader.num_record_batches):
            table = pa.Table.from_batches([reader.get_batch(number)])
            table = table.filter(pa.array(self._stands[table["row"].to_numpy()])).sort_by("row")
            for start in range(0, len(table), STORE_ROWS):
                part = table.slice(start, STORE_ROWS)
                yield part, (number + min(1.0, (start + STORE_ROWS) / len(table))) / reader.num_record_batches
