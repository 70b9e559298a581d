"""What the recorder makes of one message. See services/recorder/intake.py."""

import pytest

from contracts import codec
from contracts.market import Clock
from contracts.operations import DeadCause
from services.recorder.intake import Intake
from streams.bus import Message
from streams.journal.writer import JournalWriter
from tests.approvals import approval

FORGED = approval(lots=99)


def message(stream: str, subject: str, payload: bytes) -> Message:
    return Message(subject, payload, {}, stream=stream, stream_seq=1, ts_store_ns=1)


@pytest.mark.parametrize(
    ("stream", "subject"),
    [("INTENTS_DRILL", "intent.proposed.drill.ES"), ("MARKET", "md.clock"), ("FEATURES", "feat.core.CME.ES")],
)
def test_a_verdict_outside_its_stream_is_a_forgery_and_kept_as_bytes(tmp_path, stream, subject):
    writer = JournalWriter(tmp_path)
    letter = Intake(writer).take(message(stream, subject, codec.encode(FORGED)))
    writer.flush()

    assert letter is not None
    assert letter.cause is DeadCause.UNDECODABLE
    assert "holds a Verdict" in letter.detail
    assert [path for path in tmp_path.rglob("*.parquet") if "verdicts" in path.name] == []


def test_a_verdict_in_its_stream_is_a_row(tmp_path):
    writer = JournalWriter(tmp_path)
    letter = Intake(writer).take(message("VERDICTS", "risk.verdict.trend.ES", codec.encode(FORGED)))
    writer.flush()

    assert letter is None
    assert len([path for path in tmp_path.rglob("*.parquet") if "verdicts" in path.name]) == 1


def test_event_time_is_that_of_the_market_alone(tmp_path):
    intake = Intake(JournalWriter(tmp_path))
    intake.take(message("MARKET", "md.clock", codec.encode(Clock(source="es", ts_event_ns=5, ts_recv_ns=0))))
    intake.take(message("VERDICTS", "risk.verdict.trend.ES", codec.encode(FORGED)))

    assert intake.ts_event_ns == 5
