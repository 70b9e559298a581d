"""Identities come from content and position: the same cause, the same id, on every machine."""

import os
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from msgspec.structs import replace

from contracts.identity import digest, intent_id
from contracts.intents import IntentDraft
from tests.contracts.messages import messages

GOLDEN = "671bf8f92c3396226b8cbfbe604fdd4b"

# The msgpack of (strategy, source, sequence, symbol, side, target, urgency, slippage), spelled by hand.
CAUSE = (
    b"\x98" + b"\xa5trend" + b"\xa4es-1" + b"\x0c" + b"\xa2ES" + b"\xa4long"
    + b"\xcb" + struct.pack(">d", 250_000.0) + b"\xa3low" + b"\x05"
)  # fmt: skip

PROGRAM = """
from contracts.identity import intent_id
from contracts.intents import IntentDraft
print(intent_id("trend", "es-1", 12, IntentDraft(
    symbol="ES", side="long", target_notional=250000.0, urgency="low", max_slippage_bps=5)))
"""


def test_an_id_is_what_it_was(draft):
    """Journals hold these ids; a change of the recipe would answer an old intent twice."""
    assert intent_id("trend", "es-1", 12, draft) == GOLDEN
    assert digest(CAUSE) == GOLDEN


def test_the_digest_of_no_bytes_is_blake2b_128():
    assert digest(b"") == "cae66941d9efbd404e4d88758ea67670"


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_id_does_not_depend_on_the_process(hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == GOLDEN


@given(messages(IntentDraft))
def test_wording_makes_no_other_intent(any_draft):
    reworded = replace(any_draft, explain="other words")
    assert intent_id("trend", "es-1", 1, any_draft) == intent_id("trend", "es-1", 1, reworded)


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "NQ"},
        {"side": "short"},
        {"target_notional": 250_000.000_000_1},
        {"urgency": "high"},
        {"max_slippage_bps": 6},
    ],
)
def test_another_wish_is_another_intent(draft, change):
    assert intent_id("trend", "es-1", 12, replace(draft, **change)) != GOLDEN


@pytest.mark.parametrize("cause", [("pairs", "es-1", 12), ("trend", "es-2", 12), ("trend", "es-1", 13)])
def test_another_cause_is_another_intent(draft, cause):
    assert intent_id(*cause, draft) != GOLDEN
