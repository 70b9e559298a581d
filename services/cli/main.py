"""``penstock``: runs one command line; the one place where an error becomes a line."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from services.kit.guard import refuse_foreign_packages

INTERRUPTED = 130
TRACEBACK = "PENSTOCK_TRACEBACK"


def main() -> NoReturn:
    """The console script."""
    refuse_foreign_packages()
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; errors are one line on standard error. Returns the exit status."""
    try:
        return _run(arguments)
    except ImportError as error:
        # A wheel that is missing, or built for a newer C library: said before anything can be drawn.
        if os.environ.get(TRACEBACK):
            raise
        text = " ".join(str(error).split())
        return _say(f"{text}; `penstock doctor` shows what is missing", 1)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)


def _run(arguments: Sequence[str] | None) -> int:
    import click

    from services.cli.app import app
    from services.cli.trouble import is_expected, one_line, with_way_out

    try:
        result = app.main(args=arguments, prog_name="penstock", standalone_mode=False)
    except click.UsageError as error:
        return _say(with_way_out(error), error.exit_code)
    except click.ClickException as error:
        return _say(one_line(error), error.exit_code)
    except click.Abort:
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ImportError:
        raise
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        where = "" if is_expected(error) else f" ({TRACEBACK}=1 shows where)"
        return _say(f"{one_line(error)}{where}", 1)
    return result if isinstance(result, int) else 0


def _say(text: str, status: int) -> int:
    print(f"penstock: {text}", file=sys.stderr)
    return status
