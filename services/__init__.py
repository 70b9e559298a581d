"""A folder a process: settings, wiring, run, stop. The rules live in the rooms that services import."""
