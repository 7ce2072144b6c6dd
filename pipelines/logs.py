"""What every process of ours writes to its log, and in what form."""

import logging
from pathlib import Path

from lectern.settings import Settings

NOISY = ("httpx", "httpcore", "alembic", "PIL", "asyncio", "matplotlib")
"""Libraries that tell every request; only their warnings matter here."""


def configure_logging(settings: Settings, *, file: Path | None = None) -> None:
    """Log to a file, or to standard error, which the supervisor keeps as one."""
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        filename=file,
        force=True,
    )
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
