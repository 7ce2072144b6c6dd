"""Word times: which characters are heard when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WordTime:
    """One spoken word: characters of the spoken text, milliseconds of the audio."""

    start_char: int
    end_char: int  # exclusive
    start_ms: int
    end_ms: int
