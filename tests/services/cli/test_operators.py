"""Commands of operators against a broker and a gate that is played. See services/cli/operators.py."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from contracts import subjects
from contracts.codec import decode, encode
from contracts.control import CommandAnswered, OperatorCommand, RefusalCode
from contracts.operations import Heartbeat
from services.cli import operators
from services.cli.operators import Given, told
from services.cli.trouble import Trouble, Unknown
from services.kit.live import Live

GATE_SEQ, GATE_TS_NS = 41, 1_378_221_600_000_000_000


def answer_of(**overrides) -> CommandAnswered:
    fields = {
        "command": "reset", "operator": "operator1", "nonce": "0" * 32, "is_accepted": True, "code": None,
        "found": 0, "allowed": 0, "waits_for_second": False, "gate_seq": 42, "ts_event_ns": GATE_TS_NS,
    }  # fmt: skip
    return CommandAnswered(**(fields | overrides))


def live_of(broker) -> Live:
    return Live(
        pid=0, run_id="run", nats_url=broker.url, monitor_url="", broker_pid=0,
        seeds=str(broker.run_dir / "seeds"), metrics_ports={}, ts_started_ns=0,
    )  # fmt: skip


@asynccontextmanager
async def played_gate(broker, bus_of, **answer):
    """A gate that beats, and answers every command with these fields. Gives the commands it saw."""
    seen: list[OperatorCommand] = []
    beat = Heartbeat(
        service="gate", run_id="run", is_ready=True, is_ok=True, cause="", ts_event_ns=GATE_TS_NS,
        position=GATE_SEQ, ts_recv_ns=0,
    )  # fmt: skip

    async def beats(bus):
        while True:
            await bus.publish(subjects.heartbeat("gate"), encode(beat))
            await asyncio.sleep(0.02)

    async def answers(bus):
        async for batch in bus.read("CONTROL"):
            for message in batch:
                command = decode(OperatorCommand, message.payload)
                seen.append(command)
                reply = answer_of(**({"command": command.command, "nonce": command.nonce} | answer))
                await bus.publish_acked(
                    subjects.AUDIT_COMMAND, encode(reply), msg_id=command.nonce, stream="AUDIT"
                )

    async with bus_of(broker, "gate") as bus:
        tasks = [asyncio.create_task(beats(bus)), asyncio.create_task(answers(bus))]
        try:
            yield seen
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_command_is_stamped_with_what_the_operator_saw_and_answered(broker, bus_of):
    async with played_gate(broker, bus_of, waits_for_second=True) as seen:
        given = await operators._give(live_of(broker), "reset", "operator1", "all is well")

    assert given.answer.waits_for_second
    assert given.stored_seq == 1
    (command,) = seen
    assert (command.command, command.operator, command.reason) == ("reset", "operator1", "all is well")
    assert command.expected_gate_seq == GATE_SEQ
    assert command.expires_ts_ns == GATE_TS_NS + operators.VALID_NS


async def test_two_commands_never_share_a_nonce(broker, bus_of):
    async with played_gate(broker, bus_of) as seen:
        for _ in range(2):
            await operators._give(live_of(broker), "reset", "operator1", "all is well")

    assert seen[0].nonce != seen[1].nonce


async def test_a_kill_is_stored_also_while_the_gate_is_dead(broker, bus_of, monkeypatch):
    monkeypatch.setattr(operators, "BEAT_WAIT_S", 0.05)
    given = await operators._give(live_of(broker), "kill", "operator2", "smoke")

    assert given.answer is None
    assert "stored (CONTROL 1), but the gate did not answer" in told(given)
    async with bus_of(broker, "viewer") as viewer:
        stored = await viewer.last_message("CONTROL", subjects.control("kill", "operator2"))
    assert decode(OperatorCommand, stored.payload).reason == "smoke"


async def test_a_reset_is_not_given_to_a_gate_that_is_not_heard(broker, bus_of, monkeypatch):
    monkeypatch.setattr(operators, "BEAT_WAIT_S", 0.05)

    with pytest.raises(Trouble, match="the gate is not heard"):
        await operators._give(live_of(broker), "reset", "operator1", "all is well")

    async with bus_of(broker, "viewer") as viewer:
        assert (await viewer.stream_state("CONTROL")).last_seq == 0


async def test_a_gate_that_beats_but_does_not_answer_is_told_in_time(broker, bus_of, monkeypatch):
    monkeypatch.setattr(operators, "ANSWER_WAIT_S", 0.1)
    with pytest.raises(Trouble, match=r"did not answer within 0\.1 s; the reduce is stored \(CONTROL 1\)"):
        async with played_gate(broker, bus_of, nonce="f" * 32):
            await operators._give(live_of(broker), "reduce", "operator1", "calm")


@pytest.mark.parametrize("name", ["nobody", "gate", "admin"])
def test_only_operators_have_a_credential_to_command_with(broker, name):
    with pytest.raises(Unknown, match="operator1, operator2"):
        operators._check_operator(live_of(broker), name)


def test_a_refusal_ends_with_status_1_and_says_why(penstock, monkeypatch, capsys):
    refused = Given(
        command="reset", operator="operator1", stored_seq=7,
        answer=answer_of(is_accepted=False, code=RefusalCode.COOL_OFF, found=25 * 10**8, allowed=60 * 10**9),
    )  # fmt: skip

    async def give(*_arguments):
        return refused

    monkeypatch.setattr(operators, "the_live", lambda _home: None)
    monkeypatch.setattr(operators, "_check_operator", lambda _stack, _operator: None)
    monkeypatch.setattr(operators, "_give", give)

    ended = penstock("reset", "--as", "operator1", "--reason", "all is well")
    assert ended.status == 1
    assert ended.out == ("reset refused: COOL_OFF: 2.5 s of gate time since the kill; 60 s must pass\n")
    assert json.loads(penstock("reset", "--as", "operator1", "--reason", "r", "--json").out)["answer"][
        "code"
    ] == ("COOL_OFF")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (RefusalCode.SAME_OPERATOR, "another operator"),
        (RefusalCode.NOTHING_TO_RESET, "does not call for it"),
        (RefusalCode.EXPIRED, "give it again"),
        (RefusalCode.NOT_SEEN, "sequence 3"),
        (RefusalCode.NONCE_REUSED, "NONCE_REUSED"),
        (RefusalCode.MALFORMED, "MALFORMED"),
        (RefusalCode.SUBJECT_MISMATCH, "SUBJECT_MISMATCH"),
    ],
)
def test_every_refusal_is_told_with_its_code_and_what_helps(code, says):
    answer = answer_of(is_accepted=False, code=code, found=3, allowed=4)
    text = told(Given(command="reset", operator="operator1", stored_seq=1, answer=answer))

    assert code in text
    assert says in text


@pytest.mark.parametrize(
    ("command", "says"), [("kill", "nothing is approved"), ("reduce", "nearer to flat"), ("reset", "ACTIVE")]
)
def test_what_is_in_force_is_told_with_its_sequence(command, says):
    text = told(Given(command=command, operator="operator1", stored_seq=1, answer=answer_of(command=command)))

    assert "sequence 42" in text
    assert says in text
