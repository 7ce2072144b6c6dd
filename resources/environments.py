"""The environments that are installed on this machine, and those that are in use.

An environment is in use when the settings name an engine that lives in it, or the
environment itself. Where it is not installed, its engines are looked for in the light
one, as an extra may be installed there as well.
"""

import importlib.util
import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from lectern.environments import API, ENVIRONMENTS, KOKORO, LIGHT
from lectern.settings import Settings

CHECKOUT = Path(__file__).parents[1]
SERVED = "environments.json"
"""In the data folder: the environments that are served, and their interpreters."""
PROBE_SECONDS = 60
PROBE = """
import importlib.util, json, sys
found = {name: importlib.util.find_spec(name) is not None for name in sys.argv[1:]}
print(json.dumps([name for name, is_there in found.items() if not is_there]))
"""
OURS = "pipelines"
"""A package of ours: an environment has all of Lectern."""

logger = logging.getLogger(__name__)


def environment_of_speech(settings: Settings, engine: str) -> str:
    """Return the environment of a speech engine, by its name."""
    if engine == "kokoro":
        return KOKORO.name
    return API.name if engine in settings.speech_servers else LIGHT


def environment_of_recogniser(settings: Settings, name: str) -> str:
    """Return the environment of a recogniser, by its name."""
    is_elsewhere = name in ("mistral", "mistral-batch", *settings.vision_servers)
    return API.name if is_elsewhere else LIGHT


def in_use(settings: Settings) -> Sequence[str]:
    """Return the environments that have an engine here, beside the light one."""
    has_api = settings.speech_servers or settings.vision_servers
    used = {
        KOKORO.name: bool(settings.kokoro.model),
        API.name: bool(has_api or settings.mistral.api_key),
    }
    return [
        name for name in ENVIRONMENTS if used[name] or name in settings.environments
    ]


def python_of(settings: Settings, environment: str) -> Path:
    """Return where the interpreter of an environment is, or would be."""
    if environment == LIGHT:
        return Path(sys.executable)
    if named := settings.environments.get(environment):
        return named.python.expanduser().absolute()
    return CHECKOUT / f".venv-{environment}" / "bin" / "python"


def why_not(settings: Settings, environment: str) -> str:
    """Return why an environment cannot be used here; empty when it can."""
    python = python_of(settings, environment)
    if environment == LIGHT:
        return ""
    lacking = lacks(python, (OURS, *ENVIRONMENTS[environment].needs))
    if lacking is None:
        return f"there is no Python at {python}"
    return f"{python} lacks {', '.join(lacking)}" if lacking else ""


def is_elsewhere(settings: Settings, module: str) -> bool:
    """Whether a module that API engines need is missing here, and their environment
    has it: what needs it is carried out there."""
    is_here = importlib.util.find_spec(module) is not None
    return not is_here and API.name in served(settings)


def installed(settings: Settings) -> dict[str, Path]:
    """Return the interpreters of the environments in use that are installed here."""
    return {
        name: python_of(settings, name)
        for name in in_use(settings)
        if not why_not(settings, name)
    }


def record_served(settings: Settings, environments: Mapping[str, Path]) -> None:
    """Write down which environments are served from now on."""
    path = settings.root / SERVED
    unfinished = path.with_suffix(".new")
    content = {name: str(python) for name, python in environments.items()}
    unfinished.write_text(json.dumps(content))
    unfinished.replace(path)


def served(settings: Settings) -> dict[str, Path]:
    """Return the interpreters of the environments that ``lectern serve`` serves.

    None where it never ran. What was installed since counts from its next start on.
    """
    try:
        content = json.loads((settings.root / SERVED).read_bytes())
    except FileNotFoundError:
        return {}
    return {str(name): Path(python) for name, python in content.items()}


def left_out(settings: Settings) -> Sequence[str]:
    """Return a line about each environment in use that is not installed here."""
    return [
        f"The environment “{name}” is left out: {reason}. Lectern's own does its work. "
        f"To install it: make environment NAME={name}"
        for name in in_use(settings)
        if (reason := why_not(settings, name))
    ]


@lru_cache(maxsize=16)
def lacks(python: Path, modules: tuple[str, ...]) -> Sequence[str] | None:
    """Return the modules that an interpreter lacks; None when there is none.

    Asked once in the life of a process; nothing is imported.
    """
    if not python.is_file():
        return None
    try:
        told = subprocess.run(
            [str(python), "-I", "-c", PROBE, *modules],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=PROBE_SECONDS,
        )
        return [str(name) for name in json.loads(told.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        logger.warning("%s does not work: %s", python, error)
        return None
