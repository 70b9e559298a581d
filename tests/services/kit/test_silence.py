"""How long a service has been silent. See services/kit/silence.py."""

from hypothesis import given
from hypothesis import strategies as st

from services.kit.silence import LOOK_S_MAX, Silences


def test_silence_is_counted_from_the_first_look_at_the_newest_beat():
    silences = Silences()

    assert [silences.of("gate", 1, now_s) for now_s in (10.0, 10.25, 10.5)] == [0.0, 0.25, 0.5]
    assert silences.of("gate", 2, 10.75) == 0.0
    assert silences.of("gate", 2, 11.0) == 0.25


def test_a_listener_that_stood_still_itself_accuses_nobody():
    silences = Silences()
    silences.of("gate", 1, 0.0)

    assert silences.of("gate", 1, 3_600.0) == LOOK_S_MAX


def test_what_was_silent_while_nobody_could_be_heard_is_forgotten():
    silences = Silences()
    silences.of("gate", 1, 0.0)
    silences.of("gate", 1, 0.25)
    silences.forget()

    assert silences.of("gate", 1, 0.5) == 0.0


@given(st.lists(st.floats(0.0, 2.0), max_size=40))
def test_silence_is_never_longer_than_the_time_that_passed(gaps_s):
    silences, now_s = Silences(), 0.0
    for gap_s in gaps_s:
        now_s += gap_s
        assert silences.of("gate", 1, now_s) <= now_s + 1e-9
