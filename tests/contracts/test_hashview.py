"""Hash views: two honest runs agree on them, and any difference that matters changes them."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.catalogue import MESSAGES
from contracts.gate import GateRecord, RecordKind
from contracts.hashview import RowHash, stable_fields, view
from contracts.intents import Intent
from contracts.market import Clock
from contracts.verdicts import Verdict
from tests.contracts.messages import messages, values

few = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
VOLATILE_OF = {
    Intent: {"ts_recv_ns"},
    Verdict: {"chain", "epoch", "basis_recv_ns"},
    GateRecord: {"stream_seq", "incarnation"},
    Clock: {"ts_recv_ns"},
}


def fields_of(message_type):
    return {field.name: field.type for field in msgspec.inspect.type_info(message_type).fields}


@pytest.mark.parametrize("message_type", VOLATILE_OF, ids=lambda item: item.__name__)
def test_exactly_the_volatile_fields_are_left_out(message_type):
    assert fields_of(message_type).keys() - set(stable_fields(message_type)) == VOLATILE_OF[message_type]


@pytest.mark.parametrize("message_type", MESSAGES, ids=lambda item: item.__name__)
@few
@given(st.data())
def test_a_volatile_field_has_no_say_and_every_other_one_has(message_type, data):
    message = data.draw(messages(message_type))
    stable = stable_fields(message_type)
    for name, kind in fields_of(message_type).items():
        other = data.draw(values(kind))
        changed = msgspec.structs.replace(message, **{name: other})
        differs = msgspec.msgpack.encode(other) != msgspec.msgpack.encode(getattr(message, name))
        assert (view(changed) != view(message)) == (differs and name in stable), name


@pytest.mark.parametrize("message_type", MESSAGES, ids=lambda item: item.__name__)
@few
@given(st.data())
def test_the_view_survives_the_wire(message_type, data):
    message = data.draw(messages(message_type))
    assert view(msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=message_type)) == view(message)


def test_the_view_of_a_record_is_what_it_was():
    """Recorded chains rest on these bytes: a change here is a new version of the message."""
    record = GateRecord(
        seq=7, kind=RecordKind.TIMER, gate_ts_ns=1_378_000_000_000_000_000, stream_seq=12, incarnation="a"
    )
    assert view(record).hex() == ("9b07a574696d6572cf131fa3b2f47d0000c400a0a0a09090c390")


@given(st.lists(st.binary(max_size=20), max_size=8), st.integers(0, 8))
def test_a_running_hash_does_not_see_where_it_was_cut(rows, cut):
    whole, parts = RowHash(), RowHash()
    for row in rows:
        whole.update(row)
    for part in (rows[:cut], rows[cut:]):
        parts.update(b"".join(part), rows=len(part))
    assert (whole.rows, whole.hexdigest()) == (parts.rows, parts.hexdigest())


def test_an_empty_hash_is_that_of_no_bytes():
    assert RowHash().hexdigest() == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
