"""What is counted of the work done for people: the units of allowances and ledger."""

from enum import StrEnum


class Unit(StrEnum):
    """One thing that is counted, in whole numbers; the value is stored."""

    TTS_CHARS = "tts_chars"  # characters newly spoken
    TTS_MS = "tts_ms"  # milliseconds of speech newly made
    OCR_PAGES = "ocr_pages"  # pages read from their picture
    ASR_MS = "asr_ms"  # milliseconds of recordings transcribed
    STORAGE_BYTES = "storage_bytes"  # bytes kept
    MICROS = "micros"  # millionths of a dollar, paid to engines elsewhere
