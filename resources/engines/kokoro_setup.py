"""Where Kokoro and its model are on this machine, and which ones they are.

Asked of Kokoro's own interpreter where only that can say; nothing is loaded.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from lectern.errors import EngineUnavailable
from lectern.settings import Kokoro

PROGRAM = Path(__file__).with_name("kokoro_process.py")
CHECKOUT = Path(__file__).parents[2]
INSTRUCTIONS = "ONEDNN_MAX_CPU_ISA"
OWN_ENVIRONMENT = CHECKOUT / ".venv-kokoro" / "bin" / "python"
PROBE_SECONDS = 60
DOWNLOAD_SECONDS = 3600
HEAD_BYTES = 64 * 1024
TAIL_BYTES = 1024**2
"""The end of a file of weights is a directory with a checksum of each part."""
INSTALL = (
    "Run `make kokoro`, which installs it beside Lectern, or install the extra "
    "`lectern[kokoro]`, or name its Python in LECTERN_KOKORO__PYTHON."
)
CONTENT = (
    "It must hold config.json, one *.pth with the weights, and voices/*.pt, as "
    "published under the name hexgrad/Kokoro-82M."
)


def find_python(settings: Kokoro, environment: Path | None = None) -> Path:
    """Return the interpreter that has Kokoro; ``environment`` is that of its own.

    Raises:
        EngineUnavailable: There is none.
    """
    if settings.python is not None:
        python = settings.python.expanduser()
        if not python.is_file():
            raise EngineUnavailable(
                f"LECTERN_KOKORO__PYTHON names {python}, which is not there. {INSTALL}"
            )
        return python
    if importlib.util.find_spec("kokoro") is not None:
        return Path(sys.executable)
    environment = environment or OWN_ENVIRONMENT
    if environment.is_file():
        return environment
    raise EngineUnavailable(f"Kokoro is not installed. {INSTALL}")


def find_model(settings: Kokoro, python: Path) -> Path:
    """Return the folder of the model, which a name of a hub stands for too.

    Raises:
        EngineUnavailable: It is not on this machine, or is no model.
    """
    folder = Path(settings.model).expanduser()
    if not folder.is_dir():
        folder = _from_hub(settings, python)
    lacking = [
        name
        for name, found in {
            "config.json": (folder / "config.json").is_file(),
            "one *.pth": len(list(folder.glob("*.pth"))) == 1,
            "voices/*.pt": any((folder / "voices").glob("*.pt")),
        }.items()
        if not found
    ]
    if lacking:
        raise EngineUnavailable(
            f"There is no model of Kokoro in {folder}: {', '.join(lacking)} is "
            f"missing. {CONTENT}"
        )
    return folder.resolve()


def _from_hub(settings: Kokoro, python: Path) -> Path:
    name = settings.model
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise EngineUnavailable(
            f"LECTERN_KOKORO__MODEL names {name}, which is no folder. {CONTENT}"
        )
    told = _ask(
        python,
        "locate",
        name,
        variables=environment(settings) | {"HF_HUB_OFFLINE": "1"},
    )
    if "folder" not in told and settings.allow_downloads:
        told = _ask(
            python,
            "locate",
            name,
            "download",
            variables=environment(settings),
            seconds=DOWNLOAD_SECONDS,
        )
    if "folder" not in told:
        raise EngineUnavailable(
            f"The model {name} is not on this machine. Allow downloads with "
            "LECTERN_KOKORO__ALLOW_DOWNLOADS=true, or name a folder in "
            f"LECTERN_KOKORO__MODEL. {CONTENT}"
        )
    return Path(told["folder"])


@lru_cache(maxsize=8)
def probe(python: Path) -> dict[str, Any]:
    """Return what an interpreter has installed, asked once in the life of a process.

    Raises:
        EngineUnavailable: It does not start.
    """
    return _ask(python, "probe", variables={})


def _ask(
    python: Path,
    *arguments: str,
    variables: dict[str, str],
    seconds: float = PROBE_SECONDS,
) -> dict[str, Any]:
    try:
        told = subprocess.run(
            [str(python), "-I", str(PROGRAM), *arguments],
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=seconds,
        )
        return dict(json.loads(told.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EngineUnavailable(
            f"Kokoro's Python {python} does not work ({error}). {INSTALL}"
        ) from error


def environment(settings: Kokoro) -> dict[str, str]:
    """Return what the libraries under Kokoro are told.

    Virtual machines may claim AMX and then refuse it, which ends a process that
    computes in 16 bits by SIGILL; so oneDNN is kept to what comes before it, unless
    whoever starts Lectern says otherwise.
    """
    told = {
        "HF_HUB_OFFLINE": "0" if settings.allow_downloads else "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": str(settings.threads),
    }
    if settings.bf16:
        told[INSTRUCTIONS] = os.environ.get(INSTRUCTIONS, "AVX512_CORE_BF16")
    return told


def digest_of_model(folder: Path) -> str:
    """Return a digest of configuration and weights, without reading all of them."""
    hashed = hashlib.sha256((folder / "config.json").read_bytes())
    weights = next(folder.glob("*.pth"))
    size = weights.stat().st_size
    hashed.update(size.to_bytes(8, "big"))
    with weights.open("rb") as file:
        hashed.update(file.read(HEAD_BYTES))
        file.seek(max(0, size - TAIL_BYTES))
        hashed.update(file.read())
    return hashed.hexdigest()[:16]
