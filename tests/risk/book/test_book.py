"""Positions and approvals, against plain sums."""

from hypothesis import given, settings
from hypothesis import strategies as st

from risk.book.approvals import Approval, Approvals
from risk.book.positions import Positions

STRATEGIES, SYMBOLS = st.sampled_from(["trend", "pairs"]), st.sampled_from(["ES", "SYNTH"])
LOTS = st.integers(-5, 5)


@settings(deadline=None)
@given(st.lists(st.tuples(STRATEGIES, SYMBOLS, LOTS), max_size=30))
def test_positions_are_the_sums_of_their_fills(fills):
    positions = Positions()
    for fill in fills:
        positions.fill(*fill)

    for symbol in ("ES", "SYNTH"):
        assert positions.held_in(symbol) == sum(lots for _, s, lots in fills if s == symbol)
        for strategy in ("trend", "pairs"):
            assert positions.held((strategy, symbol)) == sum(
                lots for t, s, lots in fills if (t, s) == (strategy, symbol)
            )
    assert positions.disagreements() == []
    assert Positions(positions.holdings()).holdings() == positions.holdings()
    assert all(lots for _, _, lots in positions.holdings())


def test_a_sum_that_is_not_the_sum_is_found():
    positions = Positions([("trend", "ES", 2)])
    positions._lots_of_symbol["ES"] = 3
    assert positions.disagreements() == ["ES"]

    approvals = Approvals([Approval("predict", "a", "trend", "ES", 2, 10)])
    approvals._long["ES"] = 1
    assert approvals.disagreements() == ["ES"]


OPENED = st.lists(st.tuples(STRATEGIES, SYMBOLS, LOTS.filter(bool), st.integers(1, 20)), max_size=15)
EVENTS = st.lists(st.tuples(st.integers(0, 14), LOTS, st.integers(0, 3)), max_size=30)


@settings(deadline=None)
@given(OPENED, EVENTS)
def test_open_lots_shrink_by_fills_never_beyond_zero_and_lapse(opened, events):
    approvals, left, now_ns = Approvals(), {}, 0
    for number, (strategy, symbol, lots, expires) in enumerate(opened):
        approvals.open(Approval("predict", str(number), strategy, symbol, lots, expires))
        left[number] = lots
    for number, lots, gap in events:
        now_ns += gap
        approvals.lapse(now_ns)
        left = {n: rest for n, rest in left.items() if opened[n][3] > now_ns}
        if number < len(opened):
            approvals.fill("predict", str(number), *opened[number][:2], lots)
        if number in left and lots * left[number] > 0:
            rest = left[number] - lots
            left[number] = rest if rest * left[number] > 0 else 0

        for symbol in ("ES", "SYNTH"):
            rests = [rest for n, rest in left.items() if opened[n][1] == symbol]
            assert approvals.long_in(symbol) == sum(rest for rest in rests if rest > 0)
            assert approvals.short_in(symbol) == -sum(rest for rest in rests if rest < 0)
            for strategy in ("trend", "pairs"):
                assert approvals.net((strategy, symbol)) == sum(
                    rest for n, rest in left.items() if opened[n][:2] == (strategy, symbol)
                )
    assert approvals.disagreements() == []
    assert [approval.lots for approval in approvals.approvals()] == [
        left[int(approval.intent_id)] for approval in approvals.approvals()
    ]
    assert len(approvals.approvals()) == sum(bool(rest) for rest in left.values())
