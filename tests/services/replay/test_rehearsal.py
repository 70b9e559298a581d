"""A rehearsal is a run: the same seed gives the same bytes, and its parts agree."""

from services.kit.layout import Run
from services.kit.recovery import recover_gate
from services.prove.doctored import copy_of
from services.replay.rehearsal import Rehearsal
from services.replay.scene import play
from streams.journal.gatelog import read_records
from streams.journal.hashes import journal_hashes
from streams.journal.reader import Journal


def rehearse(directory, seed, **settings):
    with Rehearsal(Run(directory), **settings) as rehearsal:
        play(rehearsal, seed, steps=60)
    return rehearsal


def test_the_same_seed_gives_the_same_run_and_another_another(tmp_path):
    first, again, other = (rehearse(tmp_path / str(n), seed) for n, seed in enumerate((5, 5, 6)))

    assert first.gate.chain == again.gate.chain != other.gate.chain
    assert journal_hashes(first.run.journal) == journal_hashes(again.run.journal)
    log = "records.log"
    assert (first.run.gate / log).read_bytes() == (again.run.gate / log).read_bytes()


def test_recovery_from_a_snapshot_and_from_the_whole_log_gives_the_same_chain(short_run, tmp_path):
    with_snapshots, without = copy_of(short_run, tmp_path / "with"), copy_of(short_run, tmp_path / "without")
    for path in (without.gate / "snapshots").iterdir():
        path.unlink()

    recovered, full = recover_gate(with_snapshots), recover_gate(without)
    for each in (recovered, full):
        each.log.close()

    assert recovered.from_snapshot > 0
    assert full.from_snapshot == 0
    assert recovered.gate.chain == full.gate.chain
    assert recovered.gate.state_hash() == full.gate.state_hash()


def test_every_intent_of_the_gates_order_stands_in_the_journal_with_its_verdict(short_run):
    asked = [record for record in read_records(short_run.gate / "records.log") if record.kind == "intent"]
    with Journal(short_run.directory) as journal:
        intents = journal.sql("SELECT count(*) FROM intents").fetchall()[0][0]
        raw = journal.sql("SELECT count(*) FROM raw").fetchall()[0][0]
        answered = journal.sql(
            "SELECT count(*) FROM intents JOIN verdicts USING (principal, intent_id)"
        ).fetchall()[0][0]

    assert len(asked) == intents + raw
    assert answered == intents
