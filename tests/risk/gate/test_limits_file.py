"""The files that people write: every mistake names itself, its place and the way out."""

import json
from copy import deepcopy

import pytest

from contracts.codec import encode_json
from risk.gate.limits_file import ConfigInvalid, check_together, parse_cards, parse_instruments, parse_limits
from tests.risk.gate_records import make_card, make_config, make_instrument, make_limits, make_symbol_limits

LIMITS = json.loads(encode_json(make_limits()))
INSTRUMENTS = {"instruments": [json.loads(encode_json(make_instrument(symbol))) for symbol in ("FUT", "EUR")]}
CARDS = {"cards": [json.loads(encode_json(make_card(name))) for name in ("trend", "mean_revert")]}
NOT_IN_FORCE = "The gate did not start, and any earlier limits are not in force."


def changed(document, path: str, value):
    """A copy with ``value`` at a dotted path; a key that starts with ``-`` is removed."""
    copy = deepcopy(document)
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    part = copy
    for step in parents:
        part = part[step]
    if isinstance(last, str) and last.startswith("-"):
        del part[last[1:]]
    else:
        part[last] = value
    return copy


def fault(parse, document) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ConfigInvalid) as caught:
        parse(data, "limits.json")
    sentence, consequence = str(caught.value).split("\n")
    assert consequence == NOT_IN_FORCE
    assert caught.value.file == "limits.json"
    return sentence.removeprefix("limits.json: ")


def test_reads_what_it_is_meant_to_read():
    assert parse_limits(json.dumps(LIMITS).encode(), "limits.json") == make_limits()
    assert parse_instruments(json.dumps(INSTRUMENTS).encode(), "i") == [
        make_instrument("FUT"),
        make_instrument("EUR"),
    ]
    assert parse_cards(json.dumps(CARDS).encode(), "c") == [make_card("trend"), make_card("mean_revert")]


NUMBER = "expected a number from 0 to 1,000,000,000,000."
BPS = "expected an integer from 0 to 10,000."


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("per_symbol.FUT.order_notional_max", "1e6", f'is "1e6" (a string); {NUMBER}'),
        ("per_symbol.FUT.order_notional_max", -1, f"is -1; {NUMBER}"),
        ("per_symbol.FUT.order_notional_max", None, f"is null; {NUMBER}"),
        ("per_symbol.FUT.order_notional_max", True, f"is true; {NUMBER}"),
        ("per_symbol.FUT.collar_bps", 10_001, f"is 10001; {BPS}"),
        ("per_symbol.FUT.collar_bps", 1.5, f"is 1.5; {BPS}"),
        ("per_symbol.FUT", [], "is an array of 0; expected an object."),
        ("mark_age_ms_max", 5_000.5, "is 5000.5; expected an integer from 0 to 604,800,000."),
        ("breakers.stale_market.faults_to_open", 0, "is 0; expected an integer from 1 to 1,000,000."),
        ("restricted", {}, "is an object; expected an array."),
        ("schema", "limits.v2", 'is "limits.v2" (a string); expected "limits.v1".'),
    ],
)
def test_says_where_what_stands_there_and_what_would_work(path, value, sentence):
    assert fault(parse_limits, changed(LIMITS, path, value)) == f"{path} {sentence}"


@pytest.mark.parametrize("path", ["restricted", "reset.cool_off_ms", "per_symbol.FUT.collar_bps"])
def test_nothing_has_a_default(path):
    *parents, last = path.split(".")

    sentence = fault(parse_limits, changed(LIMITS, ".".join([*parents, f"-{last}"]), None))

    assert sentence.startswith(f"{path} is missing; expected an")


@pytest.mark.parametrize(
    ("parse", "document", "path", "tag"),
    [
        (parse_limits, LIMITS, "schema", "limits.v1"),
        (parse_instruments, INSTRUMENTS, "instruments.1.schema", "instrument.v1"),
        (parse_cards, CARDS, "cards.0.schema", "strategy_card.v1"),
    ],
)
def test_a_file_says_which_version_it_is_of(parse, document, path, tag):
    sentence = fault(parse, changed(document, path.replace("schema", "-schema"), None))

    shown = path.replace(".1", "[1]").replace(".0", "[0]")
    assert sentence == f'{shown} is missing; expected "{tag}".'


def test_a_name_that_nobody_knows_is_an_error_and_not_ignored():
    sentence = fault(parse_limits, changed(LIMITS, "reset.cool_of_ms", 1))

    assert sentence == "reset.cool_of_ms is unknown; expected one of cool_off_ms, second_within_ms."


def test_a_symbol_must_look_like_one():
    sentence = fault(parse_limits, changed(LIMITS, "per_symbol.fut", LIMITS["per_symbol"]["FUT"]))

    assert sentence.startswith(
        'per_symbol.fut, as a name, is "fut" (a string); expected a string that matches'
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the file is missing or empty; expected one JSON object."),
        (b" \n", "the file is missing or empty; expected one JSON object."),
        (b"[]", "the file is an array of 0; expected an object."),
        (b"{", "the file is not JSON (Expecting property name"),
        (b"\xff\xfe\xfa", "the file is not JSON ("),
        (b'{"a": NaN}', "the file is not JSON (NaN is no JSON number); expected one JSON object."),
        (b'{"a": 1, "a": 2}', "a is there twice in one object; expected each name once."),
        (b"[" * 100_000, "the file is not JSON ("),
    ],
)
def test_bytes_that_are_no_document_are_refused_in_one_line(data, sentence):
    assert fault(parse_limits, data).startswith(sentence)


def test_a_limit_that_stands_twice_does_not_silently_win():
    text = json.dumps(LIMITS).replace('"collar_bps": 100', '"collar_bps": 100, "collar_bps": 9999', 1)

    assert (
        fault(parse_limits, text.encode())
        == "collar_bps is there twice in one object; expected each name once."
    )


@pytest.mark.parametrize(
    ("parse", "document", "path", "value", "sentence"),
    [
        (
            parse_instruments,
            INSTRUMENTS,
            "instruments.1.symbol",
            "FUT",
            'instruments[1].symbol is "FUT" again',
        ),
        (
            parse_instruments,
            INSTRUMENTS,
            "instruments.0.lot_size",
            0,
            "instruments[0].lot_size is 0; expected a number",
        ),
        (
            parse_instruments,
            INSTRUMENTS,
            "instruments.0.session.windows.0.opens",
            "FUN 17:00",
            'instruments[0].session.windows[0].opens is "FUN 17:00" (a string); expected a string that',
        ),
        (
            parse_instruments,
            INSTRUMENTS,
            "instruments.0.kind",
            "bond",
            'instruments[0].kind is "bond" (a string); expected one of "crypto", "equity", "future", "fx"',
        ),
        (
            parse_instruments,
            INSTRUMENTS,
            "instruments.0.session.windows",
            [],
            "instruments[0].session.windows is an",
        ),
        (
            parse_cards,
            CARDS,
            "cards.1.strategy_id",
            "trend",
            'cards[1].strategy_id is "trend" again; expected',
        ),
        (parse_cards, CARDS, "cards.0.instruments.1", 3, "cards[0].instruments[1] is 3; expected a string"),
        (
            parse_cards,
            CARDS,
            "cards.0.owner",
            "",
            'cards[0].owner is "" (a string); expected a string of 1 to 128',
        ),
    ],
)
def test_instruments_and_cards_are_read_as_strictly(parse, document, path, value, sentence):
    assert fault(parse, changed(document, path, value)).startswith(sentence)


def test_the_three_files_must_speak_of_the_same_instruments():
    check_together(make_config(), "limits.json", "cards.json")

    limits = make_limits(per_symbol={"TYPO": make_symbol_limits()})
    with pytest.raises(
        ConfigInvalid, match=r'limits.json: a key of per_symbol is "TYPO"; expected a symbol of'
    ):
        check_together(make_config(limits), "limits.json", "cards.json")
    with pytest.raises(ConfigInvalid, match=r'cards.json: cards\[0\].instruments\[0\] is "TYPO"; expected a'):
        check_together(make_config(cards=(make_card(instruments=("TYPO",)),)), "limits.json", "cards.json")
