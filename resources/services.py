"""The composition root: everything Lectern works with, put together once.

Assets, the command line and the app all start here. Opening it is cheap; what is
heavy is imported and made when it is first asked for.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lectern.accounts.people import Principal
from lectern.operations.redaction import Redactor
from lectern.settings import Settings
from resources.stores.allowed import Allowed
from resources.stores.batches import Batches
from resources.stores.blob_contract import Blobs
from resources.stores.blob_opening import open_blobs
from resources.stores.bookmarks import Bookmarks
from resources.stores.catalog import Catalog
from resources.stores.charged_pages import PageCharging
from resources.stores.cursors import Cursors
from resources.stores.daily_use import DailyUse
from resources.stores.database import Clock, Database, utc_now
from resources.stores.disk import free_bytes, require_disk
from resources.stores.exports import Exports
from resources.stores.filters import Filters
from resources.stores.job_views import JobViews
from resources.stores.joblog import JobLog
from resources.stores.jobs import Jobs
from resources.stores.jobs_history import JobHistory
from resources.stores.leases import Leases
from resources.stores.ledger import Ledger, plan_allowances
from resources.stores.migrations import current_revision, migrate, require_current
from resources.stores.outbox import Outbox
from resources.stores.page_cache import StoredPageCache
from resources.stores.people import People
from resources.stores.person_limits import PersonLimits
from resources.stores.personal_voices import PersonalVoices
from resources.stores.pins import Pins
from resources.stores.playing import Playing
from resources.stores.preferences import Preferences
from resources.stores.rates import RateStore
from resources.stores.sessions import Sessions
from resources.stores.sharing import DocumentShares
from resources.stores.speech_days import SpeechDays
from resources.stores.subscriptions import Subscriptions
from resources.stores.tokens import Tokens
from resources.stores.uploads import Uploads
from resources.stores.variants import Variants
from resources.stores.voice_links import VoiceLinks
from resources.stores.voices import Voices

if TYPE_CHECKING:
    from resources.accounts import Accounts
    from resources.accounts_elsewhere import AccountsElsewhere
    from resources.batching import Batching
    from resources.billing.port import BillingPort
    from resources.engines.recognition.base import Recogniser
    from resources.engines.recognition.engines import RecognitionEngines
    from resources.engines.voices import SpeechEngines
    from resources.filtering import Filtering
    from resources.foretelling import Foretelling
    from resources.oidc import OidcClient
    from resources.preparation import Preparation
    from resources.previews import Previews
    from resources.recognitions import Recognitions
    from resources.retaining import Retaining
    from resources.stores.events import UsageEvents
    from resources.stores.statistics import StatisticsPublisher, StatisticsReader
    from resources.voice_making import VoiceMaking
    from resources.voicing import Voicing


@dataclass(frozen=True)
class Services:
    """What the outside is reached by."""

    settings: Settings
    database: Database
    people: People
    sessions: Sessions
    blobs: Blobs
    limits: PersonLimits
    daily: DailyUse
    allowed: Allowed
    rates: RateStore
    catalog: Catalog
    jobs: Jobs
    batches: Batches
    joblog: JobLog
    job_history: JobHistory
    job_views: JobViews
    variants: Variants
    cursors: Cursors
    bookmarks: Bookmarks
    preferences: Preferences
    filters: Filters
    tokens: Tokens
    voices: Voices
    voice_links: VoiceLinks
    shares: DocumentShares
    uploads: Uploads
    outbox: Outbox
    page_cache: StoredPageCache
    playing: Playing
    exports: Exports
    ledger: Ledger
    pins: Pins
    leases: Leases

    @classmethod
    def open(
        cls, settings: Settings, *, upgrade: bool = False, clock: Clock = utc_now
    ) -> "Services":
        """Open the stores; an empty database gets its tables.

        An older one gets the changes it lacks with ``upgrade`` (``lectern serve``,
        ``convert``, ``migrate``); anybody else is told to run them.

        Raises:
            StoreError: The database is of another version of Lectern.
        """
        root = settings.root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = Database(settings.database, clock=clock)
        if upgrade or current_revision(database) is None:
            migrate(database)
        require_current(database)
        blobs = open_blobs(settings, database)
        outbox = Outbox(database)
        limits, daily = PersonLimits(database, settings), DailyUse(database)
        allowed = Allowed(limits, daily)
        jobs = Jobs(database, allowed)
        catalog = Catalog(database, outbox, allowed)
        voices = Voices(database, allowed)
        ledger = Ledger(database, allowances=plan_allowances(limits))
        return cls(
            settings=settings,
            database=database,
            people=People(database),
            sessions=Sessions(database, lifetime=settings.accounts.lifetime),
            blobs=blobs,
            limits=limits,
            daily=daily,
            allowed=allowed,
            rates=RateStore(database, settings.rates, ledger),
            catalog=catalog,
            jobs=jobs,
            batches=Batches(database),
            joblog=JobLog(
                root / "logs" / "jobs", jobs, Redactor.of(settings, os.environ)
            ),
            job_history=JobHistory(database),
            job_views=JobViews(database),
            variants=Variants(
                database,
                outbox,
                ledger,
                SpeechDays(allowed),
                served_kept=timedelta(days=settings.api.keep_days),
            ),
            cursors=Cursors(database),
            bookmarks=Bookmarks(database),
            preferences=Preferences(database),
            filters=Filters(database, limits.of),
            tokens=Tokens(database),
            voices=voices,
            voice_links=VoiceLinks(database, voices),
            shares=DocumentShares(database, catalog),
            uploads=Uploads(database, blobs, root / "uploads", settings, allowed),
            outbox=outbox,
            page_cache=StoredPageCache(database),
            playing=Playing(database),
            exports=Exports(database),
            ledger=ledger,
            pins=Pins(database),
            leases=Leases(database),
        )

    def close(self) -> None:
        """Close what can be closed."""
        self.database.close()

    def require_disk(self, wanted_bytes: int = 0) -> None:
        """Refuse new work while too little disk is free.

        Raises:
            DiskReserveReached: Less than the reserve would be left.
        """
        require_disk(
            self.settings.root,
            reserve_bytes=self.settings.disk_reserve_bytes,
            wanted_bytes=wanted_bytes,
        )

    def accounts(self) -> "Accounts":
        """Return what lets people in, and what they do with their accounts."""
        return self._accounts

    def accounts_elsewhere(self) -> "AccountsElsewhere":
        """Return what lets in people whom others know."""
        from resources.accounts_elsewhere import AccountsElsewhere

        return AccountsElsewhere(self)

    def oidc_clients(self) -> "dict[str, OidcClient]":
        """Return Lectern at each provider of OpenID Connect, by its name."""
        return self._oidc_clients

    def has_room(self) -> bool:
        """Whether there is disk for new work. What waits is begun once there is."""
        return free_bytes(self.settings.root) >= self.settings.disk_reserve_bytes

    def recogniser(self, name: str = "local") -> "Recogniser":
        """Return what turns files into pages: this machine's own, or another."""
        return self._recognition_engines.engine(name)

    def recognition_engines(self) -> "RecognitionEngines":
        """Return every recogniser by name."""
        return self._recognition_engines

    def recognitions(self) -> "Recognitions":
        """Return what each recogniser made of a document, and may still make."""
        return self._recognitions

    def personal_voices(self) -> PersonalVoices:
        """Return what each person has chosen among voices."""
        return PersonalVoices(self.voices, self.preferences)

    def speech_engines(self) -> "SpeechEngines":
        """Return the speech engines and their voices."""
        return self._speech_engines

    def billing(self) -> "BillingPort":
        """Return what sells plans; without a key nothing does."""
        return self._billing

    def batching(self) -> "Batching":
        """Return what plans batches and tells how far they are."""
        return self._batching

    def retaining(self) -> "Retaining":
        """Return what keeps within the rules of how long and how much is kept."""
        from resources.retaining import Retaining

        return Retaining(
            self.database,
            self.blobs,
            self.joblog,
            self.settings.retention,
            plan_name=lambda owner_id: self.limits.plan(Principal(owner_id)).name,
        )

    def voice_making(self) -> "VoiceMaking":
        """Return what makes, exports and imports custom voices."""
        from resources.voice_making import VoiceMaking

        return VoiceMaking(self)

    def voicing(self) -> "Voicing":
        """Return what turns blocks into audio."""
        return self._voicing

    def previews(self) -> "Previews":
        """Return what lets a voice be heard before it is chosen."""
        return self._previews

    def filtering(self) -> "Filtering":
        """Return what carries filters out."""
        return self._filtering

    def preparation(self) -> "Preparation":
        """Return what turns an upload into blocks."""
        return self._preparation

    def statistics(self) -> "StatisticsReader":
        """Return the published statistics."""
        return self._statistics

    def foretelling(self) -> "Foretelling":
        """Return what tells how long jobs will still take."""
        return self._foretelling

    def usage_events(self) -> "UsageEvents":
        """Return what carries events from the outbox to files."""
        return self._usage_events

    def statistics_publisher(self) -> "StatisticsPublisher":
        """Return what builds statistics from those files."""
        from resources.stores.statistics import StatisticsPublisher

        return StatisticsPublisher(self._statistics_root, self.usage_events())

    @property
    def _statistics_root(self) -> Path:
        return self.settings.root / "statistics"

    @cached_property
    def _oidc_clients(self) -> "dict[str, OidcClient]":
        from resources.oidc import OidcClient

        address = self.settings.public_address
        return {
            name: OidcClient(
                name, provider, redirect=f"{address}/sign-in/with/{name}/back"
            )
            for name, provider in self.settings.accounts.oidc.items()
        }

    @cached_property
    def _accounts(self) -> "Accounts":
        from resources.accounts import Accounts

        return Accounts(self)

    @cached_property
    def _recognition_engines(self) -> "RecognitionEngines":
        from resources.engines.recognition.engines import RecognitionEngines

        return RecognitionEngines(self.settings)

    @cached_property
    def _recognitions(self) -> "Recognitions":
        from resources.recognitions import Recognitions

        return Recognitions(self)

    @cached_property
    def _speech_engines(self) -> "SpeechEngines":
        from resources.engines.voices import SpeechEngines

        return SpeechEngines(
            self.settings, personal=self.personal_voices(), read_blob=self.blobs.read
        )

    @cached_property
    def _billing(self) -> "BillingPort":
        if self.settings.billing.stripe_key is None:
            from resources.billing.port import NoBilling

            return NoBilling()
        from resources.billing.stripe_billing import StripeBilling

        return StripeBilling(
            self.settings.billing,
            database=self.database,
            subscriptions=Subscriptions(self.database),
            limits=self.allowed.limits,
        )

    @cached_property
    def _batching(self) -> "Batching":
        from resources.batching import Batching

        return Batching(self)

    @cached_property
    def _voicing(self) -> "Voicing":
        from resources.voicing import Voicing

        return Voicing(self)

    @cached_property
    def _previews(self) -> "Previews":
        from resources.previews import Previews

        return Previews(self)

    @cached_property
    def _filtering(self) -> "Filtering":
        from resources.filtering import Filtering

        return Filtering(self)

    @cached_property
    def _preparation(self) -> "Preparation":
        from resources.preparation import Preparation

        return Preparation(
            settings=self.settings,
            catalog=self.catalog,
            jobs=self.jobs,
            blobs=self.blobs,
            page_cache=self.page_cache,
            filtering=self.filtering(),
            recogniser=self.recogniser(),
            recognisers=self.recognition_engines(),
            outbox=self.outbox,
            joblog=self.joblog,
            allowed=self.allowed,
            charging=PageCharging(self.database, self.page_cache, self.ledger),
        )

    @cached_property
    def _statistics(self) -> "StatisticsReader":
        from resources.stores.statistics import StatisticsReader

        return StatisticsReader(self._statistics_root)

    @cached_property
    def _foretelling(self) -> "Foretelling":
        from resources.foretelling import Foretelling

        return Foretelling(self.job_history)

    @cached_property
    def _usage_events(self) -> "UsageEvents":
        from resources.stores.events import UsageEvents

        return UsageEvents(self.outbox, self._statistics_root)
