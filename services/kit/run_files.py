"""A run's own files: its manifest, and the configuration that it is given."""

import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct

from risk.errors import ConfigInvalid
from services.kit.gate_config import CARDS, INSTRUMENTS, LIMITS, load_gate_config
from services.kit.layout import Home, Run


class RunManifest(Struct, frozen=True, kw_only=True):
    """What a run is, as ``run.json`` says.

    Attributes:
        ts_created_ns: Wall time.
        version: Of the Penstock that made it.
    """

    run_id: str
    ts_created_ns: int
    version: str


class ConfigFiles(Struct, frozen=True, kw_only=True):
    """Files that replace a run's configuration; None keeps what it has, or takes the shipped one."""

    limits: Path | None = None
    instruments: Path | None = None
    cards: Path | None = None

    def by_name(self) -> dict[str, Path | None]:
        return {LIMITS: self.limits, INSTRUMENTS: self.instruments, CARDS: self.cards}


def new_run(home: Home, given: ConfigFiles, now_ns: int) -> Run:
    """Make a run with its configuration, and make it the current one. Raises as ``make_run``."""
    run = make_run(home, given, now_ns)
    make_current(home, run)
    return run


def make_run(home: Home, given: ConfigFiles, now_ns: int) -> Run:
    """Make a run with its configuration.

    Raises:
        ConfigInvalid: a file cannot be used; the run is not made.
    """
    run = _unused(home, now_ns)
    run.create()
    try:
        furnish(run)
        configure(run, given)
    except BaseException:
        shutil.rmtree(run.directory)
        raise
    manifest = RunManifest(run_id=run.run_id, ts_created_ns=now_ns, version=installed_version())
    run.manifest.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return run


def make_current(home: Home, run: Run) -> None:
    """Let this be the run that ``penstock up`` resumes."""
    part = home.current.with_suffix(".part")
    part.write_text(f"{run.run_id}\n", encoding="ascii")
    part.replace(home.current)


def furnish(run: Run) -> None:
    """Give a run that is being made the configuration that comes with the package."""
    for name in ConfigFiles().by_name():
        (run.config / name).write_bytes(shipped(name))


def configure(run: Run, given: ConfigFiles) -> None:
    """Put the given files in place of the run's own, once all can be used.

    Raises:
        ConfigInvalid: one cannot be used, or the run has lost its own; it keeps what it had.
    """
    draft = Run(run.directory / "config.draft")
    shutil.rmtree(draft.directory, ignore_errors=True)
    draft.config.mkdir(parents=True)
    try:
        for name, path in given.by_name().items():
            source = path or run.config / name
            if not source.is_file():
                option = f"--{Path(name).stem} FILE"
                raise ConfigInvalid(
                    str(source), "the file", "missing", f"the run's own, or another by {option}"
                )
            (draft.config / name).write_bytes(source.read_bytes())
        load_gate_config(draft)
        for name in given.by_name():
            (draft.config / name).replace(run.config / name)
    finally:
        shutil.rmtree(draft.directory)


def shipped(name: str) -> bytes:
    """A configuration file that comes with the package."""
    return (files("services.kit") / "defaults" / name).read_bytes()


def installed_version() -> str:
    """Penstock's version, or ``source`` where it runs from a checkout that is not installed."""
    try:
        return version("penstock")
    except PackageNotFoundError:
        return "source"


def _unused(home: Home, now_ns: int) -> Run:
    """A run named for its start, which no other has; names sort by time."""
    stamp = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (stamp, *(f"{stamp}-{count}" for count in range(2, 1_000)))
    return next(run for name in names if not (run := home.run(name)).directory.exists())
