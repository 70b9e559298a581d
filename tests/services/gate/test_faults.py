"""The gate's process when something around it fails: fences, restarts, a lost journal, a silent recorder."""

import msgspec
import pytest
from msgspec.structs import replace

from contracts import codec, subjects
from contracts.control import CommandAnswered
from contracts.gate import GateRecord, RecordKind
from contracts.limits import Limits
from contracts.operations import DeadCause, DeadLetter, Heartbeat
from contracts.states import TradingState, TradingStateChanged
from contracts.verdicts import DenyCode
from risk.gate import Gate
from services.gate import service as gate_service
from services.gate.outputs import Outputs
from services.gate.service import AUDIT_SILENT_S, GateService
from services.kit import recovery
from services.kit.gate_config import LIMITS, load_gate_config
from services.kit.process import HEARTBEAT_S, MustNotReturn
from services.kit.recovery import recover_gate, replay_gate
from services.recorder.service import PROBE_S
from streams.bus import Bus, Conflict, Message
from streams.journal.gatelog import GateLog, JournalUnwritable
from tests.approvals import approval
from tests.services.gate.surroundings import OPEN_NS, SECOND_NS, seen, stored, until


def orphan(around, **fields) -> GateRecord:
    """A record behind the last one, as a gate leaves it that crashes right after its sync."""
    last = around.records()[-1]
    record = GateRecord(seq=last.seq + 1, gate_ts_ns=last.gate_ts_ns, **fields)
    with GateLog.open(around.run.gate / "records.log") as log:
        log.append(codec.encode(record))
    return record


async def test_a_verdict_on_a_subject_that_another_gate_has_answered_on_is_a_conflict(around, broker):
    async with (
        Bus.connect(broker.settings_of("gate")) as one_bus,
        Bus.connect(broker.settings_of("gate")) as two_bus,
    ):
        one, two = (Outputs(around.context(broker, bus)) for bus in (one_bus, two_bus))
        await one.recover()
        await two.recover()
        await one.publish_verdict(approval("a" * 32))
        with pytest.raises(Conflict):
            await two.publish_verdict(approval("b" * 32))
        verdicts = await around.verdicts(1)

    assert [verdict.intent_id for verdict in verdicts] == ["a" * 32]


def beat(*, is_ok: bool = True) -> Message:
    """One word of the recorder."""
    said = Heartbeat(
        service="recorder",
        run_id="test",
        is_ready=True,
        is_ok=is_ok,
        cause="",
        ts_event_ns=0,
        position=0,
        ts_recv_ns=0,
    )
    return Message(subjects.heartbeat("recorder"), codec.encode(said), {})


async def answers_for_the_audit(around, broker, *beats: Message) -> bool:
    """Whether a gate that has heard just this asks on, beyond the audit."""
    async with around.service(broker) as service:
        for each in beats:
            service.take_beat(each)
        await service.handle([stored([], 1, around.intent(1))])
        (verdict,) = await around.verdicts(1)
    return verdict.code is not DenyCode.AUDIT_UNAVAILABLE


async def test_a_recorder_that_can_write_vouches(around, broker):
    assert await answers_for_the_audit(around, broker, beat())


async def test_a_recorder_that_was_never_heard_does_not_vouch(around, broker):
    assert not await answers_for_the_audit(around, broker)


async def test_a_recorder_that_cannot_write_any_more_does_not_vouch(around, broker):
    assert not await answers_for_the_audit(around, broker, beat(), beat(is_ok=False))


async def test_a_recorder_that_says_something_unreadable_no_longer_vouches(around, broker):
    garbage = Message(subjects.heartbeat("recorder"), b"\xc1", {})
    assert not await answers_for_the_audit(around, broker, beat(), garbage)


async def test_a_recorder_that_falls_silent_no_longer_vouches(around, broker, monkeypatch):
    monkeypatch.setattr(gate_service, "AUDIT_SILENT_S", 0.0)  # any time that passes is too long
    assert not await answers_for_the_audit(around, broker, beat())


def test_a_journal_that_cannot_be_written_is_known_to_the_gate_within_a_second():
    """The recorder's probe and its beat one after the other, or its silence."""
    assert PROBE_S + HEARTBEAT_S < 1.0
    assert AUDIT_SILENT_S < 1.0


async def test_snapshots_lie_at_fixed_sequences_and_lead_to_the_same_chain(around, broker, monkeypatch):
    monkeypatch.setattr(gate_service, "SNAPSHOT_EVERY", 4)
    async with around.service(broker) as service:
        acked: list[int] = []
        await service.handle([stored(acked, seq, around.intent(seq)) for seq in range(1, 11)])
    recovered = recover_gate(around.run)
    recovered.log.close()

    found = sorted(path.stem for path in (around.run.gate / "snapshots").glob("*.msgpack"))
    assert found == ["000000000004", "000000000008"]
    assert recovered.from_snapshot == 8
    assert recovered.gate.chain == replay_gate(around.records(), Gate()).chain


async def test_a_snapshot_by_other_code_or_beyond_the_journal_is_not_used(around, broker, monkeypatch):
    monkeypatch.setattr(gate_service, "SNAPSHOT_EVERY", 2)
    async with around.service(broker) as service:
        await service.handle([stored([], 1, around.intent(1))])
    assert recovery.latest_gate(around.run).seq == 2
    assert recovery.latest_gate(around.run, seq_max=1) is None

    monkeypatch.setattr(recovery, "code_digest", lambda: "0" * 64)
    assert recovery.latest_gate(around.run) is None


async def test_a_snapshot_that_cannot_be_written_stops_nothing(around, broker, monkeypatch):
    monkeypatch.setattr(gate_service, "SNAPSHOT_EVERY", 2)
    (around.run.gate / "snapshots").write_text("in the way")
    async with around.service(broker) as service:
        acked: list[int] = []
        await service.handle([stored(acked, 1, around.intent(1))])

    assert acked == [1]


async def test_a_kill_that_was_journaled_and_never_told_is_told_after_the_crash(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
    subject = subjects.control("kill", "operator1")
    record = orphan(around, kind=RecordKind.CONTROL, subject=subject, principal="operator1", stream="CONTROL")
    async with around.gate(broker):
        (answer,) = await around.answers(1)
        states = await around.all_of(TradingStateChanged, "RISK", subjects.RISK_STATE)

    assert [(state.state, state.gate_seq) for state in states] == [(TradingState.HALTED, record.seq)]
    assert isinstance(answer, CommandAnswered)
    assert answer.gate_seq == record.seq


async def test_limits_that_changed_while_it_was_down_are_in_force_after_the_start(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
    path = around.run.config / LIMITS
    limits = codec.decode_json(Limits, path.read_bytes())
    path.write_bytes(msgspec.json.encode(replace(limits, restricted=("ES", "SYNTH"))))
    async with around.gate(broker):
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)

    assert verdict.code is DenyCode.RESTRICTED


async def test_does_not_start_where_it_cannot_journal_its_limits(around, broker):
    async with Bus.connect(broker.settings_of("gate")) as bus:
        recovered = recover_gate(around.run)
        service = GateService(around.context(broker, bus), recovered)
        (around.run.gate / "records.log").rename(around.run.gate / "aside")
        with pytest.raises(JournalUnwritable):
            await service.configure(load_gate_config(around.run))
        recovered.log.close()


async def test_remembers_after_a_restart_what_it_denied_without_a_record(around, broker):
    log, aside = around.run.gate / "records.log", around.run.gate / "aside"
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        log.rename(aside)
        log.mkdir()
        await around.propose(around.intent(1))
        (denied,) = await around.verdicts(1)
    log.rmdir()
    aside.rename(log)
    async with around.gate(broker):
        await around.propose(around.intent(1))
        await around.propose(around.intent(2))
        verdicts = await around.verdicts(2)

    first = [verdict for verdict in verdicts if verdict.intent_id == denied.intent_id]
    assert {verdict.code for verdict in first} == {DenyCode.AUDIT_UNAVAILABLE}
    named = [entry.intent_id for record in around.records() for entry in record.denied_unaudited]
    assert named == [denied.intent_id]


async def test_a_kill_that_could_not_be_journaled_takes_effect_before_anything_else_can(around, broker):
    log, aside = around.run.gate / "records.log", around.run.gate / "aside"
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        log.rename(aside)
        log.mkdir()
        await around.command("kill", "operator1")
        await until(lambda: _is_not_ok(health))
        log.rmdir()
        aside.rename(log)
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)

    assert verdict.code is DenyCode.KILLED


async def _is_not_ok(health) -> bool:
    return not health.is_ok


async def test_names_a_long_outage_in_several_records(around, broker, monkeypatch):
    monkeypatch.setattr(gate_service, "UNAUDITED_MAX", 2)
    log, aside = around.run.gate / "records.log", around.run.gate / "aside"
    async with around.service(broker) as service:
        log.rename(aside)
        log.mkdir()
        await service.handle([stored([], seq, around.intent(seq)) for seq in range(1, 6)])
        log.rmdir()
        aside.rename(log)
        for seq in range(6, 9):
            await service.handle([stored([], seq, around.intent(seq))])

    assert [len(record.denied_unaudited) for record in around.records()] == [0, 2, 2, 1]


async def test_an_identity_whose_verdict_is_gone_is_evidence_and_is_not_decided_again(around, broker):
    async with around.service(broker) as service:
        orphaned = replace(around.intent(1))
        await service.handle([stored([], 1, orphaned)])
        service.outputs._recent.clear()

        async def gone(*_key):
            return None

        service.outputs.first_verdict = gone
        acked: list[int] = []
        await service.handle([stored(acked, 2, orphaned)])
        letters = await around.all_of(DeadLetter, "DEAD", subjects.ALL_DEAD)

    assert acked == [2]
    assert [letter.cause for letter in letters] == [DeadCause.FAILED]
    assert len(around.records()) == 2


async def test_commands_of_another_life_of_the_stream_are_read_from_its_start(around, broker):
    """The broker's store was lost: its new CONTROL starts at 1 again, and its first command counts."""
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
    orphan(
        around,
        kind=RecordKind.CONTROL,
        subject=subjects.control("reduce", "operator1"),
        principal="operator1",
        stream="CONTROL",
        stream_seq=7,
        incarnation="an earlier life",
        body=b"\xc1",
    )
    await around.command("kill", "operator1")
    async with around.gate(broker):
        await around.propose(around.intent(1))
        (verdict,) = await around.verdicts(1)

    assert verdict.code is DenyCode.KILLED


async def test_brings_no_old_mark_back_after_a_restart(around, broker):
    async with around.gate(broker) as health:
        for second in range(3):
            await around.tick(OPEN_NS + second * SECOND_NS, 1640.0 + second)
        await until(lambda: seen(health))
        await around.propose(around.intent(1))
        await around.verdicts(1)
    before = len(around.records())
    async with around.gate(broker):
        await around.propose(around.intent(2, side="flat", notional=0.0))
        verdicts = await around.verdicts(2)

    assert {verdict.mark_price_micro for verdict in verdicts} == {1_642_000_000}
    assert [record.marks for record in around.records()[before:]] == [()] * (len(around.records()) - before)


async def test_buries_a_batch_on_a_foreign_subject_and_takes_no_mark_from_it(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        await around.tick(OPEN_NS, 9_999.0, subject=subjects.trade("SIM", "SYNTH"))
        await around.tick(OPEN_NS + SECOND_NS)
        await until(lambda: _at(health, OPEN_NS + SECOND_NS))
        letters = await around.all_of(DeadLetter, "DEAD", subjects.ALL_DEAD)

    assert [letter.cause for letter in letters] == [DeadCause.SUBJECT_MISMATCH]
    assert 9_999_000_000 not in {mark.price_micro for record in around.records() for mark in record.marks}


async def _at(health, ts_event_ns: int) -> bool:
    return health.ts_event_ns >= ts_event_ns


async def test_a_gate_that_another_one_has_fenced_out_stops_for_good(around, broker):
    async with around.gate(broker) as health:
        await around.tick(OPEN_NS)
        await until(lambda: seen(health))
        async with Bus.connect(broker.settings_of("gate")) as bus:
            rival = Outputs(around.context(broker, bus))
            await rival.recover()
            await rival.publish_verdict(approval("b" * 32))
        await around.propose(around.intent(1))
        error = await around.ended()

    assert _leaves(error, MustNotReturn)


def _leaves(error: BaseException, kind: type[BaseException]) -> bool:
    inside = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return isinstance(error, kind) or any(_leaves(each, kind) for each in inside)
