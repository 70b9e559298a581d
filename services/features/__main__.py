"""``python -m services.features``."""

from services.features.service import serve
from services.kit.process import run_service

run_service("features", serve, drains=True)
