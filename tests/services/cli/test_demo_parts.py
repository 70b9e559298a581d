"""The demo's parts, without a stack. See services/cli/demo/."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from contracts import subjects
from contracts.codec import Undecodable, decode, encode
from contracts.columns import feature_layout, pack
from contracts.features import FeatureBatch
from contracts.intents import Intent
from contracts.market import TRADE_COLUMNS, Clock, TickBatch
from contracts.states import BreakerChanged, BreakerState
from contracts.verdicts import DenyCode, Outcome, Verdict
from services.cli.demo.drill import faults_needed, hostile_bodies
from services.cli.demo.picture import Picture, Rate
from services.cli.demo.scene import Scene, local_time
from services.cli.demo.show import Lines, LivePicture, line_of, show_for, table_of
from services.kit.gate_config import LIMITS
from services.kit.layout import Run
from streams.journal.reader import intent_id_of as peek_identity

SECOND_NS = 1_000_000_000


def make_verdict(**overrides) -> Verdict:
    fields = {
        "intent_id": "a" * 32, "principal": "predict", "strategy_id": "trend", "symbol": "ES",
        "outcome": Outcome.APPROVED, "code": None, "checks": (), "lots": 3, "target_lots": 3,
        "mark_price_micro": 1, "mark_source": "es", "mark_seq": 1, "gate_seq": 1, "gate_ts_ns": 1,
        "expires_ts_ns": 2, "chain": "b" * 64, "epoch": 1, "basis_recv_ns": 1_000_000,
    }  # fmt: skip
    return Verdict(**(fields | overrides))


def picture_of(*verdicts: Verdict, now_ns: int = 3_000_000) -> Picture:
    picture = Picture()
    for verdict in verdicts:
        picture.take(subjects.verdict("trend", "ES"), encode(verdict), now_ns)
    return picture


def test_the_scene_is_twenty_busy_minutes_in_one():
    scene = Scene()

    assert (local_time(scene.from_ns), local_time(scene.to_ns)) == ("10:20:00", "10:40:00")
    assert scene.wall_s == 60.0
    assert scene.progress(scene.from_ns + 300 * SECOND_NS) == 0.25
    assert (scene.progress(0), scene.progress(2**62)) == (0.0, 1.0)


def test_verdicts_are_counted_by_code_and_lots_without_sign():
    denied = make_verdict(outcome=Outcome.DENIED, code=DenyCode.RESTRICTED, lots=0)
    picture = picture_of(make_verdict(lots=3), make_verdict(lots=-2), denied)

    assert dict(picture.verdicts) == {"APPROVED": 2, "RESTRICTED": 1}
    assert picture.approved_lots == 5
    assert picture.decided == 3


def test_latency_is_wall_time_from_the_feed_s_flush_and_needs_one():
    picture = picture_of(make_verdict(), make_verdict(basis_recv_ns=0), now_ns=3_500_000)

    assert list(picture.latencies_ms) == [2.5]
    assert (picture.latency_ms(0.5), Picture().latency_ms(0.5)) == (2.5, 0.0)


def test_a_breaker_that_opens_is_a_trip_and_a_piece_of_news():
    picture = Picture()
    change = BreakerChanged(
        name="invalid_input", key="drill", previous=BreakerState.CLOSED, state=BreakerState.OPEN,
        cause="fault", faults=3, gate_seq=1, ts_event_ns=1,
    )  # fmt: skip
    picture.take(subjects.breaker("invalid_input"), encode(change), 0)

    assert picture.trips == 1
    assert list(picture.news) == ["breaker invalid_input of drill: CLOSED -> OPEN"]


def test_bytes_that_nobody_can_read_are_counted_and_stop_nothing():
    picture = Picture()
    picture.take(subjects.verdict("trend", "ES"), b"\xc1", 0)

    assert picture.undecodable == 1


def test_rows_that_are_said_twice_are_counted_once():
    columns = {name: np.arange(1, 4).astype(kind) for name, kind in TRADE_COLUMNS}
    batch = TickBatch(
        source="es", venue="CME", symbol="ES", kind="trade", first_seq=1, count=3, ts_recv_ns=0,
        columns=pack(TRADE_COLUMNS, columns),
    )  # fmt: skip
    rows = {name: np.arange(1, 4).astype(kind) for name, kind in feature_layout(("vwap",))}
    features = FeatureBatch(
        set="core", source="es", venue="CME", symbol="ES", names=("vwap",), count=3, ts_recv_ns=0,
        columns=pack(feature_layout(("vwap",)), rows),
    )  # fmt: skip
    picture = Picture()
    for _ in range(2):
        picture.take(subjects.trade("CME", "ES"), encode(batch), 0)
        picture.take(subjects.features("core", "CME", "ES"), encode(features), 0)

    assert (picture.ticks.total, picture.features.total) == (3, 3)


def test_a_rate_is_that_of_the_last_seconds():
    rate = Rate()
    assert rate.per_s(0.0) == 0.0
    for second in range(1, 11):
        rate.add(100 if second > 5 else 10)
        shown = rate.per_s(float(second))

    assert shown == pytest.approx(100.0)
    assert rate.total == 550


def test_the_drill_sends_what_no_decoder_takes_and_all_but_one_show_an_identity():
    bodies = hostile_bodies(4, "run")

    for body in bodies:
        with pytest.raises(Undecodable):
            decode(Intent, body)
    assert [bool(peek_identity(body)) for body in bodies] == [True, True, True, False]
    assert len({*bodies}) == 4
    assert bodies == hostile_bodies(4, "run")


def test_the_drill_sends_as_many_as_the_limits_need(tmp_path):
    run = Run(tmp_path)
    run.create()
    limits = {"breakers": {"invalid_input": {"faults_to_open": 7}}}
    (run.config / LIMITS).write_text(json.dumps(limits))

    assert faults_needed(run) == 7


def test_without_a_terminal_the_demo_prints_lines_without_control_characters():
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    show = show_for(console, Scene())
    assert isinstance(show, Lines)
    with show:
        show.say("[run] " + "x" * 200)
        show.draw(picture_of(make_verdict()))
        show.draw(picture_of(make_verdict()))

    lines = console.file.getvalue().splitlines()
    assert lines[0] == "[run] " + "x" * 200
    assert len(lines) == 2, "figures come every few seconds, not at every call"
    assert "\x1b" not in console.file.getvalue()


def test_on_a_terminal_the_same_figures_are_drawn_with_words_for_every_colour():
    console = Console(file=io.StringIO(), force_terminal=True, width=100, no_color=True)
    assert isinstance(show_for(console, Scene()), LivePicture)
    denied = make_verdict(outcome=Outcome.DENIED, code=DenyCode.RESTRICTED, lots=0)
    console.print(table_of(picture_of(make_verdict(), denied), Scene(), 1.0))

    drawn = console.file.getvalue()
    assert all(word in drawn for word in ("approved", "3 lots", "denied", "RESTRICTED", "latency"))


def test_a_line_tells_time_progress_rates_verdicts_and_latency():
    picture, scene = picture_of(make_verdict()), Scene()
    clock = Clock(source="es", ts_event_ns=scene.from_ns + 600 * SECOND_NS, ts_recv_ns=0)
    picture.take(subjects.CLOCK, encode(clock), 0)

    line = line_of(picture, scene, 0.0)
    assert line.startswith("10:30:00  50%  ticks 0 (0/s)")
    assert "verdicts APPROVED 1  breakers none moved  latency p50 2.0 ms p99 2.0 ms" in line
