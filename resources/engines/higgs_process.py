"""The native side of Higgs Audio: run as a program, never imported.

Torch and the model live in an environment and a process of their own. Started by
``resources/engines/higgs_native.py`` as ``python -I higgs_process.py OPTIONS
DESCRIPTOR`` it stays and speaks; ``resident_server.py`` says how it is asked. What a
text is to go on from comes as WAV files, and what is said goes back as samples.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Ours is another interpreter's package; its folder must not be searched for more.
    stand_in = types.ModuleType("resources")
    stand_in.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["resources"] = stand_in

from resources.engines.higgs_model import RATE_HZ, Model
from resources.engines.resident_server import serve
from resources.engines.resident_work import Refused

Header = dict[str, Any]

MODEL_FILES = ("config.json", "chat_template.jinja")


class Higgs:
    """Speaks what follows a conversation."""

    def __init__(
        self, options: dict[str, Any], make_model: Callable[..., Any] = Model
    ) -> None:
        self._options = options
        self._make_model = make_model
        self._model: Any = None

    def load(self) -> None:
        """See that there is something to load.

        The one fork loads it: a GPU cannot be used by a fork of who used it before.
        """
        folder = Path(self._options["folder"])
        for name in MODEL_FILES:
            if not (folder / name).is_file():
                raise Refused(f"{folder} has no {name}")

    def answer(self, header: Header) -> tuple[Header, bytes]:
        """Speak a text."""
        if header["ask"] != "speak":
            raise Refused(f"nobody knows how to {header['ask']}")
        sound = self._loaded().speak(
            header["turns"],
            sampling=header["sampling"],
            max_new_tokens=header["max_new_tokens"],
        )
        return {"rate_hz": RATE_HZ}, sound

    def is_worn(self) -> bool:
        """Never: loading it again takes a minute."""
        return False

    def _loaded(self) -> Any:
        if self._model is None:
            try:
                self._model = self._make_model(
                    Path(self._options["folder"]),
                    Path(self._options["tokenizer_folder"]),
                    self._options["device"],
                )
            except (ImportError, OSError) as error:
                raise Refused(f"the model cannot be loaded: {error}"[:500]) from error
        return self._model


def main(options_json: str, descriptor: str) -> None:
    """Serve."""
    options = json.loads(options_json)
    serve(
        int(descriptor),
        Higgs(options),
        processes=1,
        idle_seconds=options["keep_loaded_seconds"],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
