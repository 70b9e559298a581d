"""Runs the recorder: ``python -m services.recorder``."""

from services.kit.process import run_service
from services.recorder.service import serve

run_service("recorder", serve, drains=True)
