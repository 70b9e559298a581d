"""JSON Schemas of the messages, generated from the structs and kept beside them.

``python -m contracts.schemas`` rewrites ``contracts/schemas/``; a test fails where the files
and the structs disagree.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from contracts.catalogue import BY_TAG

FOLDER = files("contracts") / "schemas"


def schema(message_type: type[Struct]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one message type."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(message_type),
    }


def rendered(message_type: type[Struct]) -> str:
    """The schema as it is kept in a file."""
    return json.dumps(schema(message_type), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every schema file and remove those without a struct."""
    folder = Path(str(FOLDER))
    folder.mkdir(exist_ok=True)
    wanted = {f"{tag}.json": message_type for tag, message_type in BY_TAG.items()}
    for stale in {path.name for path in folder.glob("*.json")} - wanted.keys():
        (folder / stale).unlink()
    for name, message_type in wanted.items():
        (folder / name).write_text(rendered(message_type), encoding="utf-8")


if __name__ == "__main__":
    main()
