"""A second opinion on the gate, written from its README and the limits file alone.

It shares no code, no number format and no data structure with ``risk/``: exact decimals in whole
units instead of integers in millionths, a hand-written reader of the wire instead of the
contracts' decoders, plain lists that are filtered instead of windows that are kept.
"""

from services.prove.oracle.oracle import Oracle
from services.prove.oracle.ruling import Ruling

__all__ = ["Oracle", "Ruling"]
