"""Pages a second of recognition against the raw loop over pypdfium2, in one run.

``python bench/recognition.py FILE.pdf [FILE …]``; without a file one is made. Each
measurement runs in a process of its own, so that its memory is its own too.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

RAW = """
import json, resource, sys, time
import pypdfium2
started = time.perf_counter()
document = pypdfium2.PdfDocument(sys.argv[1])
chars = 0
for index in range(len(document)):
    page = document[index]
    textpage = page.get_textpage()
    chars += len(textpage.get_text_range())
    textpage.close()
    page.close()
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([len(document), chars, seconds, seconds, used]))
"""
OURS = """
import json, resource, sys, time
from pathlib import Path
from lectern.documents.formats import Format
from lectern.settings import Settings
from resources.engines.recognition.base import NoPageCache
from resources.engines.recognition.local import LocalRecogniser
recogniser = LocalRecogniser(Settings())
started = time.perf_counter()
first = []
def progress(done, total):
    if done and not first:
        first.append(time.perf_counter() - started)
read = recogniser.recognise(Path(sys.argv[1]), Format.PDF, cache=NoPageCache(),
                            progress=progress)
seconds = time.perf_counter() - started
chars = sum(len(line.text) for page in read.pages for line in page.lines)
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([len(read.pages), chars, seconds, first[0], max(own, child) / 1024]))
"""


def made(folder: Path, pages: int = 300) -> Path:
    """Return a text PDF of our own writing."""
    from reportlab.pdfgen.canvas import Canvas

    path = folder / "made.pdf"
    canvas = Canvas(str(path))
    for page in range(pages):
        for line in range(44):
            canvas.drawString(
                72,
                790 - 16 * line,
                f"Line {line} of page {page}, "
                "long enough to stand for a line of ordinary print.",
            )
        canvas.showPage()
    canvas.save()
    return path


def measured(program: str, path: Path) -> list[float]:
    """Return pages, characters, seconds, seconds to the first page, megabytes."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def main() -> None:
    """Print one row for each file and way of reading it."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(name) for name in sys.argv[1:]] or [made(Path(folder))]
        print(f"{'file':28} {'way':10} {'pages/s':>8} {'first s':>8} {'MB':>6}")
        for path in paths:
            for way, program in (("raw loop", RAW), ("lectern", OURS)):
                pages, _, seconds, first, memory = measured(program, path)
                print(
                    f"{path.name:28} {way:10} {pages / seconds:8.0f} {first:8.2f} "
                    f"{memory:6.0f}"
                )


if __name__ == "__main__":
    main()
