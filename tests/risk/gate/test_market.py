"""The collar's reference: the mean of the window, rounded half to even, whatever the order of times."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.gate import MarkChange
from contracts.verdicts import DenyCode
from risk.gate.market import Market
from tests.risk.gate_records import START_NS, Bench, make_config, make_limits, make_mark, make_symbol_limits

SECOND_NS = 1_000_000_000


def mark(price_micro: int, ts_event_ns: int) -> MarkChange:
    return MarkChange("FUT", price_micro, ts_event_ns, "tape", 1)


MARKS = st.lists(
    st.tuples(st.integers(1, 10**15), st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=40
)


@settings(deadline=None)
@given(MARKS, st.integers(0, 40))
def test_the_reference_is_the_exact_mean_of_the_marks_in_the_window(steps, window_ns):
    """Against the definition over all marks ever journaled, with event times that may go back."""
    market, journaled, gate_ts_ns = Market(), [], 100
    for price_micro, gap_ns, age_ns in steps:
        gate_ts_ns += gap_ns
        change = mark(price_micro, gate_ts_ns - age_ns)
        market.take_mark(change, gate_ts_ns - window_ns)
        journaled.append(change)
        prices = [m.price_micro for m in journaled[:-1] if m.ts_event_ns > gate_ts_ns - window_ns]
        prices.append(change.price_micro)

        expected = round(Fraction(sum(prices), len(prices)))
        assert market.reference_micro("FUT", gate_ts_ns - window_ns) == expected


@pytest.mark.parametrize(("prices", "mean"), [((1, 2), 2), ((2, 3), 2), ((1, 1, 2), 1), ((1, 2, 2), 2)])
def test_a_tie_goes_to_the_even_micro_unit(prices, mean):
    market = Market()
    for number, price in enumerate(prices):
        market.take_mark(mark(price, number), -1)

    assert market.reference_micro("FUT", -1) == mean


def test_the_newest_mark_counts_however_old_it_is():
    market = Market()
    market.take_mark(mark(5, 1), -1)
    market.take_mark(mark(9, 2), -1)

    assert market.reference_micro("FUT", 100) == 9


def test_a_sudden_price_is_measured_against_the_window_and_not_against_itself():
    """100, 100, 130: the mean is 110, and the worst price 130.13 lies 1,830 bps from it."""
    limits = make_limits(per_symbol={"FUT": make_symbol_limits(collar_bps=1_829)})
    bench = Bench(make_config(limits))
    for second, price_micro in ((1, 100_000_000), (2, 130_000_000)):
        bench.now_ns = START_NS + second * SECOND_NS
        bench.timer(marks=(make_mark(price_micro=price_micro, ts_event_ns=bench.now_ns),))

    verdict = bench.propose().verdict

    assert verdict is not None
    assert verdict.code is DenyCode.PRICE_COLLAR
    assert verdict.denial is not None
    assert verdict.denial.found == 1_830


def test_a_mark_that_left_the_window_does_not_come_back_when_the_window_grows():
    def config(window_ms: int):
        return make_config(make_limits(collar_window_ms=window_ms))

    bench = Bench(config(1_000))
    bench.now_ns += SECOND_NS
    bench.timer(marks=(make_mark(price_micro=200_000_000, ts_event_ns=bench.now_ns),))
    bench.configure(config(60_000))

    assert bench.gate._state.market.reference_micro("FUT", bench.gate._state.cutoff_ns) == 200_000_000


def test_marks_leave_the_window_also_when_no_mark_comes_and_stay_out_when_it_grows():
    bench = Bench(make_config(make_limits(collar_window_ms=1_000)))
    bench.now_ns += SECOND_NS // 2
    bench.timer(marks=(make_mark(price_micro=200_000_000, ts_event_ns=bench.now_ns),))
    bench.now_ns += SECOND_NS // 2
    bench.configure(make_config(make_limits(collar_window_ms=60_000)))

    assert bench.gate._state.market.reference_micro("FUT", bench.gate._state.cutoff_ns) == 200_000_000
