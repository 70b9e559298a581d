"""The grammar of an answer: what a model can say at all, made from the contract and from a headroom."""

from llm.grammar.answer import AnswerInvalid, read_answer
from llm.grammar.grammar import Grammar, grammar_of, headroom_hash, schema_hash
from llm.grammar.schema import HeadroomInvalid, answer_schema

__all__ = [
    "AnswerInvalid",
    "Grammar",
    "HeadroomInvalid",
    "answer_schema",
    "grammar_of",
    "headroom_hash",
    "read_answer",
    "schema_hash",
]
