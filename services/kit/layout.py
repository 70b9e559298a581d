"""Where things lie: a home holds runs; a run is one continuous timeline.

home/
  lock            held while a stack is up
  current         the id of the current run
  live.json       ports and processes of the stack that is up
  runs/<run_id>/
    run.json      what the run is
    config/       instruments.json, limits.json, cards.json as the run uses them
    broker/       the broker's configuration and JetStream data
    seeds/        one nkey seed a principal, 0600
    gate/         records.log (the gate's input journal) and snapshots/
    journal/      Parquet by stream and date
    logs/         one JSON-lines file a service
"""

from pathlib import Path

from msgspec import Struct


class Run(Struct, frozen=True):
    """The folder of one run. Nothing here touches the disk except ``create``."""

    directory: Path

    @property
    def run_id(self) -> str:
        return self.directory.name

    @property
    def manifest(self) -> Path:
        return self.directory / "run.json"

    @property
    def config(self) -> Path:
        return self.directory / "config"

    @property
    def broker(self) -> Path:
        return self.directory / "broker"

    @property
    def seeds(self) -> Path:
        return self.directory / "seeds"

    @property
    def gate(self) -> Path:
        return self.directory / "gate"

    @property
    def journal(self) -> Path:
        return self.directory / "journal"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    def seed_file(self, principal: str) -> Path:
        """The file with the nkey seed of one principal."""
        return self.seeds / f"{principal}.nk"

    def create(self) -> None:
        """Make the folders; seeds are for the owner alone."""
        for folder in (self.config, self.broker, self.gate, self.journal, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.seeds.mkdir(mode=0o700, exist_ok=True)


class Home(Struct, frozen=True):
    """The folder that ``--home`` names."""

    directory: Path

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    @property
    def current(self) -> Path:
        return self.directory / "current"

    @property
    def live(self) -> Path:
        return self.directory / "live.json"

    @property
    def runs(self) -> Path:
        return self.directory / "runs"

    def run(self, run_id: str) -> Run:
        """The run of that id, whether or not it exists."""
        return Run(self.runs / run_id)

    def run_ids(self) -> list[str]:
        """Ids of the runs that exist, oldest first: an id begins with its start time."""
        return sorted(path.name for path in self.runs.glob("*") if path.is_dir())

    def current_run(self) -> Run | None:
        """The run that ``penstock up`` resumes, or None."""
        if not self.current.is_file():
            return None
        run = self.run(self.current.read_text(encoding="ascii").strip())
        return run if run.directory.is_dir() else None
