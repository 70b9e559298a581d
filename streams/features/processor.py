"""The feature processor: tick batches in, feature batches out, one row a tick (rule R2)."""

import numpy as np
from msgspec import Struct

from contracts.features import FeatureBatch
from contracts.market import AGGRESSOR_UNKNOWN, TickBatch
from streams.features.feature import Feature
from streams.features.fusion import COLUMNS_BEFORE, fuse, state_size
from streams.features.registry import features_of
from streams.kernels import TRADE_BYTES, Floats
from streams.quality.intake import Aside, Intake


class FeatureStatistics(Struct, frozen=True, kw_only=True):
    """Counts since the start.

    Attributes:
        rows: Feature rows made.
        duplicates: Rows dropped because their sequence had been seen.
        gaps, missing: Holes in a feed's sequence, and the rows they lack.
        late, unusable: Rows set aside: their time went back, or a value breaks a rule.
        ignored: Rows of a kind that no feature reads.
        non_finite: Values after the warm-up that were NaN or infinite; marked as not valid.
        symbols: (source, symbol) pairs with state.
    """

    rows: int
    duplicates: int
    gaps: int
    missing: int
    late: int
    unusable: int
    ignored: int
    non_finite: int
    symbols: int


class FeatureProcessor:
    """Computes one feature set, with a state for each (source, symbol).

    How rows are split into batches does not change a bit of what comes out.
    """

    def __init__(self, set_name: str = "core") -> None:
        self.set_name = set_name
        self.features: tuple[Feature, ...] = features_of(set_name)
        self.names = tuple(feature.name for feature in self.features)
        self._width = COLUMNS_BEFORE + len(self.features)
        self._fused = fuse(self.features, set_name)
        self._intake = Intake()
        self._states: dict[tuple[str, str], Floats] = {}
        self._non_finite = self._ignored = 0

    def warm_up(self) -> None:
        """Run every compiled path once, so that no live batch waits for a compiler."""
        row = np.zeros(TRADE_BYTES, dtype=np.uint8)
        row[8:16] = np.frombuffer(np.float64(1.0).tobytes(), dtype=np.uint8)
        row[24] = AGGRESSOR_UNKNOWN
        row.flags.writeable = False
        self._fused(row, 1, self._new_state(), np.empty(self._width))

    def process(self, batch: TickBatch) -> FeatureBatch | None:
        """The rows for a batch's new, usable ticks; None where there are none.

        Raises:
            contracts.columns.ColumnsInvalid: the columns are not those of ``count`` trades; the
                state is as it was.
        """
        if batch.kind != "trade":
            self._ignored += batch.count
            return None
        runs = self._intake.admit(batch)
        if not runs:
            return None
        state = self._state_of((batch.source, batch.symbol))
        blocks = []
        for run in runs:
            block = np.empty(self._width * run.rows)
            self._non_finite += self._fused(run.packed, run.first_seq, state, block)
            blocks.append(block)
        return FeatureBatch(
            set=self.set_name,
            source=batch.source,
            venue=batch.venue,
            symbol=batch.symbol,
            names=self.names,
            count=sum(run.rows for run in runs),
            ts_recv_ns=batch.ts_recv_ns,
            columns=blocks[0].tobytes() if len(blocks) == 1 else self._joined(blocks),
        )

    def take_aside(self) -> list[Aside]:
        """The rows set aside since the last call: late or unusable, never processed."""
        return self._intake.take_aside()

    def statistics(self) -> FeatureStatistics:
        """Counts since the start."""
        counts = self._intake.counts
        return FeatureStatistics(
            rows=counts.taken,
            duplicates=counts.duplicates,
            gaps=counts.gaps,
            missing=counts.missing,
            late=counts.late,
            unusable=counts.unusable,
            ignored=self._ignored,
            non_finite=self._non_finite,
            symbols=len(self._states),
        )

    def _state_of(self, key: tuple[str, str]) -> Floats:
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = self._new_state()
        return state

    def _new_state(self) -> Floats:
        return np.zeros(state_size(self.features))

    def _joined(self, blocks: list[Floats]) -> bytes:
        return np.concatenate([block.reshape(self._width, -1) for block in blocks], axis=1).tobytes()
