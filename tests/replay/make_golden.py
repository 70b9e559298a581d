"""Makes the golden run: ``python -m tests.replay.make_golden`` in the repository's root.

``golden/`` is a small recorded run (the scene of ``services/replay/scene.py``, seed 14) that every
later version must still be able to read. It is not made again when code changes: a change that
breaks reading it breaks every journal that people have. Make it again only where the formats have
not been released yet, and say so in the changelog.

``fingerprint.json`` says on what it was made: floats of features are equal to the bit only there.
"""

import json
import platform
import shutil
from pathlib import Path

import numba
import numpy as np

from services.kit.layout import Run
from services.replay.rehearsal import Rehearsal
from services.replay.scene import play

GOLDEN = Path(__file__).parent / "golden"
SEED, STEPS, TRADES_A_STEP = 14, 110, 8


def fingerprint() -> dict[str, str]:
    """What decides the last bit of a float here."""
    return {
        "machine": platform.machine(),
        "libc": "-".join(platform.libc_ver()),
        "numba": numba.__version__,
        "numpy": np.__version__,
    }


def main() -> None:
    shutil.rmtree(GOLDEN, ignore_errors=True)
    run = Run(GOLDEN)
    with Rehearsal(run, snapshot_every=10) as rehearsal:
        ticks = play(rehearsal, SEED, STEPS, TRADES_A_STEP)
    for folder in (run.broker, run.logs, run.seeds):
        folder.rmdir()
    about = {"ticks": ticks, "chain": rehearsal.gate.chain, "gate_seq": rehearsal.gate.seq}
    (GOLDEN / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    (GOLDEN / "fingerprint.json").write_text(json.dumps(fingerprint(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
