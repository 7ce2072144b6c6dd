"""How each family of vision models is asked for a page, and how it answers.

A profile is chosen by the model's name. What is fixed by a model's training (its short
prompt, the size of picture it takes, the form of its reply) stands here; what depends
on a server stands in the settings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Form = Literal["markdown", "front_matter", "doctags", "grounded", "layout"]
LADDER = (0.0, 0.2, 0.5, 0.8)
"""Temperatures of the first try and of those that follow a bad reply."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of models."""

    name: str
    models: re.Pattern[str]  # searched for in the model's name
    prompt: str  # sent beside the picture; empty sends the picture alone
    side_px: int  # longest side of the picture
    form: Form = "markdown"
    ladder: tuple[float, ...] = LADDER
    most_tokens: int = 8000
    extra_body: Mapping[str, Any] = field(default_factory=dict)


FRONT_MATTER_PROMPT = (
    "The picture shows one page of a document. Write its text in natural reading "
    "order as Markdown, formulas as LaTeX, tables as HTML, without running heads and "
    "page numbers. Begin with YAML front matter between two lines of three hyphens "
    "that states primary_language, is_rotation_valid, rotation_correction (0, 90, 180 "
    "or 270 degrees clockwise), is_table and is_diagram."
)
GENERIC_PROMPT = (
    "Write down all text of this page in reading order, as Markdown: headings with #, "
    "tables as HTML, formulas as LaTeX between dollar signs. Add nothing of your own."
)
NO_REPEATS = MappingProxyType(
    {
        "skip_special_tokens": False,
        "vllm_xargs": {"ngram_size": 30, "window_size": 90},
    }
)
"""What DeepSeek-OCR's own logits processor on vLLM is told."""


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


PROFILES = (
    Profile("paddleocr-vl", _named(r"paddle-?ocr-?vl"), "OCR:", 1600),
    Profile("glm-ocr", _named(r"glm-?ocr"), "Text Recognition:", 1800),
    Profile("lightonocr", _named(r"lighton-?ocr"), "", 1540),
    Profile(
        "olmocr",
        _named(r"olmocr"),
        FRONT_MATTER_PROMPT,
        1288,
        form="front_matter",
        ladder=(0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.0),
    ),
    Profile(
        "deepseek-ocr",
        _named(r"deepseek-?ocr"),
        "<|grounding|>Convert the document to markdown.",
        1280,
        form="grounded",
        extra_body=NO_REPEATS,
    ),
    Profile(
        "dots",
        _named(r"dots[.-]?m?ocr"),
        "Extract the text content from this image.",
        1680,
        form="layout",
    ),
    Profile(
        "granite-docling",
        _named(r"granite-?docling|smol-?docling"),
        "Convert this page to docling.",
        1536,
        form="doctags",
        extra_body=MappingProxyType({"skip_special_tokens": False}),
    ),
)
GENERIC = Profile("generic", _named(""), GENERIC_PROMPT, 1540)


def profile_of(model: str) -> Profile:
    """Return how a model is asked, by its name."""
    return next((p for p in PROFILES if p.models.search(model)), GENERIC)
