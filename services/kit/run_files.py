"""A run's own files: its manifest, and the configuration that it is given."""

import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct

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
    """Make a run with its configuration, and make it the current one.

    Raises:
        ConfigInvalid: a file cannot be used; the run is not made and the current one stays.
    """
    run = _unused(home, now_ns)
    run.create()
    try:
        configure(run, given)
    except BaseException:
        shutil.rmtree(run.directory)
        raise
    manifest = RunManifest(run_id=run.run_id, ts_created_ns=now_ns, version=installed_version())
    run.manifest.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    part = home.current.with_suffix(".part")
    part.write_text(f"{run.run_id}\n", encoding="ascii")
    part.replace(home.current)
    return run


def configure(run: Run, given: ConfigFiles) -> None:
    """Put the given files in place, and shipped ones where the run has none, once all can be used.

    Raises:
        ConfigInvalid: one cannot be used; the run keeps what it had.
    """
    draft = Run(run.directory / "config.draft")
    shutil.rmtree(draft.directory, ignore_errors=True)
    draft.config.mkdir(parents=True)
    try:
        for name, path in given.by_name().items():
            kept = run.config / name
            source = path.read_bytes() if path else kept.read_bytes() if kept.is_file() else shipped(name)
            (draft.config / name).write_bytes(source)
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
