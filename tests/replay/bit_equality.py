"""Says whether the golden run was compared to the bit here: ``python -m tests.replay.bit_equality``.

Ends with status 1 where it was to be (``PENSTOCK_BIT_EQUAL=required``) and was not.
"""

import json
import os
import sys

from tests.replay.make_golden import GOLDEN, fingerprint

REQUIRED = "PENSTOCK_BIT_EQUAL"


def made_on() -> dict[str, str]:
    """What decided the last bit of a float where the golden run was made."""
    found: dict[str, str] = json.loads((GOLDEN / "fingerprint.json").read_text(encoding="utf-8"))
    return found


def differing(here: dict[str, str], there: dict[str, str]) -> list[str]:
    """What is different here, one entry each; empty where floats are equal to the bit."""
    names = sorted({*here, *there})
    return [
        f"{name} is {here.get(name)}, was {there.get(name)}"
        for name in names
        if here.get(name) != there.get(name)
    ]


def main() -> int:
    """Print one line; the exit status."""
    found = differing(fingerprint(), made_on())
    if not found:
        sys.stdout.write("GOLDEN REPLAY: compared to the bit\n")
        return 0
    sys.stdout.write(f"GOLDEN REPLAY: *** NOT COMPARED TO THE BIT HERE *** {'; '.join(found)}\n")
    return int(os.environ.get(REQUIRED) == "required")


if __name__ == "__main__":
    sys.exit(main())
