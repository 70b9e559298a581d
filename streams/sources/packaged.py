"""The dataset that ships with the package: real E-mini S&P 500 trades, under MIT."""

from hashlib import sha256
from pathlib import Path

ES_FILE = Path(__file__).parent / "data" / "es_emini_sp500_trades_2013-09-01_2013-09-03.parquet"
ES_VENUE, ES_SYMBOL, ES_TIME_ZONE = "CME", "ES", "America/Chicago"
ES_ROWS = 500_000

ES_BUSIEST = ("2013-09-03T10:20:00", "2013-09-03T10:40:00")
"""The busiest 20 minutes, Chicago time: 43,389 trades."""


def recorded_sha256(path: Path) -> str:
    """The digest that the file beside ``path``, named like it with ``.sha256`` added, records."""
    return path.with_name(path.name + ".sha256").read_text(encoding="ascii").split()[0]


def found_sha256(path: Path) -> str:
    """The digest of the file as it is."""
    return sha256(path.read_bytes()).hexdigest()
