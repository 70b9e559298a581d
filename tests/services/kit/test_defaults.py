"""The files that a new run starts with are good, and say what the documents say."""

from importlib.resources import files

from contracts.limits import GateConfig
from risk.gate.limits_file import check_together, parse_cards, parse_instruments, parse_limits

DEFAULTS = files("services.kit") / "defaults"


def config() -> GateConfig:
    def read(name: str) -> bytes:
        return (DEFAULTS / name).read_bytes()

    return GateConfig(
        limits=parse_limits(read("limits.json"), "limits.json"),
        instruments=tuple(parse_instruments(read("instruments.json"), "instruments.json")),
        cards=tuple(parse_cards(read("cards.json"), "cards.json")),
    )


def test_the_three_files_fit_together():
    check_together(config(), "limits.json", "cards.json")


def test_the_synthetic_instrument_is_named_as_such_and_restricted():
    (synthetic,) = [one for one in config().instruments if one.kind == "synthetic"]

    assert (synthetic.symbol, synthetic.venue) == ("SYNTH", "SIM")
    assert config().limits.restricted == ("SYNTH",)


def test_the_future_can_be_traded_in_a_few_lots():
    limits = config().limits.per_symbol["ES"]
    (future,) = [one for one in config().instruments if one.symbol == "ES"]
    lot = 1_640.0 * future.multiplier * future.lot_size

    assert (future.venue, future.tick_size) == ("CME", 0.25)
    assert 1 <= limits.order_notional_max // lot <= limits.position_notional_max // lot <= 20


def test_the_future_rests_for_a_quarter_of_an_hour_and_then_until_the_evening_each_day():
    (future,) = [one for one in config().instruments if one.symbol == "ES"]
    windows = [(window.opens, window.closes) for window in future.session.windows]

    assert future.session.time_zone == "America/Chicago"
    assert windows[:3] == [("SUN 17:00", "MON 15:15"), ("MON 15:30", "MON 16:15"), ("MON 17:00", "TUE 15:15")]
    assert windows[-1] == ("FRI 15:30", "FRI 16:15")
    assert len(windows) == 10


def test_each_strategy_has_a_card_with_somebody_to_call():
    assert [card.strategy_id for card in config().cards] == ["trend", "mean_revert", "drill"]
    assert all(card.owner and card.instruments == ("ES", "SYNTH") for card in config().cards)
