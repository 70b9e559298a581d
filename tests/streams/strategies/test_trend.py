"""The trend rule. See streams/strategies/trend.py."""

import math

from streams.strategies import Row, Wish
from streams.strategies.strategy import FLAT
from streams.strategies.trend import Parameters, Trend

P = Parameters(horizon_trades=100, enter=1.0, leave=0.0, lean=0.2, deviations_per_unit=0.5, units_max=4)


def row(distance: float, lean: float, volatility: float = 1e-3) -> Row:
    price = 100.0 * (1 + distance * volatility * math.sqrt(100))
    return Row("ES", 0, price, (100.0, volatility, lean))


def wish(distance: float, lean: float, held: Wish = FLAT) -> tuple[str, int]:
    found = Trend(P).wish(row(distance, lean), held)
    return found.side, found.units


def test_enters_with_the_price_when_volume_agrees():
    assert wish(1.01, 0.2) == ("long", 2)
    assert wish(-1.01, -0.2) == ("short", 2)


def test_stays_out_below_its_threshold_or_when_volume_does_not_agree():
    assert wish(0.99, 1.0) == ("flat", 0)
    assert wish(1.01, 0.19) == ("flat", 0)
    assert wish(-1.01, 0.5) == ("flat", 0)


def test_grows_with_the_distance_up_to_its_maximum_and_does_not_shrink():
    assert wish(1.51, 0.5) == ("long", 3)
    assert wish(9.0, 0.5) == ("long", 4)
    assert wish(1.01, 0.5, Wish("long", 4)) == ("long", 4)
    assert wish(1.51, -1.0, Wish("long", 2)) == ("long", 3)


def test_leaves_at_its_average_and_not_before():
    assert wish(0.01, -1.0, Wish("long", 2)) == ("long", 2)
    assert wish(-0.01, 1.0, Wish("long", 2)) == ("flat", 0)
    assert wish(0.01, 1.0, Wish("short", 3)) == ("flat", 0)


def test_a_market_without_volatility_changes_nothing():
    assert Trend(P).wish(row(5.0, 1.0, volatility=0.0), Wish("long", 2)) == Wish("long", 2)


def test_says_why_in_numbers():
    reason = Trend(P).wish(row(-1.25, -0.5), FLAT).reason
    assert reason == "trend goes short: price is -1.25 deviations from its VWAP, signed volume -0.50"
