"""What the gate's bench compares is the same work: the plain loop gives the gate's answers."""

from contracts.verdicts import DenyCode
from services.bench.gate import _decided, _plain, stream


def test_the_plain_loop_gives_the_gates_answers_on_the_whole_variety_of_the_stream():
    records = stream(1_200)

    answers, taken_s = _decided(records)

    assert answers == _plain(records)[0]
    assert len(answers) == len(taken_s) == 1_200
    codes = {code for code, _, _ in answers}
    assert {
        None,
        DenyCode.RESTRICTED,
        DenyCode.NO_CHANGE,
        DenyCode.DUPLICATE_CONTENT,
        DenyCode.INPUT_INVALID,
    } <= codes
    assert sum(code is None for code, _, _ in answers) > 60


def test_the_stream_is_the_same_at_every_call():
    assert stream(50) == stream(50)
