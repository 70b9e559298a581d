"""The golden run: what an earlier version recorded, this version reads and makes again."""

import json
import shutil

import numpy as np
import pytest

from risk.gate import Gate
from services.kit.layout import Run
from services.kit.recovery import recover_gate
from services.prove.doctored import Flip, copy_of, flip
from services.replay.inputs import write_inputs
from services.replay.recompute import JOURNAL, Options, recompute
from services.replay.verify import verify
from streams.journal.gatelog import read_records
from streams.journal.hashes import output_messages
from streams.journal.reader import Journal
from streams.journal.rows import chunks, journal_files
from tests.replay import bit_equality
from tests.replay.bit_equality import differing, made_on
from tests.replay.make_golden import GOLDEN, fingerprint

ABOUT = json.loads((GOLDEN / "about.json").read_text())

EXPECTED_ROWS = {
    "trades": ABOUT["ticks"] - 110,
    "quotes": 110,
    "clocks": 110,
    "features": ABOUT["ticks"] - 110,
    "commands": 1,
    "raw": 2,
}


def bit_equal_here():
    if found := differing(fingerprint(), made_on()):
        pytest.skip(f"floats are bit-equal only where the golden run was made: {'; '.join(found)}")


def test_every_table_of_it_can_be_read():
    with Journal(GOLDEN) as journal:
        assert journal.problems == []
        for table, rows in EXPECTED_ROWS.items():
            assert journal.sql(f"SELECT count(*) FROM {table}").fetchall() == [(rows,)], table
        outcomes = journal.sql(
            "SELECT outcome, count(*) > 0 FROM verdicts GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        records = journal.sql("SELECT max(seq) FROM gate_records").fetchall()
    assert outcomes == [("APPROVED", True), ("DENIED", True)]
    assert records == [(ABOUT["gate_seq"],)]


def test_its_gate_order_gives_its_chain_on_any_machine():
    gate = Gate()
    verdicts = [
        decision.verdict
        for record in read_records(GOLDEN / "gate" / "records.log")
        if (decision := gate.decide(record, epoch=1)).verdict is not None
    ]

    assert gate.chain == ABOUT["chain"]
    assert verdicts == [
        stored.message for stored in output_messages(journal_files(GOLDEN / "journal"), "verdicts")
    ]


def test_its_snapshots_are_read_or_passed_over_and_recovery_gives_its_chain(tmp_path):
    recovered = recover_gate(copy_of(Run(GOLDEN), tmp_path))
    recovered.log.close()

    assert recovered.gate.chain == ABOUT["chain"]


def test_its_replay_verifies():
    bit_equal_here()

    found = verify(Run(GOLDEN))

    assert found.passed, found.first
    assert found.notes == []
    assert found.recomputed_hash == found.recorded_hash
    assert found.recomputed is not None
    assert found.recomputed.chain == ABOUT["chain"]


def test_its_features_come_out_alike_on_any_machine(tmp_path):
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    write_inputs(Run(GOLDEN), inputs)
    recompute(inputs, outputs, Options())

    recorded = list(chunks(journal_files(GOLDEN / "journal"), "features"))
    again = list(chunks(journal_files(outputs / JOURNAL), "features"))
    assert [(chunk.key, chunk.names, len(chunk.rows)) for chunk in recorded] == [
        (chunk.key, chunk.names, len(chunk.rows)) for chunk in again
    ]
    for ours, made in zip(recorded, again, strict=True):
        for name in ("price", *ours.names):
            np.testing.assert_allclose(made.rows[name], ours.rows[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            Flip("trades", "price", 700, lambda price: price + 0.25, ("symbol", "ES")),
            "features core/scene/CME/ES seq 701 price",
        ),
        (Flip("verdicts", "target_lots", 0, lambda lots: lots + 1), "target_lots"),
    ],
)
def test_a_doctored_copy_fails_and_is_named(tmp_path, change, named):
    bit_equal_here()
    doctored = copy_of(Run(GOLDEN), tmp_path)
    flip(doctored, change)

    found = verify(doctored)

    assert not found.passed
    assert named in found.first


def test_a_copy_with_a_file_taken_out_fails_and_names_the_hole(tmp_path):
    doctored = copy_of(Run(GOLDEN), tmp_path)
    shutil.rmtree(next(doctored.journal.glob("INTENTS_DRILL")))
    (quotes,) = doctored.journal.glob("MARKET/*/quotes-*.parquet")
    quotes.unlink()

    found = verify(doctored)

    assert not found.passed
    assert any("MARKET stream_seq 3 to 3" in problem for problem in found.problems)
    assert any("INTENTS_DRILL stream_seq 1 to" in problem for problem in found.problems)


def test_ci_is_told_whether_it_was_compared_to_the_bit(monkeypatch, capsys):
    monkeypatch.setattr(bit_equality, "fingerprint", made_on)
    assert bit_equality.main() == 0
    assert "compared to the bit" in capsys.readouterr().out

    monkeypatch.setattr(bit_equality, "fingerprint", lambda: made_on() | {"machine": "another"})
    assert bit_equality.main() == 0
    assert "NOT COMPARED TO THE BIT HERE *** machine is another, was" in capsys.readouterr().out
    monkeypatch.setenv(bit_equality.REQUIRED, "required")
    assert bit_equality.main() == 1
