"""The page that compares recognitions, run by Streamlit without a browser."""

from dashboard.views import wording
from dashboard.views.comparing import page_html
from lectern.accounts.people import LOCAL
from lectern.documents.differences import compare
from lectern.jobs.states import JobKind, JobState
from lectern.jobs.wanted import Wanted
from lectern.usage.quotes import Quote
from tests.dashboard.test_api_recognitions import better, document
from tests.dashboard.test_views import go, open_page, press, without_trouble, words
from tests.resources.test_recognitions import prepare

__all__ = ["better", "document", "open_page"]


def test_two_readings_stand_side_by_side_with_their_cost(open_page, services, document):
    prepare(services, document, Wanted("better"))
    app = go(open_page(document=document.id), "compare")
    shown = words(app)

    assert "1 page differs of 2" in shown
    assert "This machine: Tesseract, 90% sure" in shown.replace("\\", "")
    assert "2 pages sent elsewhere" in shown
    marked = "".join(str(html.value) for html in app.get("html"))
    assert '<mark class="differs">modem.</mark>' in marked


def test_a_text_is_chosen_by_a_press(open_page, services, document):
    prepare(services, document, Wanted("better"))
    app = go(open_page(document=document.id), "compare")
    press(app, "Use this text")
    [read, _] = services.recognitions().of(services.catalog.get(LOCAL, document.id))

    assert read.recogniser == "better"


def test_another_recognition_is_asked_for_with_its_price_in_sight(
    open_page, services, document
):
    app = go(open_page(document=document.id), "compare")

    assert "2 pages · less than $0.01 · time not measured yet" in words(app).replace(
        "\\", ""
    )
    without_trouble(app.button(key="recognise-better").click().run())
    [job, *_] = services.jobs.for_document(
        document.principal, document.id, kind=JobKind.PREPARE
    )
    assert (job.state, Wanted.of(job.parameters).recogniser) == (
        JobState.QUEUED,
        "better",
    )
    assert wording.job_name(job) == "Recognise by better"


def test_what_a_page_says_is_shown_and_never_run():
    pieces = compare("<script>x</script> & so", "& so")

    assert "&lt;script&gt;x&lt;/script&gt;" in page_html(pieces, side="left")
    assert "<script" not in page_html(pieces, side="right")


def test_a_quote_is_put_in_words():
    assert wording.quote(Quote("m", pages=1, price_micros=0, seconds=90)) == (
        "1 page · free · about 2 min"
    )
    assert wording.quote(Quote("m", pages=2, price_micros=None)) == (
        "2 pages · price not known · time not measured yet"
    )
