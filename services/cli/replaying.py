"""What ``penstock replay`` does: runs the verification, and prints both sides of every hash."""

import json

import click

from services.kit.layout import Run
from services.replay.compare import KeyResult
from services.replay.recompute import Options
from services.replay.verify import Verification, verify
from streams.sources.local_time import instant_ns

DIGITS = 16
"""Of a hash in the text form; JSON has all of them."""


def options_of(speed: str, from_time: str, to_time: str, batch_rows: int) -> Options:
    """The replay's options from texts. A text that cannot be read is a usage error."""
    defaults = Options()
    return Options(
        batch_rows=batch_rows,
        speed=_speed(speed),
        from_ns=_instant("--from", from_time) if from_time else defaults.from_ns,
        to_ns=_instant("--to", to_time) if to_time else defaults.to_ns,
    )


def replay_run(run: Run, options: Options, *, as_json: bool) -> Verification:
    """Replay and print. Raises ReplayFailed, or UsageError where the range holds nothing to compare."""
    found = verify(run, options, report=lambda line: click.echo(line, err=True))
    is_bounded = (options.from_ns, options.to_ns) != (Options().from_ns, Options().to_ns)
    if is_bounded and found.passed and not any(key.recorded.rows for key in found.keys):
        raise click.UsageError(
            f"no recorded row of {run.run_id} lies between --from and --to: nothing to compare"
        )
    if as_json:
        click.echo(json.dumps(as_object(found), indent=2))
    else:
        for line in told(found):
            click.echo(line)
    return found


def told(found: Verification) -> list[str]:
    """The verification for people: a line a stream, then what is wrong, then the verdict."""
    lines = [_both(key) for key in found.keys]
    lines += [f"note  {note}" for note in found.notes]
    lines += [f"DIFF  {difference}" for difference in found.differences]
    lines += [f"BAD   {problem}" for problem in found.problems]
    lines += [f"recorded hash    {found.recorded_hash}", f"recomputed hash  {found.recomputed_hash}"]
    made = found.recomputed
    if made is not None and made.seconds:
        lines.append(
            f"{made.ticks:,} ticks in {made.seconds:.1f} s ({made.ticks / made.seconds:,.0f} ticks/s)"
        )
    return [*lines, f"run {found.run_id} {_end(found)}"]


def _end(found: Verification) -> str:
    if not found.passed:
        return f"IS NOT AS RECORDED: {found.first}"
    if found.incomplete:
        return f"IS INCOMPLETE, and as recorded as far as it goes: {found.incomplete}"
    return "is as recorded"


def _both(key: KeyResult) -> str:
    mark = "same" if key.recorded == key.recomputed else "DIFF"
    hashes = f"{key.recorded.hexdigest[:DIGITS]}  {key.recomputed.hexdigest[:DIGITS]}"
    return f"{mark}  {key.table:<16} {key.key:<36} {key.recorded.rows:>9,} rows  {hashes}"


def as_object(found: Verification) -> dict[str, object]:
    """The verification for programs."""
    return {
        "run_id": found.run_id,
        "passed": found.passed,
        "incomplete": found.incomplete,
        "recorded_hash": found.recorded_hash,
        "recomputed_hash": found.recomputed_hash,
        "first": found.first,
        "problems": found.problems,
        "notes": found.notes,
        "seconds": found.seconds,
        "streams": [
            {
                "table": key.table,
                "key": key.key,
                "recorded": key.recorded._asdict(),
                "recomputed": key.recomputed._asdict(),
                "note": key.note,
                "difference": str(key.difference) if key.difference else "",
            }
            for key in found.keys
        ],
    }


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0.0 < speed < 1e9:
        raise click.UsageError(f"--speed is {text!r}; expected a number above 0, such as 20, or max")
    return speed


def _instant(option: str, text: str) -> int:
    try:
        return int(text) if text.isdecimal() else instant_ns(text, "UTC")
    except ValueError as error:
        expected = "an ISO 8601 time, in UTC unless it says an offset, such as 2013-09-03T15:25:00"
        raise click.UsageError(f"{option} is {text!r}; expected {expected}") from error
