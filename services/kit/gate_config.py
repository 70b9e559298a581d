"""The gate's configuration as a run keeps it: limits, instruments and strategy cards."""

from contracts.limits import GateConfig
from risk.gate.limits_file import check_together, parse_cards, parse_instruments, parse_limits
from services.kit.layout import Run

LIMITS, INSTRUMENTS, CARDS = "limits.json", "instruments.json", "cards.json"


def load_gate_config(run: Run) -> GateConfig:
    """What the run's ``config`` folder says. Raises ConfigInvalid: no limits, no gate."""
    config = GateConfig(
        limits=parse_limits(_read(run, LIMITS), LIMITS),
        instruments=tuple(parse_instruments(_read(run, INSTRUMENTS), INSTRUMENTS)),
        cards=tuple(parse_cards(_read(run, CARDS), CARDS)),
    )
    check_together(config, LIMITS, CARDS)
    return config


def _read(run: Run, name: str) -> bytes:
    path = run.config / name
    return path.read_bytes() if path.is_file() else b""
