"""Signs of life of runs, kept in Redis: who carries a run out, and which still wait.

Celery keeps a message until its run is done, and says nothing of the run meanwhile. So
whoever carries a run out renews a key that expires; a run without one that waits in no
queue either is nobody's.
"""

import time
from collections.abc import Mapping, Sequence

import redis
from kombu.transport.redis import PRIORITY_STEPS, Channel
from redis.exceptions import RedisError

KEPT_SECONDS = 15
"""A run without a sign for so long has lost its worker."""
MISSED_SECONDS = 8.0
"""How long nothing may be seen of a run before that is believed. A message that is
just being taken is nowhere for a moment, and a Redis that was started anew is empty."""
MARK_SECONDS = 120
BINDING = "_kombu.binding."
"""What Celery's names of queues begin with in Redis."""
LISTED_SECONDS = 0.5
"""How long a list of messages serves: the reconciler asks after all runs at once."""
TIMEOUT_SECONDS = 5.0

UNREACHABLE = (RedisError, OSError)


class RunSigns:
    """Who carries out which run. Safe to use after a fork and by several threads."""

    def __init__(self, broker_url: str) -> None:
        self._redis = redis.Redis.from_url(
            broker_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            decode_responses=True,
        )
        self._listed: dict[str, tuple[float, str]] = {}

    def is_reachable(self) -> bool:
        """Whether Redis answers now."""
        try:
            return bool(self._redis.ping())
        except UNREACHABLE:
            return False

    def take(self, run_id: str, holder: str) -> bool:
        """Say that ``holder`` carries a run out; False when another one does."""
        return bool(self._redis.set(_run(run_id), holder, nx=True, ex=KEPT_SECONDS))

    def renew(self, run_id: str, holder: str) -> None:
        """Say that a run is still being carried out."""
        self._redis.set(_run(run_id), holder, ex=KEPT_SECONDS)

    def drop(self, run_id: str, holder: str) -> None:
        """Forget that ``holder``, or one whose name begins so, carries a run out."""
        if (self.holder(run_id) or "").startswith(holder):
            self._redis.delete(_run(run_id))

    def holder(self, run_id: str) -> str | None:
        """Return who carries a run out, if anybody does."""
        found = self._redis.get(_run(run_id))
        return None if found is None else str(found)

    def held_by(self, holder: str) -> Sequence[str]:
        """Return the runs whose holder's name begins so."""
        keys = [str(key) for key in self._redis.scan_iter(_run("*"))]
        holders = self._redis.mget(keys) if keys else []
        return [
            key.removeprefix(_run(""))
            for key, found in zip(keys, holders, strict=True)
            if found is not None and str(found).startswith(holder)
        ]

    def is_waiting(self, run_id: str, queue: str) -> bool:
        """Whether a message for a run lies in a queue."""
        return run_id in self._messages(queue)

    def is_missed(self, run_id: str) -> bool:
        """Whether a run, of which nothing is seen now, was not seen for a while."""
        self._redis.set(_mark(run_id), "1", nx=True, ex=MARK_SECONDS)
        left_ms = int(self._redis.pttl(_mark(run_id)))
        return MARK_SECONDS - left_ms / 1000 >= MISSED_SECONDS

    def seen(self, run_id: str) -> None:
        """Forget that a run was missed."""
        self._redis.delete(_mark(run_id))

    def announce(self, worker: str, queues: Sequence[str]) -> None:
        """Say that a worker is there, and which queues it serves."""
        self._redis.set(_worker(worker), ",".join(queues), ex=KEPT_SECONDS)

    def leave(self, worker: str) -> None:
        """Say that a worker has gone."""
        self._redis.delete(_worker(worker))

    def workers(self) -> Mapping[str, Sequence[str]]:
        """Return the queues that each worker serves, by its name."""
        found = {}
        for key in map(str, self._redis.scan_iter(_worker("*"))):
            if queues := self._redis.get(key):
                found[key.removeprefix(_worker(""))] = str(queues).split(",")
        return found

    def queues(self) -> Sequence[str]:
        """Return every queue that was ever sent to, or served."""
        keys = map(str, self._redis.scan_iter(f"{BINDING}*"))
        return [key.removeprefix(BINDING) for key in keys]

    def waiting(self, queue: str) -> int:
        """Return how many messages lie in a queue."""
        return sum(int(self._redis.llen(key)) for key in _lists(queue))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _messages(self, queue: str) -> str:
        now = time.monotonic()
        listed_at, messages = self._listed.get(queue, (float("-inf"), ""))
        if now - listed_at > LISTED_SECONDS:
            lists = [self._redis.lrange(key, 0, -1) for key in _lists(queue)]
            messages = "\n".join(str(message) for each in lists for message in each)
            self._listed[queue] = (now, messages)
        return messages


def _run(run_id: str) -> str:
    return f"lectern:run:{run_id}"


def _worker(name: str) -> str:
    return f"lectern:worker:{name}"


def _mark(run_id: str) -> str:
    return f"lectern:missed:{run_id}"


def _lists(queue: str) -> Sequence[str]:
    """Return the names of the lists that make up a queue, one a priority."""
    return [f"{queue}{Channel.sep}{step}" if step else queue for step in PRIORITY_STEPS]
