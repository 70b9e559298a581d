"""The risk gate's process: journal, decide, publish, ack. The rules are in ``risk.gate``."""
