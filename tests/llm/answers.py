"""Random headrooms, texts within them, and texts that are spoilt."""

import json
import random

from contracts.slm import Rung
from tests.llm.requests import make_headroom, make_ladder

ACTIONS = {"long": "buy", "short": "sell", "flat": "sell"}


def random_headroom(rng: random.Random):
    ladders = []
    for symbol in rng.sample(["ES", "BRK.B", "BTC/USDT", "ES=F", "6E"], rng.randint(0, 4)):
        for side in rng.sample(["long", "short", "flat"], rng.randint(1, 3)):
            amounts = sorted({random_amount(rng) for _ in range(rng.randint(1, 8))})
            rungs = tuple(Rung(amount, lots) for lots, amount in enumerate(amounts, start=1))
            least = rng.choice([0, 0, 7])
            ladders.append(
                make_ladder(
                    symbol=symbol,
                    side=side,
                    action=ACTIONS[side],
                    slippage_bps_min=least,
                    slippage_bps_max=rng.randint(least, 60),
                    rungs=rungs if side != "flat" else (Rung(0.0, 0),),
                )
            )
    return make_headroom(*ladders)


def random_amount(rng: random.Random) -> float:
    """From 0.001 up: what is smaller has an exponent, whose spelling is the engine's own."""
    digits = rng.choice([3, 4, 9, 15])
    amount = rng.randint(1_000, 10**digits) / 10 ** rng.choice([3, 3, 0, 1, 6 if digits > 6 else 0])
    return min(amount, 1e12)


def random_text(rng: random.Random, headroom) -> str:
    if not headroom.ladders or rng.random() < 0.1:
        plain = {"decision": "abstain", "reason": rng.choice(["no_edge", "conflicting"]), "explain": ""}
    else:
        ladder = rng.choice(headroom.ladders)
        amount = rng.choice(ladder.rungs).target_notional
        plain = {
            "decision": "propose",
            "symbol": ladder.symbol,
            "side": ladder.side,
            "target_notional": int(amount) if amount.is_integer() else amount,
            "urgency": rng.choice(["low", "medium", "high"]),
            "max_slippage_bps": rng.choice([ladder.slippage_bps_min, ladder.slippage_bps_max]),
            "explain": "".join(rng.choices("abc <>[]{}'|.,", k=rng.choice([0, 5, 120]))),
        }
    return json.dumps(plain, separators=(",", ":"))


def spoilt(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    return rng.choice(
        [
            text[:place] + rng.choice('0159"{}:,abx\\ ') + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place] + rng.choice("0159") + text[place:],
            text.replace(":", ": ", 1),
            text[:-1],
            text + "}",
            text.replace("long", "short"),
            text.replace('"explain":"', '"explain":"' + "y" * 121),
        ]
    )
