"""Runs the gate: ``python -m services.gate``."""

from services.gate.service import serve
from services.kit.process import run_service

run_service("gate", serve)
