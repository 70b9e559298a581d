"""``python -m services.feed``: the feed as a process of its own."""

from services.feed.service import serve
from services.kit.process import run_service

if __name__ == "__main__":
    run_service("feed", serve, drains=True)
