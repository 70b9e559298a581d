"""What a stack stands on. See services/cli/stack.py."""

import asyncio

import pytest

from contracts import subjects
from services.cli.buses import open_bus
from services.cli.stack import StackOptions, ground_of
from services.kit.layout import Home
from streams import strategies
from streams.bus import BrokerFailed, BusError


def test_a_rule_that_is_found_may_propose_without_another_word(tmp_path, monkeypatch):
    found = strategies.STRATEGIES | {"flipper": strategies.STRATEGIES["trend"]}
    monkeypatch.setattr(strategies, "STRATEGIES", found)

    async def propose(ground) -> str:
        async with open_bus(ground.live, "predict") as predict:
            subject = subjects.intent_proposed("flipper", "ES")
            ack = await predict.publish_acked(subject, b"1", msg_id="1", stream="INTENTS_PREDICT")
            return ack.stream

    with ground_of(Home(tmp_path), StackOptions(new_run=True), print) as ground:
        assert asyncio.run(propose(ground)) == "INTENTS_PREDICT"


def test_a_run_whose_broker_does_not_come_up_is_unmade_and_the_current_one_stays(tmp_path, monkeypatch):
    home = Home(tmp_path)
    with ground_of(home, StackOptions(new_run=True), print) as ground:
        made = ground.run
    monkeypatch.setattr("streams.bus.server.find_binary", _no_binary)

    with pytest.raises(BusError), ground_of(home, StackOptions(new_run=True), print):
        pass
    assert home.run_ids() == [made.run_id]
    assert home.current_run() == made


def _no_binary():
    raise BrokerFailed("no nats-server here")
