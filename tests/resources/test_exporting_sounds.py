"""Sound files to take away: as long as their blocks, each where it should be."""

import io
import math
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest

from lectern.documents.blocks import Chapter
from lectern.documents.pages import BlockKind
from lectern.errors import BlobCorrupt, Cancelled, NothingToRead
from lectern.exports.timeline import RATE_HZ, Timeline
from resources.exporting.making import make_export, voice_export
from resources.exporting.samples import StoredSound, decoded
from resources.services import Services
from resources.stores.catalog import Document
from tests.support.exporting import (
    CHAPTERS,
    VOICE,
    NotesEngine,
    export_job,
    exported,
    samples_in,
)
from tests.support.speech import add_document, block, sentence, settings_at

SOUNDS = ("m4b", "mp3", "opus", "flac", "wav")
LOSSLESS = ("flac", "wav")
CHAPTERED = ("m4b", "mp3", "opus", "flac")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Return services whose only chosen engine speaks in tones."""
    services = Services.open(settings_at(tmp_path, processes=2))
    services.speech_engines().add(NotesEngine())
    return services


@pytest.fixture
def document(services: Services) -> Document:
    """Return a document of three chapters, one block of which is not spoken."""
    blocks = [block(n, sentence(n)) for n in range(7)]
    blocks[3] = block(3, "17", kind=BlockKind.FURNITURE)
    return add_document(services, blocks, chapters=CHAPTERS)


def timeline_of(services: Services, document: Document) -> Timeline:
    linked = services.variants.keys_of(document.principal, document.id, VOICE)
    return Timeline((index, ms) for index, (_, ms) in linked.items())


def block_samples(services: Services, document: Document) -> list[np.ndarray]:
    linked = services.variants.keys_of(document.principal, document.id, VOICE)
    found = services.variants.find([key for key, _ in linked.values()])
    return [
        decoded(StoredSound(services.blobs, found[key].blob, ms)) / 32768
        for key, ms in linked.values()
    ]


@pytest.mark.parametrize("fmt", SOUNDS)
def test_a_file_is_as_long_as_its_blocks_to_the_sample(services, document, fmt):
    file = exported(services, document, format=fmt)

    timeline = timeline_of(services, document)
    assert len(timeline) == 6
    samples = samples_in(file.data)
    with av.open(io.BytesIO(file.data)) as container:
        stream = container.streams.audio[0]
        stated = None
        if stream.duration and fmt not in ("mp3", "opus"):
            stated = stream.duration * stream.time_base * RATE_HZ
    if fmt == "m4b":  # its decoder gives out whole frames; the file states the length
        assert len(samples) - timeline.samples < 1024
        assert stated == timeline.samples
    else:
        assert len(samples) == timeline.samples
        assert stated in (None, timeline.samples)
    assert file.about["duration_ms"] == timeline.duration_ms


@pytest.mark.parametrize("fmt", LOSSLESS)
def test_without_loss_each_block_is_found_bit_by_bit_at_its_sample(
    services, document, fmt
):
    whole = samples_in(exported(services, document, format=fmt).data)

    blocks = block_samples(services, document)
    for slot, alone in zip(timeline_of(services, document).slots, blocks, strict=True):
        assert np.array_equal(whole[slot.start : slot.end], alone.astype(np.float32))


@pytest.mark.parametrize("fmt", ["m4b", "mp3", "opus"])
def test_with_loss_each_tone_begins_at_its_sample(services, document, fmt):
    whole = samples_in(exported(services, document, format=fmt).data)

    blocks = block_samples(services, document)
    for slot, alone in zip(timeline_of(services, document).slots, blocks, strict=True):
        assert shift_of(whole, alone, slot.start) == 0


def shift_of(whole: np.ndarray, alone: np.ndarray, start: int, reach: int = 6) -> int:
    """Return by how many samples a block lies off the place it should have."""
    part = alone[: RATE_HZ // 10]  # begins out of silence: no period is like another
    padded = np.concatenate([np.zeros(reach), whole, np.zeros(reach)])
    errors = [
        np.sum((padded[start + n : start + n + len(part)] - part) ** 2)
        for n in range(2 * reach + 1)
    ]
    return int(np.argmin(errors)) - reach


@pytest.mark.parametrize("fmt", CHAPTERED)
def test_chapters_begin_with_their_blocks(services, document, fmt):
    file = exported(services, document, format=fmt)

    slots = timeline_of(services, document).slots
    with av.open(io.BytesIO(file.data)) as container:
        found = [
            (chapter["metadata"]["title"], chapter["start"] * chapter["time_base"])
            for chapter in container.chapters()
        ]
    expected = [("One", slots[0]), ("One a", slots[2]), ("Two", slots[3])]
    for (title, start), (wanted, slot) in zip(found, expected, strict=True):
        assert title == wanted
        assert abs(float(start) - slot.start / RATE_HZ) < 0.001


@pytest.mark.parametrize("fmt", CHAPTERED)
def test_title_author_narrator_year_language_and_cover_are_in_the_file(
    services, document, fmt
):
    file = exported(services, document, format=fmt, author="Zoë Ürük", year=1999)

    with av.open(io.BytesIO(file.data)) as container:
        sound = container.streams.audio[0]
        tags = {**sound.metadata, **container.metadata}
        tags = {name.lower(): value for name, value in tags.items()}
        [picture] = container.streams.video
        size = (picture.codec_context.width, picture.codec_context.height)
    assert tags["title"] == tags["album"] == "Harbour"
    assert tags["artist"] == "Zoë Ürük"
    assert tags.get("composer", tags.get("performer")) == "Notes"
    assert tags["date"] == "1999"
    assert tags["language"] == "eng"
    assert "synthetic" in tags["comment"]
    assert size == (1400, 1400)


def test_chapters_become_files_of_a_zip(services, document):
    file = exported(services, document, format="mp3", by_chapter=True)

    assert file.about["name"] == "Harbour.mp3.zip"
    assert file.about["media_type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        lengths = [len(samples_in(archive.read(name))) for name in names]
        with av.open(io.BytesIO(archive.read(names[1]))) as container:
            assert container.metadata["title"] == "One a"
            assert container.metadata["track"] == "2/3"
    assert names == ["01 One.mp3", "02 One a.mp3", "03 Two.mp3"]
    assert sum(lengths) == timeline_of(services, document).samples


def test_a_passage_or_some_chapters_can_be_taken_alone(services, document):
    passage = exported(services, document, format="wav", first_block=1, last_block=4)
    chapter = exported(services, document, format="wav", chapters=[0])

    linked = services.variants.keys_of(document.principal, document.id, VOICE)
    assert sorted(linked) == [0, 1, 2, 4]  # nothing else was spoken
    samples_ms = {index: ms for index, (_, ms) in linked.items()}
    assert passage.about["duration_ms"] == sum(samples_ms[n] for n in (1, 2, 4))
    assert chapter.about["duration_ms"] == sum(samples_ms[n] for n in (0, 1, 2))


def test_the_same_request_gives_the_same_file_and_speaks_nothing_again(
    services, document
):
    first = exported(services, document, format="flac")
    engine = services.speech_engines().engine("notes")
    spoken = len(engine.texts)

    again = exported(services, document, format="flac")
    other = exported(services, document, format="flac", author="Somebody")

    assert again.artifact == first.artifact
    assert other.artifact.blob != first.artifact.blob
    assert len(engine.texts) == spoken


@pytest.mark.parametrize("fmt", SOUNDS)
def test_making_a_file_twice_gives_the_same_bytes(services, document, fmt):
    first = exported(services, document, format=fmt)
    [made] = services.exports.list(document.principal, document.id)
    services.exports.delete(document.principal, made.id)

    again = exported(services, document, format=fmt)

    assert again.artifact.blob == first.artifact.blob


@pytest.mark.parametrize("fmt", ["m4b", "mp3", "opus", "flac"])
@pytest.mark.parametrize("target", [-16, -19, -23])
def test_the_whole_has_the_loudness_that_was_asked_for(services, document, fmt, target):
    file = exported(services, document, format=fmt, loudness_lufs=target)

    integrated, true_peak_db = measured_by_ffmpeg(file.data)
    assert abs(integrated - target) < 0.5
    assert true_peak_db < -0.5


def measured_by_ffmpeg(data: bytes) -> tuple[float, float]:
    """Return integrated loudness and true peak as FFmpeg's EBU R128 meter has them."""
    graph = av.filter.Graph()
    source = graph.add(
        "abuffer",
        "time_base=1/24000:sample_rate=24000:sample_fmt=flt:channel_layout=mono",
    )
    # The meter counts one channel as half of two; BS.1770 of one is what we state.
    meter = graph.add("ebur128", "metadata=1:peak=true")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    samples = samples_in(data).astype(np.float32)
    integrated, peak = -math.inf, -math.inf
    for start in range(0, len(samples), 2400):
        frame = av.AudioFrame.from_ndarray(
            samples[None, start : start + 2400], "flt", "mono"
        )
        frame.sample_rate, frame.pts = RATE_HZ, start
        graph.push(frame)
        while True:
            try:
                told = graph.pull().metadata
            except (av.BlockingIOError, av.EOFError):
                break
            integrated = float(told.get("lavfi.r128.I", integrated))
            peak = max(peak, float(told.get("lavfi.r128.true_peak", "0") or 0))
    return integrated, 20 * math.log10(peak) if peak > 0 else -math.inf


def test_what_is_left_as_it_is_is_not_changed(services, document):
    whole = samples_in(exported(services, document, format="wav").data)

    together = np.concatenate(block_samples(services, document))
    assert np.array_equal(whole, together.astype(np.float32))


def test_chapters_of_opus_are_right_past_the_half_second(services):
    # FFmpeg's own way to write them is a second late from there on.
    blocks = [block(n, " ".join(["word"] * (4 + n))) for n in range(9)]
    chapters = [Chapter(f"C{n}", 1, n) for n in range(9)]
    document = add_document(services, blocks, chapters=chapters)

    file = exported(services, document, format="opus")

    with av.open(io.BytesIO(file.data)) as container:
        starts = [
            round(c["start"] * c["time_base"] * 1000) for c in container.chapters()
        ]
    slots = timeline_of(services, document).slots
    assert starts == [slot.start * 1000 // RATE_HZ for slot in slots]
    assert any(start % 1000 >= 500 for start in starts)


def test_a_document_in_which_nothing_is_spoken_says_so(services):
    document = add_document(services, [block(0, "17", kind=BlockKind.FURNITURE)])
    job = export_job(services, document, format="m4b")

    with pytest.raises(NothingToRead):
        voice_export(services, document, job=job)
    with pytest.raises(NothingToRead):
        make_export(services, document, job=job)


@pytest.mark.parametrize("fmt", [*SOUNDS, "epub", "srt", "vtt"])
def test_one_block_is_enough(services, fmt):
    document = add_document(services, ["Yes."])

    assert exported(services, document, format=fmt, loudness_lufs=-19).data


def test_a_cancelled_export_leaves_no_file(services, document):
    job = export_job(services, document, format="m4b")
    voice_export(services, document, job=job)
    services.jobs.cancel(document.principal, job.id)

    with pytest.raises(Cancelled):
        make_export(services, document, job=job)

    assert services.exports.list(document.principal, document.id) == []
    assert list((services.settings.root / "exporting").iterdir()) == []


def test_a_sound_that_is_lost_is_made_again_for_the_file(services, document):
    first = exported(services, document, format="flac")
    linked = services.variants.keys_of(document.principal, document.id, VOICE)
    found = services.variants.find([key for key, _ in linked.values()])
    services.blobs.delete(found[linked[1][0]].blob)

    again = exported(services, document, format="wav")

    assert np.array_equal(samples_in(again.data), samples_in(first.data))


def test_a_sound_that_is_damaged_is_told_and_not_left_out(services, document):
    exported(services, document, format="srt")
    linked = services.variants.keys_of(document.principal, document.id, VOICE)
    found = services.variants.find([key for key, _ in linked.values()])
    services.blobs.path(found[linked[1][0]].blob).write_bytes(b"OggS nonsense")

    with pytest.raises(BlobCorrupt):
        exported(services, document, format="wav")
