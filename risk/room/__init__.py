"""Room: what the gate would approve at this instant, said before anybody asks.

The gate's own arithmetic, turned round: instead of judging one wish it lists those that would pass.
"""

from risk.room.desk import Desk
from risk.room.headroom import headroom
from risk.room.standing import Standing, SymbolStanding

__all__ = ["Desk", "Standing", "SymbolStanding", "headroom"]
