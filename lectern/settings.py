"""Every setting of Lectern, in one place. Read once, at a process's start.

Each field is an environment variable: ``LECTERN_`` and the upper-case name, with
``__`` before a nested name (``LECTERN_LIMITS__UPLOAD_BYTES``). A ``lectern.env``
file in the working directory is read too. ``docs/settings.md`` is made from the
docstrings here.
"""

import difflib
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from lectern.accounts.billing import Billing
from lectern.accounts.limits import Limits as Limits
from lectern.accounts.plans import (
    Plan,
    PlanName,
    PlanSettings,
    default_plans,
    merged,
    plans_of,
)
from lectern.accounts.rates import Rates
from lectern.accounts.settings import Accounts
from lectern.environments import ENVIRONMENTS
from lectern.jobs.caps import JobCaps
from lectern.jobs.hours import OffPeak, zone_of
from lectern.jobs.states import JobKind
from lectern.settings_retention import Retention
from lectern.speech.privacy import AudioScope

PIECE_BYTES = 8 * 1024**2
"""Most bytes of one request of an upload; a larger file comes in several."""


class Speech(BaseModel):
    """How speech is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: str = "espeak"
    """Name of the engine that speaks unless a voice of another is chosen."""
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
    share_audio: AudioScope = AudioScope.WORKSPACE
    """Between whom equal texts share their sound: each person alone (`private`), all
    who sign in but no guests (`workspace`), or guests as well (`everyone`)."""


class Higgs(BaseModel):
    """Higgs Audio v2 on this machine, without a server: the plain baseline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = None
    """Folder of the model for transformers (`config.json`, `model.safetensors`,
    `chat_template.jinja`, tokenizer); unset is without this engine."""
    tokenizer_folder: Path | None = None
    """Folder of its audio tokenizer; unset is `audio_tokenizer` in the model's."""
    python: Path | None = None
    """Interpreter with torch, torchaudio and transformers; unset is our own."""
    device: Literal["cuda", "cpu"] = "cuda"
    """Where it computes; `cuda` sends its work to machines with a GPU."""
    version: str = ""
    """Part of the key of every sound; change it to have everything spoken anew."""
    chained_blocks: int = Field(3, ge=1, le=3)
    """Blocks that a chained voice hears before it speaks."""
    keep_loaded_seconds: float = 600.0
    """How long the model stays loaded when nobody asks."""


ServerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class SpeechServer(BaseModel):
    """A speech server that is reached over HTTP, one engine each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    """Where its API begins, `http://127.0.0.1:8880/v1`."""
    kind: Literal["openai", "higgs", "higgs_chat"] = "openai"
    """What it is: any server with OpenAI's `/audio/speech` (`openai`), Higgs Audio v2
    on vLLM-Omni (`higgs`), or on a server that speaks in chat completions
    (`higgs_chat`)."""
    model: str = ""
    """Model to ask for; unset leaves it to the server."""
    version: str = ""
    """Part of the key of every sound. Change it when the server speaks differently
    under the same model name, and everything is spoken anew."""
    api_key: SecretStr | None = None
    """Key sent with each request; never logged."""
    response_format: Literal["wav", "flac", "opus", "pcm", "mp3"] = "wav"
    """What to ask for. Opus of the right loudness is kept as it is; all else is
    levelled and encoded here. `pcm` is 24 kHz, 16 bits, one channel."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Language by voice name, `{"alloy": "en"}`; unset asks the server for its
    voices."""
    languages: tuple[str, ...] = ("en",)
    """Languages of the voices that the server names, as it does not say."""
    licence: str = ""
    """Licence of its voices, as shown to people."""
    parallel_requests: int = Field(4, ge=1, le=64)
    """Requests at one time, from each process."""
    batch_texts: int = Field(1, ge=1, le=32)
    """Texts of one request to `/audio/speech/batch`; 1 asks for each by itself."""
    batch_wait_ms: int = Field(300, ge=0, le=5000)
    """How long the first text of a batch waits for others."""
    price_micros_per_million_chars: int | None = None
    """Price in millionths of a dollar; 0 for a server of your own."""
    timeout_seconds: float = Field(60.0, gt=0)
    """Time for one reply to begin, and again to end."""
    longest_chars: int = Field(4096, ge=100)
    """Longer texts are sent in pieces."""
    chained_blocks: int = Field(3, ge=1, le=3)
    """Blocks that a chained voice hears before it speaks; `higgs_chat` only."""
    accelerator: Literal["cpu", "gpu"] = "cpu"
    """Which machines may run what speaks with it; the server itself is elsewhere."""


class Kokoro(BaseModel):
    """How Kokoro speaks on this machine; in force once there is a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = ""
    """Folder with the model (`config.json`, one `*.pth`, `voices/*.pt`), or a hub's
    name for it, `hexgrad/Kokoro-82M`."""
    python: Path | None = None
    """Python that has Kokoro installed; unset takes Lectern's own if it has, else
    that of `.venv-kokoro`, as `make kokoro` builds it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What it runs on; `auto` takes a GPU where torch finds one. Set `cuda` where
    there is one: only then does work go to machines that have it."""
    processes: int = Field(0, ge=0, le=64)
    """Texts spoken at one time; 0 takes as many as there are cores for their threads,
    and 1 on a GPU."""
    threads: int = Field(1, ge=1, le=64)
    """Threads of each. More finish one text sooner, and fewer texts in all."""
    bf16: bool = False
    """Compute in 16 bits where that loses least: sooner done on processors and GPUs
    made for it, with a sound that is not quite the same."""
    keep_loaded_seconds: float = Field(300.0, gt=0)
    """How long it stays in memory after the last text."""
    allow_downloads: bool = False
    """Fetch a model that is named and not here, the first time it is needed."""


class Mistral(BaseModel):
    """How pages are read by Mistral's hosted OCR; in force once there is a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: SecretStr | None = None
    """Key of the account that pays; never logged."""
    model: str = "mistral-ocr-4-1"
    """Model that reads. A name ending in `-latest` is refused: what it means, and
    costs, changes without notice."""
    address: str = "https://api.mistral.ai"
    """Where its API begins, without `/v1`."""
    parallel_requests: int = Field(4, ge=1, le=32)
    """Requests at one time, from each process."""
    pages_per_request: int = Field(16, ge=1, le=1000)
    """Pages sent together; fewer lose less when a request fails."""
    request_bytes: int = Field(50_000_000, ge=1_000_000, le=50_000_000)
    """Bytes of one PDF that is sent; larger ones are cut."""
    timeout_seconds: float = Field(300.0, gt=0)
    """Time for one reply."""
    retry_seconds: float = Field(120.0, ge=0)
    """How long a request that is refused for now is tried again."""
    batch_hours: int = Field(24, ge=1, le=168)
    """Time a batch may take before it is given up and its pages are read here."""
    batch_poll_seconds: float = Field(20.0, gt=0)
    """Longest pause between two looks at a batch."""
    tables: Literal["html", "markdown"] = "html"
    """How tables are asked for."""
    keep_images: bool = False
    """Ask for the pictures on the pages too; they are kept in the engine's reply."""
    fallback_share: float = Field(0.2, ge=0, le=1)
    """Share of the pages sent that may be read here instead, when the engine does not
    return them; past it the recognition is refused."""

    @field_validator("model")
    @classmethod
    def _refuse_moving_names(cls, model: str) -> str:
        if model.endswith("-latest") or not model.strip():
            raise ValueError(
                f"{model!r} names no fixed model: its price and its reading change "
                "without notice. Name a version, such as mistral-ocr-4-1."
            )
        return model


class VisionServer(BaseModel):
    """A vision model that reads pictures of pages, behind OpenAI's chat API (vLLM)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    """Where its API begins, `http://127.0.0.1:8000/v1`."""
    model: str
    """Model as the server names it. How it is asked follows from its family."""
    api_key: SecretStr | None = None
    """Key sent with each request; never logged."""
    prompt: str | None = None
    """What to ask with each picture; unset takes what the model family expects."""
    parallel_requests: int = Field(8, ge=1, le=256)
    """Pages at one time, from each process."""
    timeout_seconds: float = Field(180.0, gt=0)
    """Time for one page."""
    retries: int = Field(3, ge=0, le=10)
    """Times that a request is sent again when the server is busy or fails."""
    price_micros_per_1000_pages: int | None = None
    """Price in millionths of a dollar; 0 for a server of your own that costs nothing,
    unset is not known."""
    fallback_share: float = Field(0.2, ge=0, le=1)
    """Share of the pages sent that may be read here instead, when the model fails on
    them; past it the recognition is refused."""


class Api(BaseModel):
    """How programs are served by `/v1/audio/speech`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_chars: int = Field(4096, ge=1, le=1_000_000)
    """Characters of one request."""
    parallel_requests: int = Field(4, ge=1, le=64)
    """Requests spoken at one time; further ones are told to come back."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Voice id by a name that programs ask for, `{"alloy": "espeak:en-gb"}`."""
    keep_days: int = Field(7, ge=1)
    """Days that a sound is kept after a program has asked for it last."""


class Batch(BaseModel):
    """How work is done that nobody waits for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    places: int = Field(1, ge=1, le=64)
    """Documents of batches that are worked on at one time."""
    runs_ahead: int = Field(8, ge=1, le=500)
    """Runs handed to Dagster at one time; what else a batch holds waits in the app."""
    off_peak: str = Field("22:00-06:00", pattern=r"^\d\d:\d\d-\d\d:\d\d$")
    """Hours in which batches work that are to work off-peak."""
    time_zone: str = ""
    """Time zone of those hours, `Europe/Vienna`; unset takes the machine's."""
    keep_days: int = Field(365, ge=1)
    """Days that audio of a batch is kept, also when its text has changed meanwhile."""

    @field_validator("off_peak")
    @classmethod
    def _check_hours(cls, hours: str) -> str:
        OffPeak.parse(hours)
        return hours

    @field_validator("time_zone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        zone_of(name)
        return name


class Web(BaseModel):
    """Pages that people name by their address, fetched from the web."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    """Whether pages are fetched at all."""
    networks: tuple[IPvAnyNetwork, ...] = ()
    """Private networks whose pages may be fetched too, `["192.168.1.0/24"]`; without
    one, only public addresses are connected to."""
    seconds: float = Field(60.0, gt=0)
    """Time on the clock in which a page must be fetched."""


class S3(BaseModel):
    """The bucket that `LECTERN_BLOBS_URL` names, and its cache on each machine.

    Without keys here, those of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are
    taken, or the machine's role.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str | None = Field(None, pattern=r"^https?://[^/@]+/?$")
    """Where the API is, `https://minio.example.org`; unset is Amazon's."""
    region: str = "us-east-1"
    """Region of the bucket."""
    access_key_id: str | None = None
    """Public half of the key."""
    secret_access_key: SecretStr | None = None
    """Secret half of the key; never logged."""
    cache_dir: Path | None = None
    """Folder of the cache, on a disk of this machine; unset is in ``data_dir``."""
    cache_bytes: int = Field(20_000_000_000, ge=1_000_000)
    """Bytes of the cache."""
    retry_seconds: float = Field(30.0, ge=0, le=240)
    """Time in which a request is sent again that failed or was not answered."""

    @model_validator(mode="after")
    def _refuse_half_a_key(self) -> "S3":
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("Both halves of the key are set together, or neither.")
        return self


class Notices(BaseModel):
    """Whom the watch tells of trouble, and when it is over. Unset tells nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook_url: SecretStr | None = None
    """Address that takes a JSON body with `text` (Slack, Mattermost, a program); never
    logged."""
    email_to: tuple[str, ...] = ()
    """Mail addresses of operators, `["ops@example.org"]`."""
    email_from: str = "lectern@localhost"
    """Sender of those mails."""
    smtp_host: str = "localhost"
    """Mail server."""
    smtp_port: int = Field(587, ge=1, le=65535)
    """Its port; 465 where `smtp_security` is `tls`."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How it is spoken to. A password is sent by the first two alone."""
    smtp_user: str = ""
    """Account at the mail server; unset is without."""
    smtp_password: SecretStr | None = None
    """Its password; never logged."""
    repeat_hours: float = Field(24.0, gt=0)
    """A trouble that lasts is told again after so long."""

    @model_validator(mode="after")
    def _refuse_open_passwords(self) -> "Notices":
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError(
                "The mail password would be sent in the open. Set smtp_security to "
                "starttls or tls, or leave smtp_user unset."
            )
        return self


HostName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")
]
HostPort = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$")
]
FilePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$")]


class Proxy(BaseModel):
    """The web server in front, for which `lectern deploy` writes a configuration.

    Its public name is the first of `LECTERN_TRUSTED_HOSTS`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    http_port: int = Field(80, ge=1, le=65535)
    """Port for plain HTTP; with a certificate it only leads to the other."""
    https_port: int = Field(443, ge=1, le=65535)
    """Port for HTTPS."""
    certificate: FilePath | None = None
    """PEM file of the certificate and its chain; unset is plain HTTP with nginx, for
    use behind something that speaks HTTPS, and a certificate of its own with Caddy."""
    certificate_key: FilePath | None = None
    """PEM file of its private key."""
    app_address: HostPort | None = None
    """Where it reaches the web app, `lectern:8710`; unset is `host` and `port`."""
    dagster_address: HostPort | None = None
    """Where it reaches the Dagster UI; unset is loopback and `dagster_port`."""
    people_file: FilePath | None = None
    """File of everybody's passwords, as `operators_file`, for an installation without
    accounts of its own."""
    people_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks from which alone people may come; `["0.0.0.0/0", "::/0"]` is any. With
    neither this nor `people_file` nor accounts no configuration is made."""
    dagster_name: HostName | None = None
    """Host name under which operators find the Dagster UI, `dagster.example.org`.
    Unset offers it to nobody. With accounts they sign in there as well."""
    operators_file: FilePath | None = None
    """File of operators' passwords, one `name:hash` a line as `htpasswd -B` writes
    it (for Caddy one `name hash` a line, as `caddy hash-password` prints it). Not
    needed with accounts: set, it is asked for instead of signing in."""
    operator_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks from which alone operators may come, `["10.0.0.0/8"]`; empty is any."""
    requests_per_second: int = Field(30, ge=1)
    """Requests of one address (a /64 of IPv6), on average; more are answered 429."""
    burst_requests: int = Field(120, ge=1)
    """Requests of one address that may come at once."""
    uploads_per_minute: int = Field(60, ge=1)
    """Files of one address, on average."""
    burst_uploads: int = Field(60, ge=1)
    """Files of one address that may come at once."""
    connections: int = Field(100, ge=1)
    """Requests and open connections of one address at one time."""
    access_log: FilePath = "/var/log/nginx/access.log"
    """Where requests are logged, without what stands behind a `?`."""

    @model_validator(mode="after")
    def _refuse_halves(self) -> "Proxy":
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("A certificate and its key are set together, or neither.")
        return self


class History(BaseModel):
    """How long Dagster remembers. What was made is kept for as long as it is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_days: int = Field(30, ge=1)
    """Days that a run and its events are kept which went well or was cancelled."""
    failed_run_days: int = Field(90, ge=1)
    """Days that one is kept which failed."""
    partition_days: int = Field(90, ge=1)
    """Days without any job after which a document is no partition any more. It becomes
    one again with its next job."""


class Environment(BaseModel):
    """Where an environment is, when not where `make environment` puts it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    python: Path
    """Its interpreter, which has Lectern and the extra of the same name."""


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
    blobs_url: str | None = Field(
        None, pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?$"
    )
    """Where files are kept that all machines need, `s3://bucket/prefix`; unset is a
    folder in ``data_dir``. Needs the extra `s3`. One installation, one prefix."""
    broker_url: SecretStr | None = None
    """Address of the Redis that hands runs to workers on other machines,
    `redis://10.0.0.5/0`; unset is the worker pool of this machine. Needs PostgreSQL."""
    host: str = "127.0.0.1"
    """Address the web app listens on. Without sign-in (`LECTERN_ACCOUNTS__MODE=single`)
    only this machine is served, unless the web server in front lets people in."""
    port: int = 8710
    """Port of the web app."""
    trusted_hosts: tuple[str, ...] = ()
    """Host names the web app answers to, beside ``localhost``, ``host`` and plain
    addresses: the public name behind a reverse proxy."""
    dagster_port: int = 8711
    """Port of the Dagster webserver."""
    dagster_host: str = "127.0.0.1"
    """Address it listens on. It has no login: only in a container, on a network that
    nobody but the web server in front can reach, may it be `0.0.0.0`."""
    workers: int = 2
    """Runs that prepare or render documents at one time. While others hold several,
    somebody who has none gets one at once beyond these; twice as many at most."""
    listeners: int = 4
    """Listening runs at one time, shared in the same way; they do not count as
    ``workers``."""
    worker_memory_bytes: int = Field(2 * 1024**3, ge=256 * 1024**2)
    """Memory at which a process of ``lectern worker`` is replaced, after its run."""
    disk_reserve_bytes: int = 2_000_000_000
    """Free disk below which new uploads are refused."""
    tessdata_dir: Path | None = None
    """Folder of Tesseract's ``*.traineddata``; unset looks in the usual places."""
    recognition_languages: tuple[str, ...] = ()
    """Tesseract languages, ``("eng", "deu")``; empty takes all that are installed."""
    metrics_port: int | None = None
    """Port of the numbers for Prometheus; unset offers none."""
    metrics_host: str = "127.0.0.1"
    """Address they are offered on. Everybody who reaches it may read them."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe message that is logged."""
    sample_document: bool = True
    """Put the sample document into an empty library at the first start."""
    accounts: Accounts = Accounts()
    billing: Billing = Billing()
    limits: Limits = Limits()
    plans: dict[PlanName, PlanSettings] = Field(default_factory=default_plans)
    """What people may use, by plan; ``docs/limits.md`` says how they are changed."""
    rates: Rates = Rates()
    default_plan: str = "free"
    """Plan of whoever signs in and was given none. A guest has `guest`, an operator
    `full`, the one person of a machine without sign-in `local`."""
    speech: Speech = Speech()
    higgs: Higgs = Higgs()
    speech_servers: dict[ServerName, SpeechServer] = Field(default_factory=dict)
    """Speech servers by name; each name is an engine, and begins its voices' ids."""
    kokoro: Kokoro = Kokoro()
    mistral: Mistral = Mistral()
    vision_servers: dict[ServerName, VisionServer] = Field(default_factory=dict)
    """Vision models by name; each name is a recogniser."""
    api: Api = Api()
    batch: Batch = Batch()
    job_limits: dict[JobKind, JobCaps] = Field(default_factory=dict)
    """What one job may take, by kind: `listen`, `prepare`, `render`, `export`, `voice`;
    the defaults below for a kind that is not named."""
    history: History = History()
    retention: Retention = Retention()
    web: Web = Web()
    proxy: Proxy = Proxy()
    notices: Notices = Notices()
    s3: S3 = S3()
    environments: dict[str, Environment] = Field(default_factory=dict)
    """Environments by name, ``kokoro`` and ``api``; see ``docs/environments.md``."""

    @field_validator("environments")
    @classmethod
    def _refuse_unknown_environments(
        cls, environments: dict[str, Environment]
    ) -> dict[str, Environment]:
        for name in environments:
            if name not in ENVIRONMENTS:
                raise ValueError(
                    f"There is no environment {name!r}. There are: "
                    f"{', '.join(ENVIRONMENTS)}."
                )
        return environments

    @field_validator("plans", mode="before")
    @classmethod
    def _merge_plans(cls, stated: dict[str, object]) -> dict[str, object]:
        return merged(stated)

    @model_validator(mode="after")
    def _refuse_unknown_plans(self) -> "Settings":
        if self.default_plan not in self.plans:
            raise ValueError(
                f"There is no plan {self.default_plan!r}. There are: "
                f"{', '.join(self.plans)}."
            )
        return self

    @field_validator("speech_servers")
    @classmethod
    def _refuse_taken_engines(
        cls, servers: dict[str, SpeechServer]
    ) -> dict[str, SpeechServer]:
        for name in servers:
            if name in ("custom", "espeak", "higgs-native", "kokoro"):
                raise ValueError(f"A speech server cannot be called {name!r}.")
        return servers

    @field_validator("vision_servers")
    @classmethod
    def _refuse_taken_names(
        cls, servers: dict[str, VisionServer]
    ) -> dict[str, VisionServer]:
        for name in servers:
            if name in ("local", "mistral", "mistral-batch"):
                raise ValueError(f"A vision server cannot be called {name!r}.")
        return servers

    @field_validator("broker_url")
    @classmethod
    def _refuse_other_brokers(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not url.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("A broker is a Redis: write redis://host:6379/0.")
        return url

    @model_validator(mode="after")
    def _refuse_an_open_dagster(self) -> "Settings":
        proxy = self.proxy
        is_closed = proxy.operators_file or proxy.operator_networks
        if proxy.dagster_name and self.accounts.is_single and not is_closed:
            raise ValueError(
                "The Dagster UI has no login of its own. Set "
                "LECTERN_PROXY__OPERATORS_FILE or LECTERN_PROXY__OPERATOR_NETWORKS, "
                "have everybody sign in (LECTERN_ACCOUNTS__MODE=multi), or leave "
                "LECTERN_PROXY__DAGSTER_NAME unset."
            )
        return self

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

    def plan(self, name: str) -> Plan | None:
        """Return a plan by its name, with every limit stated; None: there is none."""
        return plans_of(self.limits, self.plans).get(name)

    def caps_of(self, kind: JobKind) -> JobCaps:
        """Return what one job of a kind may take."""
        return self.job_limits.get(kind) or JobCaps()

    @property
    def root(self) -> Path:
        """Return ``data_dir`` without ``~``, absolute."""
        return self.data_dir.expanduser().absolute()

    @property
    def public_address(self) -> str:
        """Return where people reach the app, without a slash at the end."""
        if self.accounts.public_address:
            return self.accounts.public_address
        if self.trusted_hosts:
            return f"https://{self.trusted_hosts[0]}"
        host = "127.0.0.1" if self.host in ("", "0.0.0.0") else self.host  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def database(self) -> str:
        """Return the SQLAlchemy address in force."""
        return self.database_url or f"sqlite:///{self.root / 'lectern.sqlite3'}"
