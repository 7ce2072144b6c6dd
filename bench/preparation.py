"""Text layer to blocks: pages a second and memory, against the raw pypdfium2 loop.

``python bench/preparation.py [FILE.pdf] [--rounds N]``; without a file one is made.
Raw and own runs take turns, each in a process of its own whose models are loaded
before the clock starts, as they are in a worker. Goals: 300 pages/s and 300 MB on a
619-page book.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

GOAL_PAGES_PER_SECOND, GOAL_MB = 300, 300
WORDS = "harbour lantern market winter chalk collector letter village keeper tower"

RAW = """
import json, resource, sys, time
import pypdfium2
started = time.perf_counter()
document = pypdfium2.PdfDocument(sys.argv[1])
for index in range(len(document)):
    page = document[index]
    textpage = page.get_textpage()
    textpage.get_text_range()
    textpage.close()
    page.close()
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = used.ru_utime + used.ru_stime
print(json.dumps({
    "pages": len(document), "all": seconds, "cpu": cpu, "mb": used.ru_maxrss / 1024,
}))
"""
OURS = """
import json, resource, sys, time
from pathlib import Path
from lectern.documents.building import build_text
from lectern.documents.formats import Format
from lectern.settings import Settings
from resources.engines.recognition.base import NoPageCache
from resources.engines.recognition.local import LocalRecogniser
from resources.collecting import collection_paused
from resources.stores.blocks_file import write_blocks
from resources.text_models import language_finder, load_models, sentence_finder
recogniser = LocalRecogniser(Settings(_env_file=None))
load_models()
import pyarrow.parquet
before = time.process_time()
started = time.perf_counter()
read = recogniser.recognise(
    Path(sys.argv[1]), Format.PDF, cache=NoPageCache(),
    progress=lambda done, total: None
)
recognised = time.perf_counter()
with collection_paused():
    text = build_text(
        read, "0" * 32, sentences=sentence_finder(), languages=language_finder()
    )
    built = time.perf_counter()
    pages = len(read.pages)
    del read  # as the step does
    write_blocks(text)
written = time.perf_counter()
own = time.process_time() - before
used = resource.getrusage(resource.RUSAGE_SELF)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "pages": pages, "blocks": len(text.blocks), "all": written - started,
    "recognising": recognised - started, "building": built - recognised,
    "writing": written - built,
    "cpu": own + children.ru_utime + children.ru_stime,
    "mb": used.ru_maxrss / 1024, "child mb": children.ru_maxrss / 1024,
}))
"""


def made(folder: Path, pages: int = 300) -> Path:
    """Return a book of our own, with heads, page numbers and paragraphs."""
    from reportlab.pdfgen.canvas import Canvas

    chance = random.Random(1)
    path = folder / "made.pdf"
    canvas = Canvas(str(path))
    for number in range(1, pages + 1):
        canvas.drawString(72, 810, "The Keeper of the Lamp")
        for row in range(44):
            line = " ".join(chance.choices(WORDS.split(), k=11))
            canvas.drawString(72 + 15 * (row % 9 == 0), 780 - 16 * row, line + ".")
        canvas.drawString(290, 40, str(number))
        canvas.showPage()
    canvas.save()
    return path


def measured(program: str, path: Path) -> dict[str, float]:
    """Return what one run of a program over a file measures."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def median_of(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each measure."""
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}


def main() -> None:
    """Print one row for each measure."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("file", type=Path, nargs="?")
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.file or made(Path(folder))
        turns = [
            (measured(RAW, path), measured(OURS, path)) for _ in range(given.rounds)
        ]
    raw, ours = (median_of(list(rounds)) for rounds in zip(*turns, strict=True))
    pages = ours["pages"]
    print(f"{path.name}: {pages:.0f} pages, {ours['blocks']:.0f} blocks")
    print(f"raw loop       {pages / raw['all']:8.0f} pages/s {raw['mb']:8.0f} MB")
    print(
        f"text to blocks {pages / ours['all']:8.0f} pages/s {ours['mb']:8.0f} MB "
        f"(child {ours['child mb']:.0f} MB; "
        f"goals {GOAL_PAGES_PER_SECOND} pages/s, {GOAL_MB} MB)"
    )
    print(
        f"times the raw loop: {ours['all'] / raw['all']:.2f} on the clock, "
        f"{ours['cpu'] / raw['cpu']:.2f} of the processor ({ours['cpu']:.2f} s)"
    )
    for part in ("recognising", "building", "writing"):
        print(f"  {part:12} {ours[part]:6.2f} s")


if __name__ == "__main__":
    main()
