"""Pages: what a person sees and can do, run by Streamlit without a browser."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import backend, following
from dashboard.api.documents import change_policy
from dashboard.backend import Backend
from dashboard.reading import voice_of
from dashboard.views import (
    exporting,
    filter_results,
    reader,
    reader_tools,
    statistics,
    wording,
)
from lectern.accounts.people import LOCAL
from lectern.accounts.tokens import Scope
from lectern.documents.filters import Filter, Rule
from lectern.documents.spoken import Speaking
from lectern.errors import EngineCrashed, LecternError, PasswordProtected
from lectern.exports.formats import ExportFormat
from lectern.jobs.history import Shown
from lectern.jobs.states import DocumentState, JobKind, JobState, JobStep
from lectern.usage.events import EventKind, Listened, Recognised
from lectern.usage.quotes import Quote, price_text
from resources.filter_previews import ChangedBlock, Preview
from resources.services import Services
from resources.stores.catalog import Document
from resources.stores.cursors import Cursor
from resources.text_stats import text_stats
from resources.texts import text_of
from tests.support.exporting import NotesEngine, exported
from tests.support.library import (
    SOMEBODY_ELSE,
    new_document,
    ready_document,
    voice_block,
)
from tests.support.speech import ToneEngine
from tests.support.voices import add_voice, with_blend

SCRIPT = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture
def open_page(here: Backend) -> Open:
    """Open a page of the app over the backend of this test."""

    def opened(page: str = "", **query: str) -> AppTest:
        app = AppTest.from_file(str(SCRIPT), default_timeout=20)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if page:
            go(app, page)
        return without_trouble(app)

    return opened


def without_trouble(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def go(app: AppTest, page: str) -> AppTest:
    """Show another page; AppTest itself can only switch to those that are files."""
    app._page_hash = calc_hash(page)
    return without_trouble(app.run())


def words(app: AppTest) -> str:
    """Return all text of the page."""
    kinds = ("title", "header", "markdown", "caption", "info", "warning", "error")
    return "\n".join(str(e.value) for kind in kinds for e in app.get(kind))


def click(app: AppTest, key: str) -> AppTest:
    return without_trouble(app.button(key=key).click().run())


def press(app: AppTest, label: str) -> AppTest:
    [button] = [button for button in app.button if button.label == label]
    return without_trouble(button.click().run())


def component(app: AppTest, name: str) -> dict:
    """Return the data that a component was given."""
    [found] = [
        json.loads(element.proto.json)
        for element in app.get("bidi_component")
        if element.proto.component_name.endswith(name)
    ]
    return found


def fail(
    services: Services,
    document: Document,
    message: str,
    kind: type[LecternError] = EngineCrashed,
) -> None:
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    services.jobs.start(job.id, "run-1")
    services.joblog.append(job.id, "page 3: no text")
    error = kind(message)
    services.jobs.fail(job.id, error)
    services.catalog.set_state(document.id, DocumentState.FAILED, error=error)


def test_an_empty_library_invites(open_page):
    assert "Put something on the lectern" in words(open_page())


def test_the_library_shows_documents_with_what_they_are_doing(open_page, services):
    ready_document(services, title="Ready one")
    preparing = new_document(services, title="Busy one")
    job = services.jobs.create(LOCAL, document_id=preparing.id, kind=JobKind.PREPARE)
    services.jobs.start(job.id, "run-1")
    services.jobs.progress(job.id, step=JobStep.RECOGNISING, done=3, total=9)

    app = open_page()

    assert "Ready one" in words(app)
    [bar] = app.get("progress")
    assert "Recognising pages · 3 of 9" in bar.proto.text


def test_titles_are_shown_letter_by_letter(open_page, services):
    ready_document(services, title="![x](http://evil.example/x.png) *a* :red[b]")

    shown = words(open_page())

    assert r"\!\[x\]\(http\:" in shown
    assert "![x](" not in shown


def test_a_search_finds_text_and_shows_where(open_page, services):
    ready_document(services, title="Walks")
    new_document(services, title="Nothing of the kind")

    app = open_page()
    app.text_input(key="library-search").set_value("river").run()

    assert "Walks" in words(app)
    assert "where the river does" in words(app)
    assert "Nothing of the kind" not in words(app)


def test_a_search_shows_where_while_something_is_made(open_page, services):
    document = ready_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.RENDER)
    services.jobs.start(job.id, "run-1")

    app = open_page()
    app.text_input(key="library-search").set_value("river").run()

    assert "where the river does" in words(app)
    assert app.get("progress")


def test_a_search_without_result_says_so(open_page, services):
    ready_document(services)

    app = open_page()
    app.text_input(key="library-search").set_value("zeppelin").run()

    assert "Nothing has “zeppelin”" in words(app)


def test_a_failed_document_says_why_and_is_tried_again(open_page, services):
    document = new_document(services)
    fail(services, document, "Page 3 cannot be read. Scan it again.")
    app = open_page()
    assert r"Page 3 cannot be read\. Scan it again\." in words(app)

    click(app, f"retry-{document.id}")

    [job] = services.jobs.for_document(document.principal, document.id)
    assert job.state is JobState.QUEUED
    state = services.catalog.get(LOCAL, document.id).state
    assert state is DocumentState.PREPARING


def test_what_can_only_fail_again_can_be_deleted_and_is_not_tried_again(
    open_page, services
):
    document = new_document(services)
    fail(services, document, "It needs a password.", PasswordProtected)

    reader = open_page("listen", document=document.id)
    assert [button.label for button in reader.button if button.label] == ["Delete"]
    app = open_page()
    assert f"retry-{document.id}" not in [button.key for button in app.button]
    click(app, f"delete-{document.id}")

    assert services.catalog.documents(LOCAL) == []


def test_what_was_heard_last_can_be_gone_on_with(open_page, services):
    ready_document(services, title="Not begun")
    begun = ready_document(services, title="Half heard")
    services.cursors.put(
        LOCAL, begun.id, Cursor(2, 0, False, 1.0, "espeak:en-gb", "tab", 1)
    )

    app = press(open_page(), "Resume")

    assert component(app, "reader")["document"] == begun.id
    assert component(app, "reader")["play"]


@pytest.mark.parametrize("block", [3, 4])  # what follows the fourth is not spoken
def test_what_was_heard_to_its_end_is_not_gone_on_with(open_page, services, block):
    begun = ready_document(services, title="Half heard")
    heard = ready_document(services, title="Heard to the end")
    for document, at, offset_ms in ((begun, 1, 0), (heard, block, 9000)):
        place = Cursor(at, offset_ms, False, 1.0, "espeak:en-gb", "tab", 1)
        services.cursors.put(LOCAL, document.id, place)

    app = press(open_page(), "Resume")

    assert component(app, "reader")["document"] == begun.id
    services.catalog.delete(LOCAL, begun.id)
    assert "Resume" not in [button.label for button in open_page().button]


@pytest.mark.parametrize(("offset_ms", "is_offered"), [(0, True), (1500, False)])
def test_the_last_block_is_gone_on_with_until_it_was_heard(
    open_page, services, offset_ms, is_offered
):
    document = ready_document(services)
    voice_block(services, document, 3, voice_id="espeak:en-gb", sound=b"OggS")
    services.cursors.put(
        LOCAL, document.id, Cursor(3, offset_ms, False, 1.0, "espeak:en-gb", "tab", 1)
    )

    offered = "Resume" in [button.label for button in open_page().button]

    assert offered is is_offered


def test_each_press_of_listen_plays_once_and_an_address_plays_nothing(
    open_page, services
):
    document = ready_document(services)
    assert component(open_page("listen", document=document.id), "reader")["play"] == ""

    app = click(open_page(), f"open-{document.id}")
    first = component(app, "reader")["play"]
    assert component(app.run(), "reader")["play"] == first != ""

    app = click(go(app, ""), f"open-{document.id}")
    assert component(app, "reader")["play"] not in ("", first)
    assert component(go(go(app, ""), "listen"), "reader")["play"] == ""


def test_a_page_that_is_left_can_ask_for_nothing_any_more(
    open_page, services, monkeypatch
):
    new_document(services)  # in preparation, so the library polls
    app = open_page()
    still_answered: list[bool] = []

    def stats() -> None:
        storage = get_script_run_ctx().fragment_storage
        still_answered.extend(map(storage.contains, polling))

    polling = list(app._fragment_storage._fragments)
    monkeypatch.setattr(statistics, "show", stats)
    go(app, "stats")

    assert still_answered == [False]


def test_a_deleted_document_comes_back(open_page, services):
    document = ready_document(services)
    app = open_page()
    services.catalog.delete(LOCAL, document.id)
    said = "“A short walk” was deleted."
    app.session_state["_deleted"] = ([document.id], said, datetime.now(UTC))
    app.run()
    assert "“A short walk” was deleted" in words(app)

    press(app, "Undo")

    assert services.catalog.get(LOCAL, document.id).title == "A short walk"


def test_the_reader_shows_the_document_of_its_address(open_page, services):
    ready_document(services, title="Another")
    wanted = ready_document(services, title="Wanted")

    app = open_page("listen", document=wanted.id)

    data = component(app, "reader")
    assert (data["document"], data["face"]) == (wanted.id, "serif")
    assert data["voice"].startswith("espeak:")


def test_the_reader_without_a_document_leads_to_the_library(open_page):
    assert "Nothing is open" in words(open_page("listen"))


def test_the_reader_says_when_a_document_is_gone(open_page, services):
    document = ready_document(services)
    services.catalog.delete(LOCAL, document.id)

    assert "not in your library" in words(open_page("listen", document=document.id))


def test_the_reader_waits_for_a_document_in_preparation(open_page, services):
    document = new_document(services)

    app = open_page("listen", document=document.id)

    assert "appears here by itself" in words(app)


def test_skipped_kinds_are_counted_and_can_be_spoken(open_page, services):
    document = ready_document(services)
    app = open_page("listen", document=document.id)
    choice = f"policy-{document.id}-{document.revision}-footnote"
    [control] = [group for group in app.get("button_group") if group.key == choice]
    assert control.label == "Footnotes (1)"

    without_trouble(control.set_value(Speaking.SPEAK).run())

    policy = services.catalog.get(LOCAL, document.id).policy
    assert {str(kind): str(way) for kind, way in policy.items()} == {
        "footnote": "speak"
    }


@pytest.mark.parametrize(
    ("actions", "label"),
    [
        ("", "Skipping"),
        ("skip", "1 kind skipped"),
        ("skip skip skip announce announce", "3 kinds skipped, 2 announced"),
        ("announce announce", "2 kinds announced"),
    ],
)
def test_what_is_announced_is_not_called_skipped(actions, label):
    entries = [{"kind": "x", "count": 1, "action": way} for way in actions.split()]

    assert reader_tools.skipped_label(entries) == label


def test_another_voice_is_kept_for_the_document(open_page, services):
    document = ready_document(services)
    app = open_page("listen", document=document.id)
    chooser = app.selectbox(key=f"voice-{document.id}-False")

    without_trouble(chooser.select_index(3).run())

    kept = services.catalog.get(LOCAL, document.id).voice_id
    assert kept is not None
    assert component(app, "reader")["voice"] == kept


def test_an_export_is_quoted_begun_and_then_waited_for(open_page, services):
    document = ready_document(services)
    app = open_page("listen", document=document.id)

    click(app, "new-export")
    quoted = words(app)
    app.selectbox(key="export-format").set_value(ExportFormat.EPUB).run()
    click(app, "start-export")

    [job] = services.jobs.for_document(
        document.principal, document.id, kind=JobKind.EXPORT
    )
    assert "still to be spoken" in quoted
    assert "free" in quoted
    assert job.parameters["export"]["format"] == "epub"
    assert "You may close this" in words(app)


def test_finished_exports_are_offered_and_can_be_deleted(open_page, services):
    services.speech_engines().add(NotesEngine())
    document = ready_document(services)
    exported(services, document, format="srt")
    [export] = services.exports.list(LOCAL, document.id)
    app = open_page("listen", document=document.id)

    click(app, f"delete-export-{export.id}")

    assert services.exports.list(LOCAL, document.id) == []


def polled_after_its_document_is_gone() -> None:
    """Run a part of a page that polls, as Streamlit does, after the page itself."""
    import streamlit as st

    part, arguments = st.session_state["polled"], st.session_state["arguments"]
    if part is not None:
        st.session_state["polled"] = None
        part(*arguments[0], **arguments[1])
    st.caption("The page was shown anew.")


@pytest.mark.parametrize("part", ["menu", "dialog", "preparation"])
def test_what_polls_ends_when_its_document_is_deleted_in_another_tab(services, part):
    document = ready_document(services)
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.EXPORT)
    services.catalog.delete(LOCAL, document.id)
    app = AppTest.from_function(polled_after_its_document_is_gone)
    app.session_state["polled"], app.session_state["arguments"] = {
        "menu": (exporting._show_files, ((document,), {"were_running": {job.id}})),
        "dialog": (exporting._follow, ((job.id,), {})),
        "preparation": (reader._show_preparing, ((document.id,), {})),
    }[part]

    without_trouble(app.run())

    assert words(app) == "The page was shown anew."


def test_a_failed_export_is_tried_again_itself(open_page, services):
    document = ready_document(services)
    jobs = [
        services.jobs.create(
            LOCAL,
            document_id=document.id,
            kind=JobKind.EXPORT,
            parameters={"export": {"format": fmt}},
        )
        for fmt in ("mp3", "flac")
    ]
    services.jobs.fail(jobs[0].id, EngineCrashed("The engine broke. Try again."))
    failed = services.jobs.get(LOCAL, jobs[0].id)

    following.retry_job(backend.current(), LOCAL, failed)

    assert services.jobs.get(LOCAL, jobs[0].id).state is JobState.QUEUED


def test_activity_shows_what_runs_and_stops_it(open_page, services):
    document = new_document(services, title="Long one")
    job = services.jobs.create(LOCAL, document_id=document.id, kind=JobKind.PREPARE)
    services.jobs.start(job.id, "run-1")
    services.jobs.progress(job.id, step=JobStep.RECOGNISING, done=3, total=9)
    app = open_page("activity")
    assert "Recognising pages · 3 of 9" in words(app)

    click(app, f"stop-{job.id}")

    assert services.jobs.get(LOCAL, job.id).cancel_requested
    stopped = services.catalog.get(LOCAL, document.id)
    assert (stopped.state, stopped.error_code) == (DocumentState.FAILED, "cancelled")


def test_activity_lists_what_ended_with_the_reason(open_page, services):
    fail(services, new_document(services), "Page 3 cannot be read. Scan it again.")

    [table] = open_page("activity").dataframe

    assert list(table.value["State"]) == ["Failed"]
    assert list(table.value["Why"]) == ["Page 3 cannot be read. Scan it again."]


def test_the_history_is_narrowed_searched_and_kept_as_a_view(open_page, services):
    bad = new_document(services, title="Bad scan")
    fail(services, bad, "Page 3 cannot be read. Scan it again.")
    good = new_document(services, title="Good scan")
    job = services.jobs.create(LOCAL, document_id=good.id, kind=JobKind.RENDER)
    services.jobs.start(job.id, "r")
    services.jobs.finish(job.id)
    app = open_page("activity")

    def titles() -> list[str]:
        return [title for table in app.dataframe for title in table.value["Title"]]

    assert titles() == ["Good scan", "Bad scan"]
    app.selectbox(key="history-shown").select(Shown.FAILED).run()
    assert titles() == ["Bad scan"]
    app.text_input(key="history-words").input("nowhere").run()
    assert titles() == []
    assert "No work passes these filters" in words(app)
    press(app, "Show all")
    assert titles() == ["Good scan", "Bad scan"]

    app.text_input(key="history-words").input("scan rend").run()
    assert titles() == ["Good scan"]
    [name] = [one for one in app.text_input if one.label == "Name of the view"]
    name.input("Renderings")
    click(app, "save-view")
    [view] = services.job_views.list(LOCAL)
    assert (view.name, view.filter.words) == ("Renderings", "scan rend")


def test_the_history_is_given_page_by_page(open_page, services, monkeypatch):
    monkeypatch.setattr("dashboard.views.history.PAGE_JOBS", 2)
    for number in range(3):
        document = new_document(services, title=f"Book {number}")
        fail(services, document, f"Page {number} cannot be read.")
    app = open_page("activity")

    def titles() -> list[str]:
        return list(app.dataframe[0].value["Title"])

    assert titles() == ["Book 2", "Book 1"]
    press(app, "Older")
    assert titles() == ["Book 0"]
    press(app, "Newer")
    assert titles() == ["Book 2", "Book 1"]


def test_statistics_say_so_when_nothing_was_counted(open_page):
    assert "Nothing has been counted yet" in words(open_page("stats"))


def test_statistics_show_what_was_heard(open_page, services):
    services.outbox.append(
        EventKind.LISTENED,
        Listened(
            document_id="d",
            voice="espeak:en-gb",
            media_ms=7_200_000,
            wall_ms=5_400_000,
            words=15_000,
            rate=1.3,
        ),
        principal=LOCAL,
    )
    services.usage_events().drain()
    services.statistics_publisher().publish()

    app = open_page("stats")

    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Listened"], shown["Words heard"]) == ("1 h 30 min", "15,000")
    assert "Counted since" in words(app)


def test_statistics_show_how_pages_were_recognised_and_name_no_zeros(
    open_page, services
):
    for method, pages in (("text_layer", 14), ("tesseract", 2)):
        services.outbox.append(
            EventKind.RECOGNISED,
            Recognised(document_id="d", method=method, pages=pages, elapsed_ms=900),
            principal=LOCAL,
        )
    services.usage_events().drain()
    services.statistics_publisher().publish()

    app = open_page("stats")

    assert "Pages recognised" in words(app)
    assert "0 voices" not in words(app)
    [drawn] = [c for c in app.get("vega_lite_chart") if "Tesseract" in str(c.proto)]
    assert "Text in the PDF" in str(drawn.proto)


def test_a_document_with_all_its_sounds_says_so_in_the_library(open_page, services):
    document = ready_document(services)
    voice_id = voice_of(services, document).id
    text = text_of(services, document)
    services.catalog.set_spoken_chars(document.principal, document.id, 18)
    assert "all spoken" not in words(open_page())

    st.cache_data.clear()
    for index in (1, 3):
        voice_block(services, document, index, voice_id=voice_id, sound=b"x%d" % index)

    assert "all spoken" in words(open_page())
    assert text is not None
    change_policy(backend.current(), LOCAL, document.id, {"footnote": Speaking.SPEAK})
    assert "all spoken" not in words(open_page())
    spoken = text_stats(text, {"footnote": Speaking.SPEAK}).spoken_chars
    assert services.catalog.get(LOCAL, document.id).spoken_chars == spoken


def test_numbers_are_put_into_words():
    assert wording.duration(5) == "5 s"
    assert wording.duration(61 * 60) == "1 h 1 min"
    assert [wording.roughly(s) for s in (0.2, 5, 41.3, 59, 61.5)] == [
        5,
        5,
        45,
        60,
        61.5,
    ]
    assert wording.count(1, "page", "pages") == "1 page"
    assert wording.count(2345, "page", "pages") == "2,345 pages"


def test_the_voices_page_shows_the_catalogue(open_page):
    app = open_page("voices")

    assert "Voices" in words(app)
    assert component(app, "voices")["limits"]["clip_seconds"] == 60


def test_the_voices_page_says_which_engine_makes_voices_where_none_can(
    open_page, services
):
    assert "make kokoro" in words(open_page("voices"))

    with_blend(services)

    assert "make kokoro" not in words(open_page("voices"))


def test_the_reader_offers_own_voices_first_and_says_when_one_is_gone(
    open_page, services
):
    with_blend(services)
    made = add_voice(services, "Anna")
    document = ready_document(services)
    services.catalog.set_voice(LOCAL, document.id, made.voice_id)

    app = open_page("listen", document=document.id)
    [chosen] = [box for box in app.selectbox if box.label == "Voice"]
    assert chosen.options[0] == "★ Anna · yours"
    assert "no longer" not in words(app)

    services.voices.delete(LOCAL, made.id)
    app = without_trouble(app.run())
    assert "no longer" in words(app)


def test_several_documents_are_deleted_and_brought_back_together(
    open_page: Open, services: Services
):
    documents = [ready_document(services, title=f"Book {n}") for n in range(3)]
    app = open_page()
    app.button(key="selecting").click().run()
    app.button(key="select-all").click().run()
    button(app, "Delete").click().run()

    assert services.catalog.documents(LOCAL) == []
    assert "3 documents were deleted" in words(app)
    button(app, "Undo").click().run()
    assert len(services.catalog.documents(LOCAL)) == len(documents)


def test_a_batch_is_quoted_in_the_library_and_followed_in_activity(
    open_page: Open, here: Backend, services: Services
):
    for number in range(3):
        ready_document(services, title=f"Book {number}")
    app = open_page()
    app.button(key="selecting").click().run()
    app.checkbox[0].check().run()
    assert "1 selected" in words(app)
    app.button(key="select-all").click().run()
    assert "3 selected" in words(app)
    button(app, "Prepare for listening…").click().run()

    assert "3 documents" in words(app)
    assert "characters to speak" in words(app)

    # What the button in the dialog does: AppTest runs no part of a page by itself.
    plan = services.batching().plan(LOCAL)
    batch = following.begin_batch(
        here, LOCAL, plan, name="3 documents", is_off_peak=False
    )
    assert (batch.documents, batch.price_micros) == (3, 0)
    activity = go(open_page(), "activity")
    assert "Prepare 3 documents" in words(activity)
    assert "0 of 3 done" in words(activity)
    button(activity, "Stop").click().run()
    assert "Stopped" in words(activity)
    button(activity, "Go on").click().run()
    assert "Waiting" in words(activity)


def test_a_batch_with_a_price_says_it_before_and_in_activity(
    open_page: Open, here: Backend, services: Services
):
    services.speech_engines().add(DearEngine())
    document = ready_document(services)
    services.catalog.set_voice(LOCAL, document.id, "tone:en")
    app = open_page()
    app.button(key="selecting").click().run()
    app.button(key="select-all").click().run()
    button(app, "Prepare for listening…").click().run()

    plan = services.batching().plan(LOCAL)
    price = price_text(plan.quote)
    assert price.startswith("$")
    assert price in words(app).replace("\\", "")

    following.begin_batch(here, LOCAL, plan, name="1 document", is_off_peak=True)
    assert f"quoted: {price}" in words(go(open_page(), "activity")).replace("\\", "")


class DearEngine(ToneEngine):
    """Asks a cent for each character."""

    def price_micros(self, chars: int) -> int | None:
        """Return the price."""
        return 10_000 * chars


def test_tokens_are_listed_without_their_text_and_revoked(
    open_page: Open, services: Services
):
    token, secret = services.tokens.make(LOCAL, name="My phone", scopes=list(Scope))

    app = open_page("settings")
    assert "My phone" in words(app)
    assert "never used" in words(app)
    assert secret not in words(app)
    app.button(key=f"revoke-{token.id}").click().run()

    assert "There are no tokens yet" in words(app)
    assert services.tokens.told_by(secret) is None


def test_filters_are_listed_tried_and_switched_off(open_page, services):
    document = ready_document(services)
    rules = (Rule("mill", "**weir**"),)
    kept = services.filters.add(
        LOCAL, Filter("Words <b>", rules), document_id=document.id
    )

    app = open_page("filters", document=document.id)

    assert r"Words \<b\>" in words(app)
    assert r"mill → **\*\*weir\*\***" in words(app)
    click(app, f"filter-edit-{kept.id}")
    press(app, "Try it out")
    assert "1 passage changes" not in words(app)  # it is said so already
    press(app, "Save")
    without_trouble(app.toggle(key=f"filter-on-{kept.id}-1").set_value(False).run())
    assert not services.filters.get(LOCAL, kept.id).filter.is_enabled
    off = services.catalog.get(LOCAL, document.id)
    assert services.filtering().made_by(off)["rules"] == ""


def test_what_a_filter_changes_is_put_into_words():
    quoted = Quote("espeak", chars=30, seconds=7.0)
    block = ChangedBlock(
        1, "By the *mill*", "By the *mill*", "By the mill", "By a weir"
    )
    found = Preview(2, (block,), spoken_anew=1, left_out=0, quote=quoted)

    line = filter_results.summary(found).replace("\\", "")

    assert (
        line == "2 places · 1 passage changes · 1 to be spoken anew · about 7 s · free"
    )
    assert filter_results.difference(block) == (
        "By :red[~~the mill~~] :green-background[**a weir**]"
    )


def button(app: AppTest, label: str):
    """Return the button with this label."""
    [found] = [one for one in app.button if one.label == label]
    return found


@pytest.mark.parametrize("page", ["listen", "compare"])
def test_somebody_elses_document_is_not_shown_by_its_address(
    open_page: Open, services: Services, page: str
) -> None:
    theirs = ready_document(services, principal=SOMEBODY_ELSE, title="Secret letters")

    shown = words(open_page(page, document=theirs.id))

    assert "Secret" not in shown
    assert "mill" not in shown


def test_what_others_share_is_read_and_left(
    open_page: Open, services: Services
) -> None:
    theirs = ready_document(services, principal=SOMEBODY_ELSE, title="Letters")
    services.shares.let_in(SOMEBODY_ELSE, theirs.id, LOCAL, named="me@example.org")

    library = open_page()
    assert "Shared with you" in [one.value for one in library.subheader]
    assert "Shared by somebody" in words(library)
    reader = open_page("listen", document=theirs.id)
    assert "Shared by somebody" in words(reader)
    labels = {button.label for button in reader.button}
    assert not labels & {"Compare", "Export", "Share"}

    services.shares.leave(LOCAL, theirs.id)
    assert "Letters" not in words(open_page("listen", document=theirs.id))
