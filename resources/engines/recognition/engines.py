"""The recognisers that are configured, by name."""

import threading
from collections.abc import Callable, Sequence

from lectern.errors import EngineUnavailable, NotFound
from lectern.settings import Settings
from resources.engines.recognition.base import Recogniser
from resources.engines.recognition.local import LocalRecogniser

LOCAL = "local"
Maker = Callable[[Recogniser], Recogniser]
"""Makes a recogniser; given this machine's own, which reads what it does not."""


def makers(settings: Settings) -> dict[str, Maker]:
    """Return what makes each configured recogniser beside the local one, by name.

    Nothing is imported for one before it is made.
    """
    found: dict[str, Maker] = {}
    if settings.mistral.api_key is not None:
        found["mistral"] = lambda local: _mistral(settings, local)
        found["mistral-batch"] = lambda local: _mistral_batch(settings, local)
    for name in settings.vision_servers:
        found[name] = lambda local, name=name: _vision(  # type: ignore[misc]
            name, settings, local
        )
    return found


def _mistral(settings: Settings, local: Recogniser) -> Recogniser:
    from resources.engines.recognition.mistral import MistralRecogniser

    return MistralRecogniser(settings, local)


def _mistral_batch(settings: Settings, local: Recogniser) -> Recogniser:
    from resources.engines.recognition.mistral_batch import MistralBatchRecogniser

    return MistralBatchRecogniser(settings, local)


def _vision(name: str, settings: Settings, local: Recogniser) -> Recogniser:
    from resources.engines.recognition.vision import VisionRecogniser

    return VisionRecogniser(name, settings.vision_servers[name], settings, local)


class RecognitionEngines:
    """Every recogniser by name. Cheap to make: one is made when it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._makers = makers(settings)
        self._made: dict[str, Recogniser] = {}
        self._lock = threading.RLock()

    def names(self) -> Sequence[str]:
        """Return the names of what is configured, this machine's own first."""
        return (LOCAL, *self._makers)

    def engine(self, name: str = LOCAL) -> Recogniser:
        """Return a recogniser by its name.

        Raises:
            NotFound: None of that name is configured.
            EngineUnavailable: What it needs is not installed, or not set.
        """
        with self._lock:
            if name not in self._made:
                self._made[name] = self._new(name)
            return self._made[name]

    def _new(self, name: str) -> Recogniser:
        if name == LOCAL:
            return LocalRecogniser(self._settings)
        if name not in self._makers:
            raise NotFound(
                f"There is no recogniser “{name}”. "
                f"Configured: {', '.join(self.names())}."
            )
        return self._makers[name](self.engine(LOCAL))

    def add(self, recogniser: Recogniser) -> None:
        """Know one more recogniser, beside those that are configured."""
        with self._lock:
            self._makers[recogniser.name] = lambda _local: recogniser

    def why_not(self, name: str) -> str:
        """Return why a recogniser cannot be used; empty when it can."""
        try:
            self.engine(name)
        except (EngineUnavailable, NotFound) as error:
            return error.message
        return ""
