"""The README's sample output: what ``make demo`` printed, put between two markers.

``make readme`` runs the demo and calls this; people never write the sample by hand.
"""

import re
import sys
from pathlib import Path

BEGIN, END = "<!-- demo -->", "<!-- /demo -->"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
PROGRESS = re.compile(r"\d\d:\d\d:\d\d +\d+%")
LEFT_OUT = "..."


class MarkersMissing(ValueError):
    """The README has lost the markers between which the sample goes."""


def with_sample(readme: str, transcript: str, home: str) -> str:
    """The README with this transcript as its sample; ``home`` is written as ``~``.

    Raises:
        MarkersMissing: the README does not hold exactly one pair of markers.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise MarkersMissing(f"README has not exactly one {BEGIN} and one {END}; put them around the sample")
    shown = CONTROL.sub("", transcript).replace(home, "~").strip("\n")
    lines = "\n".join(_shortened([line.rstrip() for line in shown.splitlines()]))
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```console\n$ make demo\n{lines}\n```\n{END}{after}"


def _shortened(lines: list[str]) -> list[str]:
    """The same without most of the progress: of those lines the second and the last tell enough."""
    progress = [number for number, line in enumerate(lines) if PROGRESS.match(line)]
    left_out = set(progress) - set(progress[1:2] + progress[-1:])
    return [
        LEFT_OUT if number in left_out else line
        for number, line in enumerate(lines)
        if number not in left_out or number - 1 not in left_out
    ]


def main() -> None:
    """``python -m ops.readme TRANSCRIPT README`` rewrites the README in place."""
    transcript, readme = map(Path, sys.argv[1:])
    text = with_sample(
        readme.read_text(encoding="utf-8"), transcript.read_text(encoding="utf-8"), str(Path.home())
    )
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
