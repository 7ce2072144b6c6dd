"""What every process of ours writes to its log, and in what form."""

import logging

import dagster as dg

from lectern.settings import Settings

NOISY = ("httpx", "httpcore", "alembic", "PIL", "asyncio", "matplotlib")
"""Libraries that tell every request; only their warnings matter here."""


def configure_logging(settings: Settings) -> None:
    """Log to standard error, which the supervisor keeps as a file."""
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


@dg.logger(config_schema={}, description="Warnings and worse.")
def console(_context: dg.InitLoggerContext) -> logging.Logger:
    """Return the logger of runs; Dagster's own would repeat every event there."""
    logger = logging.getLogger("lectern.run")
    logger.setLevel(logging.WARNING)
    return logger
