"""What a person has and has chosen among voices: own ones, defaults, favourites."""

from collections.abc import Sequence

from lectern.accounts.people import Principal
from lectern.speech.custom_voices import hex_of
from lectern.speech.voices import Voice, primary_language
from resources.stores.preferences import Preferences
from resources.stores.voices import Voices

DEFAULTS = "default_voices"
FAVOURITES = "favourite_voices"
MOST_FAVOURITES = 500


class PersonalVoices:
    """One person's voices and choices, as the engines' registry asks for them."""

    def __init__(self, voices: Voices, preferences: Preferences) -> None:
        self._voices = voices
        self._preferences = preferences

    def voice(self, principal: Principal, voice_id: str) -> Voice | None:
        """Return a custom voice that this person may use, else None."""
        id_ = hex_of(voice_id)
        found = self._voices.find(principal, id_) if id_ else None
        return found.voice() if found else None

    def voices(self, principal: Principal) -> Sequence[Voice]:
        """Return every custom voice that this person may use, own ones first."""
        return [custom.voice() for custom in self._voices.all(principal)]

    def default(self, principal: Principal, language: str) -> str | None:
        """Return the id of the voice chosen for a language, else None."""
        return self.defaults(principal).get(language)

    def defaults(self, principal: Principal) -> dict[str, str]:
        """Return the chosen voices' ids by primary language code."""
        return dict(self._preferences.get(principal, DEFAULTS) or {})

    def set_default(
        self, principal: Principal, language: str, voice_id: str | None
    ) -> None:
        """Choose the voice that reads a language; None leaves it to the settings."""
        defaults = self.defaults(principal)
        defaults.pop(primary_language(language), None)
        if voice_id is not None:
            defaults[primary_language(language)] = voice_id
        self._preferences.put(principal, DEFAULTS, defaults)

    def favourites(self, principal: Principal) -> list[str]:
        """Return the ids of the voices kept at hand, in the order they were marked."""
        return list(self._preferences.get(principal, FAVOURITES) or [])

    def set_favourite(
        self, principal: Principal, voice_id: str, *, is_favourite: bool
    ) -> None:
        """Keep a voice at hand, or no longer."""
        kept = [one for one in self.favourites(principal) if one != voice_id]
        if is_favourite:
            kept.append(voice_id)
        self._preferences.put(principal, FAVOURITES, kept[-MOST_FAVOURITES:])
