"""Figures for Prometheus: requests by route template, screens, events, calls; the AMI's from the house.

One registry an application, so that two in one process do not collide. Labels are templates and codes, never data.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """What the web counts. `counters`: further running totals by name, read when somebody asks."""

    def __init__(self, counters: Callable[[], Mapping[str, float]]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "hotline_http_request_seconds",
            "Time to answer, by route template.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.events = Counter("hotline_events", "Domain events seen in the log.", ("type",), registry=self.registry)
        self.outcomes = Counter("hotline_calls", "Calls that ended, by outcome.", ("outcome",), registry=self.registry)
        self.open_calls = Gauge("hotline_open_calls", "Calls that are going on.", ("phase",), registry=self.registry)
        self.agents = Gauge("hotline_agents", "Agents by state.", ("state",), registry=self.registry)
        self.sockets = Gauge("hotline_live_sockets", "Screens that are connected.", registry=self.registry)
        self.frames = Counter("hotline_live_frames", "Frames put to screens.", registry=self.registry)
        self.closed = Counter(
            "hotline_live_closed", "Screens that were closed by us, by close code.", ("code",), registry=self.registry
        )
        self.lag = Histogram(
            "hotline_live_turn_seconds",
            "Time from reading the log to the last frame queued.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.event_lag = Histogram(
            "hotline_event_lag_seconds",
            "From what Asterisk did (or a person) to its event being read for the screens, the newest of each read.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
            registry=self.registry,
        )
        self.phone_loss = Histogram(
            "hotline_phone_loss_ratio",
            "Sound lost on agents' calls, in and out, as their pages measured it: one value in ten seconds of a call.",
            buckets=(0.001, 0.005, 0.01, 0.03, 0.05, 0.1, 0.3),
            registry=self.registry,
        )
        self.phone_jitter = Histogram(
            "hotline_phone_jitter_seconds",
            "Jitter of agents' calls, likewise.",
            buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2),
            registry=self.registry,
        )
        self.phone_rtt = Histogram(
            "hotline_phone_rtt_seconds",
            "Round trip between agents' pages and Asterisk, likewise.",
            buckets=(0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5),
            registry=self.registry,
        )
        self.sounds = Gauge(
            "hotline_phone_sound", "Agents by how their call sounds.", ("sound",), registry=self.registry
        )
        self.registry.register(_Totals(counters))

    def text(self, figures: Sequence[Metric] = ()) -> bytes:
        """Prometheus' text format. `figures`: what else there is to tell (web.figures)."""
        return generate_latest(self.registry) + told(figures)


def told(figures: Sequence[Metric]) -> bytes:
    """These alone, in the same format."""
    return generate_latest(_Given(figures))


def totals(counters: Callable[[], Mapping[str, float]]) -> bytes:
    """Running totals alone, likewise."""
    return told(list(_Totals(counters).collect()))


class _Given(Collector):
    """Figures that were read already."""

    def __init__(self, figures: Sequence[Metric]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        yield from self._figures


class _Totals(Collector):
    """Totals that somebody else keeps."""

    def __init__(self, counters: Callable[[], Mapping[str, float]]) -> None:
        self._counters = counters

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for name, value in sorted(self._counters().items()):
            full = f"hotline_{name}"
            family: CounterMetricFamily | GaugeMetricFamily
            if name.endswith("_total"):
                family = CounterMetricFamily(full.removesuffix("_total"), full)
            else:
                family = GaugeMetricFamily(full, full)
            family.add_metric([], value)
            yield family

    def describe(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        return []  # names are not known before somebody asks
