"""Every metric, declared once. Base units: seconds, bytes; counters end in ``_total``.

Labels never carry an id, a price or a time: the number of series is bounded by configuration
(services, symbols, codes).
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The metrics of one process, in a registry of its own, so that tests can hold several."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=self.registry)

        self.messages = counter("penstock_messages_total", "Messages handled", "subject")
        self.rows = counter("penstock_rows_total", "Ticks or feature rows handled", "symbol")
        self.dead_letters = counter("penstock_dead_letters_total", "Messages given up", "cause")
        self.intents = counter("penstock_intents_total", "Intents proposed", "strategy_id")
        self.verdicts = counter("risk_verdicts_total", "Verdicts by outcome and code", "outcome", "code")
        self.redelivered = counter("risk_redelivered_total", "Intents known already, answered again")
        self.decide_seconds = Histogram(
            "risk_decide_seconds",
            "One group of inputs: journal, decisions and publication",
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.gate_seq = gauge("risk_gate_seq", "Last sequence of the gate's journal")
        self.breaker_open = gauge("risk_breaker_open", "1 while a breaker is not closed", "name", "key")
        self.trading_active = gauge("risk_trading_active", "1 while the trading state is ACTIVE")
        self.event_age_seconds = gauge(
            "penstock_event_age_seconds", "Wall time since the newest event was received"
        )
        self.is_ready = gauge("penstock_ready", "1 once the service does its work")
        self.is_ok = gauge("penstock_ok", "0 while the service cannot do what it must")
        self.bus_events = counter(
            "penstock_bus_events_total", "Permission violations, reconnects, gaps and redeliveries", "kind"
        )
        self.journal_rows = counter("penstock_journal_rows_total", "Rows written to the journal", "stream")
        self.journal_flush_seconds = Histogram(
            "penstock_journal_flush_seconds",
            "Time of one journal flush",
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.up = Gauge("penstock_up", "1 while the process runs", ("service",), registry=self.registry)
        self.up.labels(service=service).set(1)

    def serve(self, port: int) -> None:
        """Expose the metrics on loopback. Raises OSError where the port is taken."""
        start_http_server(port, addr="127.0.0.1", registry=self.registry)
