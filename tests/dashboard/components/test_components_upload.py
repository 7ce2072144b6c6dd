"""Adding documents in the browser: drop, progress, resuming, refusal, cancel."""

from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.components.test_components_player import until
from tests.support.component_page import Stage

pytestmark = pytest.mark.browser

LIMITS = {"upload_bytes": 3_000_000, "piece_bytes": 300_000}
DATA: dict[str, Any] = {"limits": LIMITS, "accept": ".pdf,.txt,.epub"}


def choose(page: Any, *files: tuple[str, bytes]) -> None:
    """Choose files in the picker."""
    given = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        for name, data in files
    ]
    page.locator("#upload input[type=file]").first.set_input_files(given)


def row(page: Any, name: str) -> Any:
    """Return the line of one file."""
    return page.locator("#upload .row", has_text=name)


def test_files_arrive_whole_and_the_page_is_told(serve, open_page) -> None:
    stage = serve(Stage([]))
    page = open_page(stage, "upload", **DATA)
    first, second = bytes(range(256)) * 4000, b"two" * 50
    choose(page, ("one.pdf", first), ("two.txt", second))
    row(page, "one.pdf").locator("text=Added to your library").wait_for()
    row(page, "two.txt").locator("text=Added to your library").wait_for()

    assert set(stage.library) == {first, second}
    told = [ids for name, ids in page.evaluate("triggers") if name == "uploaded"]
    assert {each for ids in told for each in ids} == {"document0", "document1"}


RECOGNISERS = [
    {"name": "local", "label": "This machine", "quote": "1,000 pages · free"},
    {"name": "mistral", "label": "Mistral OCR", "quote": "1,000 pages · $4.00"},
]


def test_who_reads_scans_is_chosen_with_the_price_in_sight(serve, open_page) -> None:
    stage = serve(Stage([]))
    page = open_page(stage, "upload", **DATA, recognisers=RECOGNISERS)
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "PUT" else None)
    page.locator("#upload select").select_option("mistral")
    assert "$4.00" in page.locator("#upload .quote").inner_text()
    choose(page, ("scan.pdf", b"scan"))
    row(page, "scan.pdf").locator("text=Added to your library").wait_for()

    assert [url.partition("?")[2] for url in sent] == ["recogniser=mistral"]


def test_without_a_choice_nobody_is_asked(serve, open_page) -> None:
    page = open_page(serve(Stage([])), "upload", **DATA, recognisers=[])

    assert not page.locator("#upload .readers").is_visible()


def test_a_file_that_is_there_already_is_said_to_be(serve, open_page) -> None:
    stage = serve(Stage([], library={b"same": "document0"}))
    page = open_page(stage, "upload", **DATA)
    choose(page, ("copy.txt", b"same"))

    row(page, "copy.txt").locator("text=Already in your library").wait_for()


REFUSALS = [
    (415, "unsupported_format"),
    (413, "file_too_large"),
    (422, "password_protected"),
]


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_a_refusal_for_good_can_only_be_dismissed(
    serve, open_page, status, code
) -> None:
    message = "This is a program, not a document."
    stage = serve(Stage([], upload_error=(status, code, message)))
    page = open_page(stage, "upload", **DATA)
    choose(page, ("setup.exe", b"MZ" * 10))
    refused = row(page, "setup.exe")
    refused.locator(f"text={message}").wait_for()

    assert refused.locator("button:visible").count() == 1
    refused.locator("button[aria-label^=Dismiss]").click()
    until(lambda: refused.count() == 0)


FULL = (507, "disk_reserve", "The disk is nearly full.")
SLOW = (422, "took_too_long", "Reading it took too long.")


@pytest.mark.parametrize("refusal", [FULL, SLOW])
def test_what_may_succeed_later_can_be_tried_again(serve, open_page, refusal) -> None:
    stage = serve(Stage([], upload_error=refusal))
    page = open_page(stage, "upload", **DATA)
    choose(page, ("book.pdf", b"%PDF" * 10))
    row(page, "book.pdf").locator(f"text={refusal[2]}").wait_for()

    stage.upload_error = None
    row(page, "book.pdf").locator("button[aria-label*=again]").click()
    row(page, "book.pdf").locator("text=Added").wait_for()


@pytest.mark.parametrize("limit_bytes", [200 * 1024**2, 2 * 1024**3])
def test_the_kinds_stand_on_one_line(serve, open_page, limit_bytes: int) -> None:
    limits = {"upload_bytes": limit_bytes}
    page = open_page(serve(Stage([])), "upload", limits=limits, accept=".pdf")
    # As wide as a 1280 px window leaves it beside Streamlit's sidebar.
    page.evaluate("document.querySelector('#upload').style.width = '878px'")
    page.evaluate("document.documentElement.style.fontSize = '16px'")
    page.evaluate("document.fonts.ready.then(() => null)")

    line = page.locator("#upload .limit")
    height = line.evaluate("node => parseFloat(getComputedStyle(node).lineHeight)")
    assert line.bounding_box()["height"] <= 1.5 * height
    lead = page.locator("#upload .lead").bounding_box()
    buttons = page.locator("#upload .choices").bounding_box()
    assert buttons["x"] > lead["x"] + lead["width"]


def test_a_broken_connection_offers_another_try(serve, open_page) -> None:
    page = open_page(serve(Stage([])), "upload", **DATA)
    page.clock.install()
    page.route("**/api/uploads", lambda route: route.abort())
    choose(page, ("book.pdf", b"%PDF" * 10))
    for _ in range(10):
        page.clock.run_for(16_000)
        page.wait_for_timeout(50)
    row(page, "book.pdf").locator("text=does not answer").wait_for()

    page.unroute("**/api/uploads")
    row(page, "book.pdf").locator("button[aria-label*=again]").click()
    page.clock.run_for(1000)
    row(page, "book.pdf").locator("text=Added").wait_for()


def test_what_is_too_large_or_empty_is_never_sent(serve, open_page) -> None:
    stage = serve(Stage([]))
    page = open_page(stage, "upload", **DATA)
    choose(page, ("big.pdf", bytes(3_000_001)), ("empty.txt", b""))

    row(page, "big.pdf").locator("text=at most 3 MB are taken").wait_for()
    row(page, "empty.txt").locator("text=The file is empty").wait_for()
    assert stage.uploads == {}


def test_a_broken_piece_is_gone_on_with_where_it_stopped(serve, open_page) -> None:
    stage = serve(Stage([], break_after_bytes=100_000))
    page = open_page(stage, "upload", **DATA)
    data = bytes(range(250)) * 3000
    choose(page, ("torn.pdf", data))

    row(page, "torn.pdf").locator("text=Added to your library").wait_for()
    assert list(stage.library) == [data]


def test_a_cancelled_upload_is_taken_back(serve, open_page) -> None:
    stage = serve(Stage([]))
    page = open_page(stage, "upload", **DATA)
    page.route("**/api/uploads/upload0", _hold_puts)
    choose(page, ("long.pdf", bytes(900_000)))
    until(lambda: len(stage.uploads) == 1)
    row(page, "long.pdf").locator("button[aria-label^=Cancel]").click()

    row(page, "long.pdf").locator("text=Cancelled").wait_for()
    until(lambda: stage.uploads == {})


def _hold_puts(route: Any) -> None:
    if route.request.method != "PUT":
        route.continue_()


def test_two_are_sent_at_one_time_and_the_rest_wait(serve, open_page) -> None:
    page = open_page(serve(Stage([])), "upload", **DATA)
    page.route("**/api/uploads/*", _hold_puts)
    choose(page, *((f"file{n}.txt", b"x" * (n + 1)) for n in range(4)))
    page.wait_for_timeout(300)

    states = page.locator("#upload .row").evaluate_all(
        "rows => rows.map(row => row.dataset.state === 'waiting')"
    )
    assert states == [False, False, True, True]


DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name));
  for (const type of ['dragenter', 'dragover', 'drop']) {
    if (type === 'drop') window.over = document.querySelector('#upload')
      .shadowRoot.querySelector('.overlay').matches(':popover-open');
    document.body.dispatchEvent(new DragEvent(type,
      { dataTransfer: transfer, bubbles: true, cancelable: true, composed: true }));
  } }"""


def test_files_may_be_dropped_anywhere(serve, open_page) -> None:
    stage = serve(Stage([]))
    page = open_page(stage, "upload", **DATA)
    page.evaluate(DROP, ["dropped.txt", "hello"])

    row(page, "dropped.txt").locator("text=Added").wait_for()
    assert page.evaluate("window.over") is True
    assert page.locator("#upload .overlay:popover-open").count() == 0


def test_a_folder_gives_only_what_can_be_read(serve, open_page, tmp_path: Path) -> None:
    stage = serve(Stage([]))
    for name in ("a.txt", "b.bin", ".hidden.txt"):
        (tmp_path / name).write_text(name)
    page = open_page(stage, "upload", **DATA)
    page.locator("#upload input[type=file]").last.set_input_files(tmp_path)
    row(page, "a.txt").locator("text=Added").wait_for()

    assert page.locator("#upload .row").count() == 1
    page.locator("#upload .limit", has_text="1 file of other kinds left out").wait_for()


def test_pasted_text_is_handed_to_the_page(serve, open_page) -> None:
    page = open_page(serve(Stage([])), "upload", **DATA)
    page.evaluate(
        """() => { const clipboardData = new DataTransfer();
          clipboardData.setData('text/plain', 'Call me Ishmael.');
          dispatchEvent(new ClipboardEvent('paste', { clipboardData })); }"""
    )

    assert ["pasted", "Call me Ishmael."] in page.evaluate("triggers")


def test_uploads_go_on_while_another_page_is_open(serve, open_page) -> None:
    stage = serve(Stage([]))
    page = open_page(stage, "upload", **DATA)
    choose(page, ("one.pdf", bytes(range(256)) * 4000))
    page.evaluate("unmount('upload')")
    until(lambda: len(stage.library) == 1)

    page.evaluate("data => mount('upload', data)", DATA)
    until(lambda: ["uploaded", ["document0"]] in page.evaluate("triggers"))
