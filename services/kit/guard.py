"""Our packages must be ours: ``llm``, ``risk`` and others are also names of foreign packages.

An editable install can be shadowed by one of them, and a wheel install merged with it. Each
process checks once, before it does anything, and says in one line what is wrong.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("contracts", "streams", "llm", "risk", "services", "ops")
ROOT = Path(__file__).resolve().parents[2]


def foreign_packages() -> list[str]:
    """One line for each of our package names that resolves to somebody else's files."""
    found = []
    for name in PACKAGES:
        spec = find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin != ROOT / name / "__init__.py":
            found.append(
                f"package {name!r} is {origin or 'missing'}, expected {ROOT / name}: "
                f"another package shadows ours; use a virtual environment of Penstock's own"
            )
    return found


def refuse_foreign_packages() -> None:
    """Exit with status 1 and one line where a package of ours is not ours."""
    if found := foreign_packages():
        sys.exit(f"penstock: {found[0]}")
