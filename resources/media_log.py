"""What the media library says while a file is written, for the job's log.

FFmpeg's messages are off by default, as they come from within its own code. They are
taken for a while and from one thread alone.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("libav")

MESSAGES = 200
"""Of one file; a damaged one can cause one for each packet."""


@contextmanager
def media_told() -> Iterator[None]:
    """Log what FFmpeg warns of in this thread while the block lasts."""
    from av import logging as av_logging

    before = av_logging.get_level()
    av_logging.set_level(av_logging.WARNING)
    try:
        with av_logging.Capture(local=True) as messages:
            try:
                yield
            finally:
                for _, name, text in messages[:MESSAGES]:
                    logger.warning("%s: %s", name, text.strip())
    finally:
        av_logging.set_level(before)
