"""Folders: how much they hold, as people say it."""

from pathlib import Path


def folder_bytes(folder: Path) -> int:
    """Bytes in all files below; a file that vanishes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def people_bytes(count: int) -> str:
    """A size with its unit, such as ``1.5 MB`` (powers of a thousand)."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
