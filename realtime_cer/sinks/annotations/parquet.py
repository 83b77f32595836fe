"""The rows as a Parquet table: the columns of the CSV file, typed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_cer.records import Decision
from realtime_cer.sinks.tables import csv_header, to_csv

_WORDS = ("label", "reason", "rule", "weights")
_COUNTS = ("seq", "dropped")


def write_parquet(path: Path, rows: Sequence[Decision], facts: Mapping[str, str]) -> None:
    """Write a row for each decision, nulls where nothing is known.

    Parameters
    ----------
    path : of the file
    rows : the decisions
    facts : kept beside the columns, under the key ``realtime-cer``, as JSON
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds: dict[str, Any] = dict.fromkeys(_WORDS, pa.string()) | dict.fromkeys(_COUNTS, pa.int64())
    schema = pa.schema(
        [(name, pa.string() if name.startswith("engine_") else kinds.get(name, pa.float64())) for name in csv_header()],
        metadata={"realtime-cer": json.dumps(dict(facts))},
    )
    cells = [to_csv(row) for row in rows]
    table = pa.Table.from_pydict({name: [row[i] for row in cells] for i, name in enumerate(schema.names)}, schema)
    # Opened here, so that a disk that fails is told in the system's own words.
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
