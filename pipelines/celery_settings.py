"""How Celery is set, the same for who sends runs and who carries them out."""

from typing import Any

VISIBILITY_SECONDS = 7 * 24 * 3600
"""Redis gives a message out again that was not answered for so long. Longer than any
run: what was lost is found by its missing sign, within seconds, and not by this."""

TRANSPORT = {
    "visibility_timeout": VISIBILITY_SECONDS,
    "queue_order_strategy": "priority",
    "socket_timeout": 30,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}

CELERY: dict[str, Any] = {
    # A message is answered once its run is over, and given out again when the process
    # of the run died: the second time nothing is executed, the run is reported lost.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_lost_wait": 0.5,
    # One run a process, and none in hand that another machine could begin.
    "worker_prefetch_multiplier": 1,
    # A run goes on while Redis is away: it needs the database alone.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": TRANSPORT,
    # Dagster has the results; the signs of life are ours; stopping goes by the run.
    "task_ignore_result": True,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0},
}
