"""The table itself, and the configuration that is made from it."""

import json
from pathlib import Path

import pytest

from ops.authority.config import BrokerSettings, render
from ops.authority.permissions import exports, permissions
from ops.authority.table import INTENT_PRINCIPALS, OPERATORS, Role, service_principals, table

ROLES = {role.principal: role for role in table()}
SETTINGS = BrokerSettings(
    name='odd "name" $HOME', port=1, monitor_port=2, store_dir=Path("/data"), max_file_bytes=3
)


def rendered() -> dict:
    keys = {principal: f"U-{principal}" for principal in ROLES}
    return json.loads(render(SETTINGS, table(), keys))


def test_only_the_provisioner_has_the_whole_api_of_jetstream():
    for name, role in ROLES.items():
        assert ("$JS.API.>" in permissions(role).publish) == (name == "admin")


def test_nobody_subscribes_or_publishes_everything():
    for role in ROLES.values():
        allowed = permissions(role)
        assert not {">", "*", "$JS.>", "_INBOX.>"} & {*allowed.publish, *allowed.subscribe}


def test_everybody_has_an_inbox_of_its_own():
    inboxes = [permissions(role).subscribe[0] for role in ROLES.values()]
    assert inboxes == [f"_INBOX.{name}.>" for name in ROLES]


def test_only_the_gate_publishes_verdicts():
    publishers = [
        n for n, role in ROLES.items() if any(s.startswith("risk.") for s in permissions(role).publish)
    ]
    assert publishers == ["gate"]


def test_the_model_reaches_the_core_by_exactly_its_intents():
    assert exports(table()) == ("intent.proposed.slm.>",)
    accounts = rendered()["accounts"]
    assert accounts["LLM"]["imports"] == [
        {"service": {"account": "CORE", "subject": "intent.proposed.slm.>"}}
    ]
    assert accounts["CORE"]["exports"] == [{"service": "intent.proposed.slm.>", "accounts": ["LLM"]}]
    assert "jetstream" not in accounts["LLM"]
    (user,) = accounts["LLM"]["users"]
    assert user["nkey"] == "U-slm"
    assert user["permissions"]["publish"]["allow"] == ["intent.proposed.slm.>"]
    assert user["permissions"]["subscribe"]["allow"] == ["_INBOX.slm.>"]


def test_every_role_is_a_user_of_its_account_and_of_no_other():
    accounts = rendered()["accounts"]
    users = {name: {user["nkey"] for user in account["users"]} for name, account in accounts.items()}
    assert users == {
        name: {f"U-{role.principal}" for role in ROLES.values() if role.account == name}
        for name in ("CORE", "LLM", "REPLAY", "SYS")
    }


def test_the_broker_listens_on_loopback_and_syncs_always():
    config = rendered()
    assert (config["host"], config["http"]) == ("127.0.0.1", "127.0.0.1:2")
    assert config["jetstream"]["sync_interval"] == "always"
    assert config["jetstream"]["max_file"] == 3
    assert config["server_name"] == SETTINGS.name


def test_a_principal_without_strategies_has_no_stream_and_proposes_nothing():
    roles = {role.principal: role for role in table({"predict": (), "drill": ("drill",)})}
    assert not [s for s in permissions(roles["predict"]).publish if s.startswith("intent.")]
    assert not [s for role in roles.values() for s in permissions(role).publish if "INTENTS_PREDICT" in s]


def test_a_new_principal_gets_a_stream_and_may_propose_only_there():
    roles = {role.principal: role for role in table({**INTENT_PRINCIPALS, "pairs": ("pairs_a", "pairs_b")})}
    assert permissions(roles["pairs"]).publish == ("intent.proposed.pairs_a.>", "intent.proposed.pairs_b.>")
    assert ("INTENTS_PAIRS", "gate") in roles["gate"].consumes


def test_two_roles_of_one_name_are_refused():
    with pytest.raises(ValueError, match="gate: expected one role for each principal"):
        table(operators=("gate",))


def test_a_reader_cannot_take_the_name_of_a_durable():
    reader = permissions(Role(principal="viewer", reads=("INTENTS_DRILL",)))
    assert "$JS.API.CONSUMER.CREATE.*.gate" in reader.publish_denied
    assert "$JS.API.CONSUMER.MSG.NEXT.*.gate" in reader.publish_denied


def test_whoever_is_no_operator_is_a_service():
    assert service_principals() == {role.principal for role in table()} - set(OPERATORS)
