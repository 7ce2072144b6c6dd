"""The whole product at the client: what a listener waits for.

Starts `lectern serve` with data of its own and talks to it as the player does.
Prints, for each figure, median, 95th percentile and goal; the raw baseline is the
same engine and encoder called directly in this process, in the same run.
"""

import argparse
import contextlib
import io
import json
import random
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.product import Product, running

WORDS = [
    "the",
    "harbour",
    "woke",
    "before",
    "town",
    "did",
    "and",
    "every",
    "boat",
    "that",
    "had",
    "waited",
    "all",
    "night",
    "for",
    "a",
    "tide",
    "began",
    "to",
    "lean",
    "towards",
    "open",
    "water",
    "while",
    "gulls",
    "argued",
    "above",
    "market",
]


def prose(random_: random.Random, chars: int) -> str:
    """Return paragraphs of made-up sentences, about this long in all."""
    paragraphs, made = [], 0
    while made < chars:
        sentences = []
        for _ in range(random_.randint(3, 7)):
            words = random_.choices(WORDS, k=random_.randint(8, 18))
            sentences.append(" ".join(words).capitalize() + ".")
        paragraphs.append(" ".join(sentences))
        made += len(paragraphs[-1])
    return "\n\n".join(paragraphs)


def text_pdf(random_: random.Random, pages: int) -> bytes:
    """Return a PDF with a text layer, about 2,500 characters a page."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    for _ in range(pages):
        text = canvas.beginText(72, 770)
        text.setFont("Helvetica", 11)
        for paragraph in prose(random_, 2500).split("\n\n"):
            words = paragraph.split()
            for start in range(0, len(words), 14):
                text.textLine(" ".join(words[start : start + 14]))
            text.textLine("")
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@dataclass
class Ready:
    """What the event stream of one document has said so far."""

    blocks: dict[int, str] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, index: int, seconds: float = 30.0) -> str:
        """Return the audio key of a block once it is announced."""
        with self.changed:
            if not self.changed.wait_for(lambda: index in self.blocks, seconds):
                raise TimeoutError(f"block {index} was not voiced in {seconds} s")
            return self.blocks[index]


class Listener:
    """Does what the player does, over one kept-alive connection."""

    def __init__(self, product: Product) -> None:
        self.client = httpx.Client(base_url=product.address, timeout=60)
        self.client.headers["origin"] = product.address
        self.session = uuid.uuid4().hex
        self.sequence = 0

    def upload(self, name: str, data: bytes) -> str:
        """Upload a file and return its document id."""
        begun = self.client.post(
            "/api/uploads", json={"name": name, "size_bytes": len(data)}
        )
        address = f"/api/uploads/{begun.raise_for_status().json()['id']}"
        step = 8 * 1024**2
        for offset in range(0, len(data), step):
            answer = self.client.put(
                address,
                content=data[offset : offset + step],
                headers={"upload-offset": str(offset)},
            ).raise_for_status()
        return str(answer.json()["document"]["id"])

    def manifest(self, document: str) -> dict:
        """Return the manifest, whatever its state."""
        answer = self.client.get(f"/api/documents/{document}/manifest")
        return answer.raise_for_status().json()

    def manifest_when_ready(self, document: str) -> dict:
        """Return the manifest as soon as it can be played."""
        while (manifest := self.manifest(document))["state"] != "ready":
            if manifest["state"] == "failed":
                raise RuntimeError(manifest)
            time.sleep(0.05)
        return manifest

    def follow(self, document: str) -> Ready:
        """Listen to the document's events in a thread of its own."""
        ready = Ready()

        def read() -> None:
            with httpx.stream(
                "GET",
                f"{self.client.base_url}/api/documents/{document}/events",
                timeout=None,
            ) as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:") and '"blocks"' in line:
                        with ready.changed:
                            for index, key, _ in json.loads(line[5:])["blocks"]:
                                ready.blocks[index] = key
                            ready.changed.notify_all()

        def read_until_closed() -> None:
            with contextlib.suppress(httpx.HTTPError):  # the product was stopped
                read()

        threading.Thread(target=read_until_closed, daemon=True).start()
        return ready

    def cursor(
        self, document: str, manifest: dict, block: int, *, playing: bool
    ) -> None:
        """Post where the reader is."""
        self.sequence += 1
        self.client.post(
            f"/api/documents/{document}/cursor",
            json={
                "session": self.session,
                "sequence": self.sequence,
                "block": block,
                "offset_ms": 0,
                "playing": playing,
                "rate": 1.0,
                "voice": manifest["voice"],
                "listened_ms": 0,
                "listened_words": 0,
            },
        ).raise_for_status()

    def sound(self, key: str) -> bytes:
        """Return the audio of a block."""
        return self.client.get(f"/api/audio/{key}.ogg").raise_for_status().content


def spoken(manifest: dict) -> list[int]:
    """Return the indices of the blocks that are spoken."""
    return [block["i"] for block in manifest["blocks"] if "x" not in block]


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def first_sounds(
    listener: Listener, random_: random.Random, rounds: int
) -> list[float]:
    """Play → first sound of a document nobody has opened, nothing cached."""
    found = []
    for round_ in range(rounds):
        text = prose(random_, 20_000).encode()
        document = listener.upload(f"play-{round_}.txt", text)
        manifest = listener.manifest_when_ready(document)
        ready = listener.follow(document)
        time.sleep(0.5)
        first = spoken(manifest)[0]

        def play(document=document, manifest=manifest, ready=ready, first=first):
            listener.cursor(document, manifest, first, playing=True)
            listener.sound(ready.wait(first))

        found.append(timed(play))
        listener.cursor(document, manifest, first, playing=False)
    return found


def jumps(
    listener: Listener, random_: random.Random, rounds: int
) -> tuple[list[float], list[float]]:
    """Jump → sound while playing a book; and the time of a cached block."""
    document = listener.upload("jump.txt", prose(random_, 300_000).encode())
    manifest = listener.manifest_when_ready(document)
    ready, places = listener.follow(document), spoken(manifest)
    listener.cursor(document, manifest, places[0], playing=True)
    ready.wait(places[0])
    found = []
    for _ in range(rounds):
        time.sleep(random_.uniform(0.2, 0.8))
        target = random_.choice([i for i in places if i not in ready.blocks])

        def jump(target=target):
            listener.cursor(document, manifest, target, playing=True)
            listener.sound(ready.wait(target))

        found.append(timed(jump))
    keys = list(ready.blocks.values())
    listener.cursor(document, manifest, places[0], playing=False)
    time.sleep(2)
    cached = [
        timed(lambda: listener.sound(random_.choice(keys))) for _ in range(rounds * 20)
    ]
    return found, cached


def uploads(listener: Listener, random_: random.Random, rounds: int) -> list[float]:
    """Upload finished → first sound, on a 300-page PDF with a text layer."""
    found = []
    for round_ in range(rounds):
        data = text_pdf(random_, 300)
        document = listener.upload(f"upload-{round_}.pdf", data)

        def until_sound(document=document):
            manifest = listener.manifest_when_ready(document)
            ready, first = listener.follow(document), spoken(manifest)[0]
            listener.cursor(document, manifest, first, playing=True)
            listener.sound(ready.wait(first))

        found.append(timed(until_sound))
    return found


def raw_first_block(rounds: int) -> list[float]:
    """The floor: engine and encoder alone, for one block."""
    from lectern.settings import Settings
    from resources.engines.opus import encode
    from resources.engines.voices import SpeechEngines

    engines = SpeechEngines(Settings(_env_file=None))
    voice = engines.default_voice("en")
    engine = engines.engine(voice.engine)
    text = prose(random.Random(1), 250)[:250]

    def speak() -> None:
        speech = engine.synthesise(text, voice)
        encode(speech.samples, speech.rate_hz, bit_rate=32_000)

    speak()  # warm
    return [timed(speak) for _ in range(rounds)]


def report(name: str, seconds: list[float], goal: str) -> None:
    """Print one figure."""
    ordered = sorted(seconds)
    p = lambda q: ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000  # noqa: E731
    print(
        f"{name:44} p50 {statistics.median(ordered) * 1000:8.1f} ms  "
        f"p95 {p(0.95):8.1f} ms  p99 {p(0.99):8.1f} ms  n {len(ordered):4}  goal {goal}"
    )


def figures(product: Product, rounds: int) -> Iterator[tuple[str, list[float], str]]:
    """Yield every figure."""
    random_ = random.Random(20261121)
    listener = Listener(product)
    first_sounds(listener, random_, 1)
    yield "raw: engine and encoder, one block", raw_first_block(rounds), "baseline"
    yield (
        "play → first sound, nothing cached",
        first_sounds(listener, random_, rounds),
        "p50 ≤ 1000, p95 ≤ 2000 ms",
    )
    found, cached = jumps(listener, random_, rounds)
    yield "jump → sound", found, "p50 ≤ 500 ms"
    yield "cached block at the client", cached, "p99 ≤ 10 ms"
    yield (
        "upload finished → first sound, 300 pages",
        uploads(listener, random_, max(3, rounds // 3)),
        "p50 ≤ 4000 ms",
    )


def main() -> None:
    """Run every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "data", speech__keep_warm_seconds="5") as product,
    ):
        print(f"from `lectern serve` to ready: {product.started_seconds:.1f} s")
        for name, seconds, goal in figures(product, rounds):
            report(name, seconds, goal)


if __name__ == "__main__":
    main()
