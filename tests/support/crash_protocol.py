"""What the crash drill runs and kills: a document comes in, is voiced and counted.

Every line that it prints is a promise that has to hold from then on.
"""

import sys
from pathlib import Path

from lectern.accounts.people import LOCAL
from lectern.documents.formats import Format
from lectern.jobs.states import JobKind
from resources.services import Services
from tests.support.stores import link_to, publish, settings_in, voice

PIECES = (b"call me ", b"ishmael")


def run(services: Services, say: "Say") -> None:
    """Go through everything that has to survive a crash."""
    data = b"".join(PIECES)
    upload = services.uploads.begin(LOCAL, "whale.txt", len(data))
    for piece in PIECES:
        offset = services.uploads.get(LOCAL, upload.id).offset_bytes
        services.uploads.advance(LOCAL, upload.id, offset=offset, data=piece)
    blob = services.uploads.finish(LOCAL, upload.id)
    document = services.catalog.add(
        LOCAL,
        title="Whale",
        filename="whale.txt",
        format=Format.TEXT,
        blob=blob,
        size_bytes=len(data),
    )
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    say("accepted", document.id, job.id)
    document = publish(services, document, "call me ishmael")
    say("readable", document.id)
    voice(services, document, link_to("call me ishmael"))
    say("voiced", document.id)
    services.usage_events().drain()
    services.usage_events().compact()
    services.statistics_publisher().publish()
    say("counted", document.id)


class Say:
    """Prints a promise at once."""

    def __call__(self, *words: str) -> None:
        sys.stdout.write(" ".join(words) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run(Services.open(settings_in(Path(sys.argv[1]))), Say())
