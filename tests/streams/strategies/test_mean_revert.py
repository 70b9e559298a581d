"""The mean reversion rule. See streams/strategies/mean_revert.py."""

from streams.strategies import Row, Wish
from streams.strategies.mean_revert import MeanRevert, Parameters
from streams.strategies.strategy import FLAT

P = Parameters(enter=2.0, leave=0.5, rsi_stretch=10.0, deviations_per_unit=1.0, units_first=2, units_max=4)


def wish(zscore: float, rsi: float, held: Wish = FLAT) -> tuple[str, int]:
    found = MeanRevert(P).wish(Row("ES", 0, 1640.0, (zscore, rsi)), held)
    return found.side, found.units


def test_enters_against_a_stretch_that_both_numbers_show():
    assert wish(2.0, 60.0) == ("short", 2)
    assert wish(-2.0, 40.0) == ("long", 2)


def test_stays_out_when_only_one_number_is_stretched():
    assert wish(1.99, 90.0) == ("flat", 0)
    assert wish(3.0, 59.9) == ("flat", 0)
    assert wish(-3.0, 40.1) == ("flat", 0)


def test_grows_with_the_stretch_up_to_its_maximum_and_does_not_shrink():
    assert wish(3.0, 60.0) == ("short", 3)
    assert wish(9.0, 60.0) == ("short", 4)
    assert wish(2.5, 50.0, Wish("short", 4)) == ("short", 4)
    assert wish(3.5, 50.0, Wish("short", 2)) == ("short", 3)


def test_leaves_when_the_stretch_is_over_or_turned():
    assert wish(0.51, 50.0, Wish("short", 2)) == ("short", 2)
    assert wish(0.5, 50.0, Wish("short", 2)) == ("flat", 0)
    assert wish(-3.0, 20.0, Wish("short", 2)) == ("flat", 0)
    assert wish(-0.5, 50.0, Wish("long", 2)) == ("flat", 0)


def test_says_why_in_numbers():
    found = MeanRevert(P).wish(Row("ES", 0, 1640.0, (2.25, 71.5)), FLAT)
    assert found.reason == "mean_revert goes short: z-score +2.25, relative strength 71.5"
