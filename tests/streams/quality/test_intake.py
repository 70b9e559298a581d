"""The intake: what is not processed is bounded, named and counted."""

import numpy as np

from streams.quality.intake import ASIDE_MAX, Intake
from tests.streams.ticks import batches, walk


def test_keeps_a_bounded_number_of_rows_aside_and_counts_all():
    columns = walk(ASIDE_MAX + 2_000)
    columns["price"][:] = np.nan
    intake = Intake()
    assert not any(intake.admit(part) for part in batches(columns))
    assert intake.counts.unusable == ASIDE_MAX + 2_000
    assert len(intake.take_aside()) == ASIDE_MAX


def test_an_earlier_floor_does_not_lower_a_later_one():
    intake = Intake()
    columns = walk(1)
    time_ns = int(columns["ts_event_ns"][0])
    intake.advance("test", time_ns + 1)
    intake.advance("test", time_ns - 1)
    assert intake.admit(batches(columns)[0]) == []
    assert intake.counts.late == 1


def test_clean_rows_are_handed_on_without_a_copy():
    part = batches(walk(100))[0]
    (run,) = Intake().admit(part)
    assert run.packed.base is part.columns
    assert not run.packed.flags.writeable
