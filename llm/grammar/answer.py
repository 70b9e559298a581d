"""Reading an answer: every completion is decoded and held against its headroom, constrained or not."""

from typing import Final

import msgspec

from contracts.slm import Answer, Headroom, Proposal

TEXT_MAX: Final = 4_000
"""Characters; the longest answer that a grammar admits is far shorter."""

_decoder = msgspec.json.Decoder(Answer)


class AnswerInvalid(ValueError):
    """A completion is no answer, or one that its headroom does not allow.

    Attributes:
        detail: What was found, with the path of the field.
    """

    retryable = True

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"expected an answer within the headroom: {detail}")


def read_answer(text: str, headroom: Headroom) -> Answer:
    """The answer that the whole text is. Raises AnswerInvalid."""
    if len(text) > TEXT_MAX:
        raise AnswerInvalid(f"{len(text)} characters, at most {TEXT_MAX}")
    try:
        answer: Answer = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise AnswerInvalid(str(error)) from error
    if isinstance(answer, Proposal) and not _is_within(answer, headroom):
        raise AnswerInvalid(
            f"{answer.side} {answer.target_notional} of {answer.symbol} at {answer.max_slippage_bps} bps"
            " is on no ladder"
        )
    return answer


def _is_within(proposal: Proposal, headroom: Headroom) -> bool:
    return any(
        (ladder.symbol, ladder.side) == (proposal.symbol, proposal.side)
        and ladder.slippage_bps_min <= proposal.max_slippage_bps <= ladder.slippage_bps_max
        and any(rung.target_notional == proposal.target_notional for rung in ladder.rungs)
        for ladder in headroom.ladders
    )
