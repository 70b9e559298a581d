"""``python -m services.feed``: the feed as a process of its own."""

import os
import sys

from services.feed.service import serve
from services.feed.settings import from_environment
from services.kit.process import run_service
from services.kit.settings import SettingInvalid

if __name__ == "__main__":
    try:
        from_environment(os.environ)
    except SettingInvalid as error:
        sys.stderr.write(f"feed: {error}\n")
        sys.exit(2)
    run_service("feed", serve, drains=True)
