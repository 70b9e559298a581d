"""Keys of the principals: one seed file each, readable by its owner only."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import nkeys

SEED_BYTES = 32


class SeedInvalid(Exception):
    """A seed file does not hold an nkey seed of a user, or others may read it."""

    def __init__(self, path: Path, cause: str) -> None:
        self.path, self.cause = path, cause
        super().__init__(f"{path}: {cause}")


def seed_path(directory: Path, principal: str) -> Path:
    return directory / f"{principal}.nk"


def ensure_seeds(
    directory: Path, principals: Iterable[str], entropy: Callable[[int], bytes] = os.urandom
) -> dict[str, str]:
    """The public key of every principal; seeds that are missing are made.

    Raises:
        SeedInvalid: a file that is there cannot be used.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys: dict[str, str] = {}
    for principal in principals:
        path = seed_path(directory, principal)
        if not path.exists():
            _write(path, new_seed(entropy))
        keys[principal] = public_key(path)
    return keys


def new_seed(entropy: Callable[[int], bytes] = os.urandom) -> str:
    """An nkey seed of a user."""
    seed: bytes = nkeys.encode_seed(entropy(SEED_BYTES), nkeys.PREFIX_BYTE_USER)
    return seed.decode()


def public_key(path: Path) -> str:
    """The public key of a seed file. Raises ``SeedInvalid``."""
    if path.stat().st_mode & 0o077:
        raise SeedInvalid(path, "others may read it; expected mode 0600 (chmod 600)")
    pair = None
    try:
        pair = nkeys.from_seed(bytearray(path.read_bytes().strip()))
        key: bytes = pair.public_key
    except (nkeys.NkeysError, ValueError) as error:
        raise SeedInvalid(path, "no nkey seed; delete the run's seeds directory to make new ones") from error
    finally:
        if pair is not None:
            pair.wipe()
    return key.decode()


def _write(path: Path, seed: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(seed + "\n")
