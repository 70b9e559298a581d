"""Features are found: adding one is adding a file."""

import importlib
import sys
import textwrap

import pytest

from contracts.columns import feature_columns
from streams.features import FeatureInvalid, FeatureProcessor, UnknownFeatureSet, features_of, library
from streams.features.registry import discovered
from tests.streams.ticks import batch, walk

ONE_FILE = """
    from streams.features.feature import Feature, Trades
    from streams.kernels import Floats, inlined

    @inlined
    def update(state: Floats, trades: Trades, out: Floats) -> None:
        for row in range(len(trades.price)):
            state[0] += trades.size[row]
            out[row] = {value}

    FEATURE = Feature(
        name="{name}", unit="contracts", formula="sum(size)", source="ours", parameters={{}}, warm_up=2,
        state_size=1, update=update, sets=("{set_name}",),
    )
"""


@pytest.fixture
def add_file(tmp_path, monkeypatch):
    """Puts a file beside the shipped ones, for one test."""
    monkeypatch.setattr(library, "__path__", [*library.__path__, str(tmp_path)])
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))

    def add(module, text):
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        importlib.invalidate_caches()

    yield add
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"{library.__name__}.{path.stem}", None)


def test_the_core_set_is_what_the_strategies_were_promised():
    assert [feature.name for feature in features_of("core")] == [
        "ewma_volatility",
        "log_return",
        "rsi",
        "trade_imbalance",
        "vwap",
        "zscore",
    ]


@pytest.mark.parametrize("feature", discovered(), ids=lambda feature: feature.name)
def test_every_feature_says_what_it_is(feature):
    assert feature.unit
    assert feature.formula
    assert feature.source
    assert all(name in feature.formula for name in feature.parameters), "the formula names each parameter"


def test_one_file_adds_a_feature(add_file):
    add_file("volume", ONE_FILE.format(name="volume", value="state[0]", set_name="mine"))
    columns = walk(5)
    output = FeatureProcessor("mine").process(batch(columns))
    assert output.names == ("volume",)
    assert feature_columns(output)["volume"].tolist() == [0.0, 0.0, *columns["size"].cumsum()[2:].tolist()]
    assert feature_columns(output)["valid"].tolist() == [0, 0, 1, 1, 1]


def test_a_feature_of_another_set_leaves_the_core_set_alone(add_file):
    add_file("volume", ONE_FILE.format(name="volume", value="state[0]", set_name="mine"))
    assert "volume" not in FeatureProcessor().names


def test_a_value_that_is_not_finite_is_not_valid_and_counted(add_file):
    add_file("odd", ONE_FILE.format(name="odd", value="1.0 / (row - 3)", set_name="mine"))
    processor = FeatureProcessor("mine")
    columns = feature_columns(processor.process(batch(walk(5))))
    assert columns["valid"].tolist() == [0, 0, 1, 0, 1]
    assert columns["odd"].tolist() == [0.0, 0.0, -1.0, 0.0, 1.0]
    assert processor.statistics().non_finite == 1


def test_a_changed_kernel_is_not_served_from_the_cache(add_file):
    add_file("volume", ONE_FILE.format(name="volume", value="1.0", set_name="mine"))
    FeatureProcessor("mine")
    del sys.modules[f"{library.__name__}.volume"]
    add_file("volume", ONE_FILE.format(name="volume", value="state[0] * 2.0", set_name="mine"))
    columns = walk(3)
    output = feature_columns(FeatureProcessor("mine").process(batch(columns)))
    assert output["volume"][2] == columns["size"].sum() * 2.0


def test_a_cache_that_cannot_be_written_is_done_without(add_file, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file, not a folder", encoding="utf-8")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "taken"))
    add_file("volume", ONE_FILE.format(name="volume", value="state[0]", set_name="mine"))
    assert FeatureProcessor("mine").process(batch(walk(5))).count == 5


def test_a_file_without_a_feature_is_named(add_file):
    add_file("empty", "")
    with pytest.raises(FeatureInvalid, match="feature empty: FEATURE is None; expected a Feature"):
        features_of("core")


def test_a_name_can_be_taken_once(add_file):
    add_file("other", ONE_FILE.format(name="vwap", value="1.0", set_name="mine"))
    with pytest.raises(
        FeatureInvalid, match="feature vwap: name is taken by another file; expected a name of its own"
    ):
        features_of("core")


def test_a_bad_name_is_refused(add_file):
    add_file("bad", ONE_FILE.format(name="Not-A-Name", value="1.0", set_name="mine"))
    with pytest.raises(FeatureInvalid, match="feature Not-A-Name: name is Not-A-Name; expected"):
        features_of("core")


def test_an_unknown_set_is_answered_with_those_that_there_are():
    with pytest.raises(UnknownFeatureSet, match="no feature is in the set 'cor'; expected one of core"):
        FeatureProcessor("cor")
