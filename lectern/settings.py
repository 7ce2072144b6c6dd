"""Every setting of Lectern, in one place. Read once, at a process's start.

Each field is an environment variable: ``LECTERN_`` and the upper-case name, with
``__`` before a nested name (``LECTERN_LIMITS__UPLOAD_BYTES``). A ``lectern.env``
file in the working directory is read too. ``docs/settings.md`` is made from the
docstrings here.
"""

import difflib
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Limits(BaseModel):
    """Caps on what one person may hand in. Met in the app and again in the run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    upload_bytes: int = 200 * 1024**2
    """Bytes of one uploaded file."""
    text_bytes: int = 10 * 1024**2
    """Bytes of one plain text, Markdown or HTML file, or of pasted text."""
    pages: int = 3000
    """Pages of one document."""
    image_pixels: int = 60_000_000
    """Pixels of one image frame, before decoding."""
    render_pixels: int = 25_000_000
    """Pixels of one page drawn for recognition; larger pages are drawn smaller."""
    inflated_bytes: int = 300 * 1024**2
    """Bytes that an archive (EPUB, DOCX, ODT, PPTX) may unpack to, counted as it
    is unpacked and never taken from its own directory."""
    member_bytes: int = 100 * 1024**2
    """Bytes that one member of an archive may unpack to."""
    members: int = 10_000
    """Members of one archive."""
    inflation_ratio: int = 200
    """Unpacked to packed bytes, for members over 1 MiB."""
    element_depth: int = 1000
    """Nesting of elements in HTML and XML."""
    child_cpu_seconds: int = 15
    """CPU time in which a file must be opened, and each page of a PDF be read."""
    child_picture_cpu_seconds: int = 90
    """CPU time in which a page must be read from its picture."""
    child_memory_bytes: int = 1024**3
    """Memory that a child process that reads a file may fill."""
    child_output_bytes: int = 1024**3
    """Bytes of any one file that a child process writes."""
    child_seconds: int = 900
    """Time on the clock for one child process."""
    documents: int = 10_000
    """Documents of one person."""


class Speech(BaseModel):
    """How speech is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_voices: dict[str, str] = Field(default_factory=dict)
    """Voice id by language, ``{"en": "espeak:en-gb"}``; unset languages take the
    engine's own voice for that language."""
    bit_rate: int = 32_000
    """Opus bits a second."""
    loudness_lufs: float = -19.0
    """Loudness that every block is levelled to (ITU-R BS.1770)."""
    window_blocks: int = 32
    """Blocks kept voiced ahead of a listener; grows with playback speed."""
    keep_warm_seconds: float = 60.0
    """How long a listening run waits for its reader before it ends."""
    processes: int = 0
    """Speech processes of one rendering run; 0 takes one for each core."""


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="LECTERN_",
        env_nested_delimiter="__",
        env_file="lectern.env",
        extra="forbid",
        frozen=True,
    )

    data_dir: Path = Path("~/.local/share/lectern")
    """Where everything is kept: databases, blobs, statistics, logs."""
    database_url: str | None = None
    """SQLAlchemy address of the app database; unset is SQLite in ``data_dir``."""
    host: str = "127.0.0.1"
    """Address the web app listens on. There is no login yet: leave it on loopback."""
    port: int = 8710
    """Port of the web app."""
    trusted_hosts: tuple[str, ...] = ()
    """Host names the web app answers to, beside ``localhost``, ``host`` and plain
    addresses: the public name behind a reverse proxy."""
    dagster_port: int = 8711
    """Port of the Dagster webserver, always on loopback."""
    workers: int = 2
    """Runs that prepare or render documents at one time."""
    listeners: int = 4
    """Listening runs at one time; they do not count as ``workers``."""
    disk_reserve_bytes: int = 2 * 1024**3
    """Free disk below which new uploads are refused."""
    tessdata_dir: Path | None = None
    """Folder of Tesseract's ``*.traineddata``; unset looks in the usual places."""
    recognition_languages: tuple[str, ...] = ()
    """Tesseract languages, ``("eng", "deu")``; empty takes all that are installed."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe message that is logged."""
    sample_document: bool = True
    """Put the sample document into an empty library at the first start."""
    limits: Limits = Limits()
    speech: Speech = Speech()

    @model_validator(mode="after")
    def _refuse_unknown_variables(self) -> "Settings":
        """A typing error in a variable's name must not pass as a default."""
        known = {f"LECTERN_{name.upper()}" for name in type(self).model_fields}
        for name in map(str.upper, os.environ):
            if name.startswith("LECTERN_") and name.split("__")[0] not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise ValueError(f"{name} is not a setting.{hint}")
        return self

    @property
    def root(self) -> Path:
        """Return ``data_dir`` without ``~``, absolute."""
        return self.data_dir.expanduser().absolute()

    @property
    def database(self) -> str:
        """Return the SQLAlchemy address in force."""
        return self.database_url or f"sqlite:///{self.root / 'lectern.sqlite3'}"
