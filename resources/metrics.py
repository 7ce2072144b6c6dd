"""The numbers for Prometheus, read from the stores whenever they are asked for.

One process answers for the whole installation: runs come and go too fast to be asked
themselves, and what they leave in the databases outlives them. No label names a
person. ``docs/operating.md`` says what each number means.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from lectern.errors import EngineUnavailable, StoreError
from lectern.speech.variants import Outcome
from lectern.usage.waits import BEYOND_MS, Wait, Waits
from resources.orchestrator import Orchestrator
from resources.services import Services
from resources.stores.backup_record import BackupRecord
from resources.stores.statistics import Published
from resources.stores.vitals import ENDED_WITHIN, JobCount, Vitals

SECONDS = 1000


class Exporter(Collector):
    """Everything that is told to Prometheus.

    A store that does not answer takes its own numbers along and no others; whether it
    answered is a number itself.
    """

    def __init__(self, services: Services, orchestrator: Orchestrator) -> None:
        self._services = services
        self._vitals = Vitals(services.database)
        self._orchestrator = orchestrator
        self._used: tuple[Published | None, list[Metric]] = (None, [])

    def collect(self) -> Iterator[Metric]:
        """Return the numbers as they are now."""
        yield from self._disk()
        yield from self._answered("database", StoreError, self._database)
        yield from self._answered("statistics", StoreError, self._statistics)
        yield from self._answered("dagster", EngineUnavailable, self._dagster)

    def describe(self) -> Iterator[Metric]:
        """Return nothing: what there is depends on what answers."""
        return iter(())

    def _answered(
        self,
        name: str,
        failure: type[Exception],
        ask: Callable[[], list[Metric]],
    ) -> Iterator[Metric]:
        try:
            found = ask()
        except failure:
            found, is_up = [], 0
        else:
            is_up = 1
        yield GaugeMetricFamily(
            f"lectern_{name}_up", f"Whether it answers: {name}.", is_up
        )
        yield from found

    def _disk(self) -> Iterator[Metric]:
        usage = shutil.disk_usage(self._services.settings.root)
        reserve = self._services.settings.disk_reserve_bytes
        yield _gauge(
            "disk_free_bytes", "Free bytes of the data folder's disk.", usage.free
        )
        yield _gauge("disk_bytes", "All bytes of the data folder's disk.", usage.total)
        yield _gauge("disk_reserve_bytes", "Below this new work is refused.", reserve)

    def _database(self) -> list[Metric]:
        outbox, now = self._services.outbox, self._services.database.now()
        oldest = outbox.oldest_pending_at()
        lag = (now - oldest).total_seconds() if oldest else 0.0
        waiting = GaugeMetricFamily(
            "lectern_queue_oldest_seconds",
            "How long the job that waits longest has waited.",
            labels=["queue"],
        )
        for lane, seconds in self._vitals.oldest_waiting_seconds().items():
            waiting.add_metric([lane], seconds)
        return [
            _gauge(
                "schema_current",
                "Whether the tables are of this version.",
                int(self._vitals.is_current()),
            ),
            _jobs("jobs", "Jobs that wait or run.", self._vitals.live_jobs()),
            _jobs(
                "jobs_ended_recently",
                "Jobs that ended in the last 15 minutes.",
                self._vitals.ended_jobs(ENDED_WITHIN),
            ),
            waiting,
            _gauge(
                "worker_heartbeat_age_seconds",
                "How long the most silent running job has been silent.",
                self._vitals.oldest_heartbeat_seconds(),
            ),
            _gauge(
                "outbox_lag_rows",
                "Events that wait to be counted.",
                outbox.pending_count(),
            ),
            _gauge("events_lag_seconds", "Age of the oldest of them.", max(0.0, lag)),
            *self._playing(),
            *self._backup(now),
        ]

    def _backup(self, now: datetime) -> list[Metric]:
        """Tell nothing where there never was one: the alert looks for that, too."""
        last = BackupRecord(self._services.preferences).last()
        if last is None:
            return []
        age = max(0.0, (now - last.made_at).total_seconds())
        return [
            _gauge("backup_age_seconds", "Age of the last good backup.", age),
            _gauge("backup_bytes", "What it holds.", last.size_bytes),
        ]

    def _playing(self) -> list[Metric]:
        playing = self._services.playing
        underruns = CounterMetricFamily(
            "lectern_underruns", "Times that a player had nothing to play."
        )
        underruns.add_metric([], playing.underruns())
        return [
            _histogram(
                "first_sound_seconds",
                "From pressing play to hearing, as the player saw it.",
                playing.waits(Wait.FIRST_SOUND),
            ),
            _histogram(
                "first_block_seconds",
                "From there to its block being voiced, as the run saw it.",
                playing.waits(Wait.FIRST_BLOCK),
            ),
            underruns,
        ]

    def _statistics(self) -> list[Metric]:
        """Read published sums again only when there are new ones."""
        reader = self._services.statistics()
        published = reader.published()
        if published is None or published != self._used[0]:
            self._used = (published, _use(reader.everybody()))
        return self._used[1]

    def _dagster(self) -> list[Metric]:
        vitals = self._orchestrator.vitals()
        ages = GaugeMetricFamily(
            "lectern_daemon_heartbeat_age_seconds",
            "How long each of Dagster's daemons has been silent.",
            labels=["daemon"],
        )
        for daemon, moment in vitals.daemon_heartbeats.items():
            ages.add_metric([daemon.lower()], max(0.0, time.time() - moment))
        runs = GaugeMetricFamily(
            "lectern_dagster_runs", "Runs that have not ended.", labels=["status"]
        )
        for status, count in vitals.runs.items():
            runs.add_metric([status.lower()], count)
        return [ages, runs]


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"lectern_{name}", text, value)


def _histogram(name: str, text: str, waits: Waits) -> Metric:
    found = [
        ("+Inf" if bound == BEYOND_MS else f"{bound / SECONDS:g}", count)
        for bound, count in waits.cumulative()
    ]
    return HistogramMetricFamily(
        f"lectern_{name}", text, buckets=found, sum_value=waits.total_ms / SECONDS
    )


def _jobs(name: str, text: str, counts: list[JobCount]) -> Metric:
    family = GaugeMetricFamily(f"lectern_{name}", text, labels=["state", "kind"])
    for each in counts:
        family.add_metric([each.state, each.kind], each.count)
    return family


def _use(rows: list[dict[str, object]]) -> list[Metric]:
    """Return published sums as counters: they only grow."""
    requests = CounterMetricFamily(
        "lectern_cache_requests", "Sounds that were asked for.", labels=["result"]
    )
    lookups = CounterMetricFamily(
        "lectern_variant_lookup", "Sounds that were looked up."
    )
    merges = CounterMetricFamily(
        "lectern_variant_merge", "Of them, what another block had already."
    )
    audio = CounterMetricFamily(
        "lectern_synthesised_seconds", "Sound that was made.", labels=["engine"]
    )
    elapsed = CounterMetricFamily(
        "lectern_synthesis_seconds", "Time that making it took.", labels=["engine"]
    )
    listened = CounterMetricFamily(
        "lectern_listened_seconds", "Time somebody listened."
    )
    looked_up = merged = 0.0
    for row in rows:
        label, value = str(row["label"]), float(str(row["value"]))
        match row["measure"]:
            case "requests":
                requests.add_metric([label], value)
                looked_up += value
                merged += value if Outcome(label).name.startswith("MERGED") else 0
            case "audio_ms":
                audio.add_metric([label], value / SECONDS)
            case "elapsed_ms":
                elapsed.add_metric([label], value / SECONDS)
            case "listened_ms":
                listened.add_metric([], value / SECONDS)
    lookups.add_metric([], looked_up)
    merges.add_metric([], merged)
    return [requests, lookups, merges, audio, elapsed, listened]
