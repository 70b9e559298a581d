"""Settings of a service process, read once from its environment."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

PREFIX = "PENSTOCK_"
LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingInvalid(ValueError):
    """A setting is missing or is not what it must be.

    Attributes:
        name: The environment variable.
        found: Its value, or None where it is not set.
        expected: What would work.
    """

    def __init__(self, name: str, found: str | None, expected: str) -> None:
        self.name, self.found, self.expected = name, found, expected
        what = "is not set" if found is None else f"is {found!r}"
        super().__init__(f"{name} {what}; expected {expected}")


class ServiceSettings(Struct, frozen=True, kw_only=True):
    """What the supervisor tells each process.

    Attributes:
        run_dir: The run's folder (``services.kit.layout.Run``).
        seed_file: File with the nkey seed of this service's own credential; None on a broker
            without accounts. The path may be shown, its content never.
        metrics_port: Loopback port of the Prometheus endpoint; 0 for none.
    """

    service: str
    run_id: str
    run_dir: Path
    nats_url: str
    seed_file: Path | None = None
    metrics_port: int = 0
    log_level: str = "info"

    def seed(self) -> str:
        """The secret itself, read when needed and kept nowhere. Empty where there is none."""
        return self.seed_file.read_text(encoding="ascii").strip() if self.seed_file else ""

    def environment(self) -> dict[str, str]:
        """The variables that ``from_environment`` reads back."""
        variables = {
            "PENSTOCK_RUN_ID": self.run_id,
            "PENSTOCK_RUN_DIR": str(self.run_dir),
            "PENSTOCK_NATS_URL": self.nats_url,
            "PENSTOCK_METRICS_PORT": str(self.metrics_port),
            "PENSTOCK_LOG_LEVEL": self.log_level,
        }
        if self.seed_file:
            variables["PENSTOCK_SEED_FILE"] = str(self.seed_file)
        return variables


def from_environment(service: str, environment: Mapping[str, str]) -> ServiceSettings:
    """The settings of ``service``. Raises SettingInvalid."""
    run_dir = Path(text(environment, "PENSTOCK_RUN_DIR", "the folder of a run"))
    if not run_dir.is_dir():
        raise SettingInvalid("PENSTOCK_RUN_DIR", str(run_dir), "a folder that exists")
    seed_file = environment.get("PENSTOCK_SEED_FILE")
    if seed_file and not Path(seed_file).is_file():
        raise SettingInvalid("PENSTOCK_SEED_FILE", seed_file, "a file that holds an nkey seed")
    log_level = environment.get("PENSTOCK_LOG_LEVEL", "info")
    if log_level not in LOG_LEVELS:
        raise SettingInvalid("PENSTOCK_LOG_LEVEL", log_level, f"one of {', '.join(LOG_LEVELS)}")
    return ServiceSettings(
        service=service,
        run_id=text(environment, "PENSTOCK_RUN_ID", "the id of a run"),
        run_dir=run_dir,
        nats_url=text(environment, "PENSTOCK_NATS_URL", "nats://HOST:PORT"),
        seed_file=Path(seed_file) if seed_file else None,
        metrics_port=integer(environment, "PENSTOCK_METRICS_PORT", 0, low=0, high=65_535),
        log_level=log_level,
    )


def text(environment: Mapping[str, str], name: str, expected: str) -> str:
    """A mandatory, non-empty setting. Raises SettingInvalid."""
    value = environment.get(name)
    if not value:
        raise SettingInvalid(name, value, expected)
    return value


def integer(environment: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    """A whole number within bounds. Raises SettingInvalid."""
    value = environment.get(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise SettingInvalid(name, value, f"a whole number from {low} to {high}") from None
    if not low <= number <= high:
        raise SettingInvalid(name, value, f"a whole number from {low} to {high}")
    return number
