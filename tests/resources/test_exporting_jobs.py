"""Exports as work: quoted, resumed where they were cut short, small in memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from lectern.accounts.people import LOCAL
from lectern.errors import InvalidRequest, NotFound, NothingToRead
from lectern.exports.requests import ExportRequest
from resources.exporting import making
from resources.exporting.making import make_export, voice_export
from resources.exporting.quoting import plan_export
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.reachability import reachable_blobs
from tests.support.exporting import (
    CHAPTERS,
    VOICE,
    NotesEngine,
    export_job,
    exported,
)
from tests.support.speech import add_document, sentence, settings_at
from tests.support.stores import OTHER
from tests.support.voices import add_voice, with_blend


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Return services whose only chosen engine speaks in tones."""
    services = Services.open(settings_at(tmp_path, processes=2))
    services.speech_engines().add(NotesEngine())
    return services


@pytest.fixture
def document(services: Services) -> Document:
    """Return a document of three chapters that is read in tones."""
    made = add_document(services, [sentence(n) for n in range(6)], chapters=CHAPTERS)
    return services.catalog.set_voice(LOCAL, made.id, VOICE)


def parts_kept(services: Services, document: Document) -> set[str]:
    from sqlalchemy import select

    from resources.stores import schema

    with services.database.read() as connection:
        names = connection.scalars(select(schema.artifact.c.name))
        return {name for name in names if name.startswith("part-")}


@pytest.mark.parametrize(
    "request_", [{"format": "mp3", "by_chapter": True}, {"format": "epub"}]
)
def test_finished_parts_of_an_export_that_was_cut_short_are_kept(
    services, document, monkeypatch, request_
):
    written: list[str] = []
    real = making.write_part

    def dies_at_the_third(sources, path, fmt, **about):
        if len(written) == 2:
            raise KeyboardInterrupt  # as a kill: nothing of ours catches it
        real(sources, path, fmt, **about)
        written.append(about["title"])

    monkeypatch.setattr(making, "write_part", dies_at_the_third)
    job = export_job(services, document, **request_)
    voice_export(services, document, job=job)
    with pytest.raises(KeyboardInterrupt):
        make_export(services, document, job=job)
    assert len(parts_kept(services, document)) == 2

    def counts(sources, path, fmt, **about):
        real(sources, path, fmt, **about)
        written.append(about["title"])

    monkeypatch.setattr(making, "write_part", counts)
    make_export(services, document, job=job)

    assert written == ["One", "One a", "Two"]  # each once
    assert parts_kept(services, document) == set()


def test_an_export_is_reachable_until_it_is_deleted(services, document):
    file = exported(services, document, format="opus")
    [export] = services.exports.list(LOCAL, document.id)

    assert file.artifact.blob in set(reachable_blobs(services.database))
    services.exports.delete(LOCAL, export.id)

    assert file.artifact.blob not in set(reachable_blobs(services.database))
    with pytest.raises(NotFound):
        services.exports.get(LOCAL, export.id)


def test_nobody_else_sees_or_deletes_an_export(services, document):
    exported(services, document, format="opus")
    [export] = services.exports.list(LOCAL, document.id)

    assert services.exports.list(OTHER, document.id) == []
    for forbidden in (services.exports.get, services.exports.delete):
        with pytest.raises(NotFound):
            forbidden(OTHER, export.id)
    services.catalog.delete(LOCAL, document.id)
    with pytest.raises(NotFound):
        services.exports.get(LOCAL, export.id)


def test_a_quote_counts_what_is_still_to_be_spoken(services, document):
    request = ExportRequest(format="m4b")
    chars = sum(len(sentence(n)) for n in range(6))

    before = plan_export(services, LOCAL, document.id, request)
    exported(services, document, format="mp3", chapters=[2])
    between = plan_export(services, LOCAL, document.id, request)
    made = exported(services, document, format="m4b")
    after = plan_export(services, LOCAL, document.id, request)

    assert (before.quote.chars, before.quote.price_micros) == (chars, 0)
    assert before.quote.seconds
    assert before.size_bytes > 0
    assert between.quote.chars == chars - len(sentence(4)) - len(sentence(5))
    assert after.quote.chars == 0
    assert after.ready is not None
    assert after.ready.blob == made.artifact.blob
    assert after.size_bytes == made.about["size_bytes"]


def test_a_quote_has_the_price_of_its_engine(services, document):
    class Dear(NotesEngine):
        name = "notes"

        def price_micros(self, chars: int) -> int | None:
            return 15 * chars

    services.speech_engines().add(Dear())

    plan = plan_export(services, LOCAL, document.id, ExportRequest(format="mp3"))

    assert plan.quote.price_micros == 15 * plan.quote.chars


def test_an_export_goes_on_in_the_default_voice_where_the_chosen_one_is_gone(
    services, document
):
    blend = with_blend(services)
    made = add_voice(services)
    services.personal_voices().set_default(LOCAL, "en", VOICE)
    document = services.catalog.set_voice(LOCAL, document.id, made.voice_id)
    first = exported(services, document, voice=None, format="wav", chapters=[0])
    spoken = len(blend.spoken)
    services.voices.delete(LOCAL, made.id)

    plan = plan_export(services, LOCAL, document.id, ExportRequest(format="wav"))
    whole = exported(services, document, voice=None, format="wav")

    assert first.about["blocks"] == spoken > 0
    assert plan.quote.engine == "notes"  # who speaks, and whose price it is
    assert plan.blocks == whole.about["blocks"] == 6
    assert len(blend.spoken) == spoken


def test_what_cannot_be_exported_is_refused_before_any_work(services, document):
    with pytest.raises(NotFound):
        plan_export(services, OTHER, document.id, ExportRequest(format="mp3"))
    wanted = ExportRequest(format="mp3", chapters=(9,))
    with pytest.raises(InvalidRequest):
        plan_export(services, LOCAL, document.id, wanted)
    silent = add_document(services, ["* * *"])
    with pytest.raises(NothingToRead):
        plan_export(services, LOCAL, silent.id, ExportRequest(format="mp3"))


MEASURE = """
import resource, sys
from pathlib import Path
from resources.exporting.making import make_export, voice_export
from resources.services import Services
from tests.support.exporting import NotesEngine, export_job
from tests.support.speech import add_document, settings_at
services = Services.open(settings_at(Path(sys.argv[1]), processes=2))
services.speech_engines().add(NotesEngine())
def grown(blocks):
    texts = [f"Number {n % 40}." for n in range(blocks)]
    document = add_document(services, texts, title=str(blocks))
    job = export_job(services, document, format="m4b", loudness_lufs=-16)
    voice_export(services, document, job=job)
    make_export(services, document, job=job)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(grown(200), grown(2000))
"""


@pytest.mark.drill
def test_two_thousand_blocks_take_hardly_more_memory_than_two_hundred(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )

    few_mib, many_mib = map(int, done.stdout.split())
    assert many_mib - few_mib < 40
