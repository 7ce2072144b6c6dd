"""The recognitions of a document: those there are, those to ask for, the one read."""

from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from dashboard import backend, following
from dashboard.api.answers import NO_STORE, blocking, principal_of, read_body, route
from dashboard.backend import Backend
from lectern.accounts.people import Principal
from lectern.contracts import Contract
from lectern.ids import DocumentId
from lectern.jobs.wanted import Wanted
from lectern.usage.quotes import Quote, price_text
from resources.recognitions import Kept, Offer


class NewRecognition(Contract):
    """By whom a document is to be recognised."""

    recogniser: str
    all_pages: bool = False


class ChosenText(Contract):
    """In whose text a document is to be read."""

    recogniser: str


def listed(
    here: Backend, principal: Principal, document_id: DocumentId
) -> dict[str, Any]:
    """Return what there is of a document, and what may be asked for."""
    document = here.services.catalog.get(principal, document_id)
    recognitions = here.services.recognitions()
    return {
        "recognitions": [_kept(kept) for kept in recognitions.of(document)],
        "offers": [_offer(offer) for offer in recognitions.offers(document)],
    }


def _kept(kept: Kept) -> dict[str, Any]:
    return {
        "recogniser": kept.recogniser,
        "label": kept.label,
        "pages": kept.pages,
        "words": kept.words,
        "confidence": kept.confidence,
        "seconds": kept.seconds,
        "sent_pages": kept.sent_pages,
        "price_micros": kept.price_micros,
        "made_at": kept.made_at.isoformat(),
        "is_read": kept.is_read,
    }


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "recogniser": offer.recogniser,
        "label": offer.label,
        "why_not": offer.why_not,
        "scans": _quote(offer.scans),
        "everything": _quote(offer.everything),
    }


def _quote(quote: Quote) -> dict[str, Any]:
    return {
        "pages": quote.pages,
        "price": price_text(quote),
        "price_micros": quote.price_micros,
        "seconds": quote.seconds,
    }


async def send_recognitions(request: Request) -> Response:
    """Answer with the recognitions of a document and the offers for another."""
    document_id = DocumentId(request.path_params["id"])
    found = await blocking(
        listed, backend.current(), principal_of(request), document_id
    )
    return JSONResponse(found, headers=NO_STORE)


async def recognise(request: Request) -> Response:
    """Start recognising a document anew; what is read now stays until one chooses."""
    here, principal = backend.current(), principal_of(request)
    new = await read_body(request, NewRecognition, limit_bytes=4096)
    wanted = Wanted(new.recogniser, all_pages=new.all_pages)
    document_id = DocumentId(request.path_params["id"])
    ask = here.services.recognitions().ask
    job, is_new = await blocking(ask, principal, document_id, wanted)
    task = BackgroundTask(following.launch, here, job) if is_new else None
    return JSONResponse({"job": job.id}, status_code=202, background=task)


async def choose_text(request: Request) -> Response:
    """Read a document in the text of another recognition."""
    here, principal = backend.current(), principal_of(request)
    chosen = await read_body(request, ChosenText, limit_bytes=4096)
    document_id = DocumentId(request.path_params["id"])
    use = here.services.recognitions().use
    document = await blocking(use, principal, document_id, chosen.recogniser)
    return JSONResponse(
        {"version": document.version, "revision": document.revision}, headers=NO_STORE
    )


ROUTES: list[BaseRoute] = [
    route("/api/documents/{id}/recognitions", send_recognitions),
    route("/api/documents/{id}/recognitions", recognise, "POST"),
    route("/api/documents/{id}/text", choose_text, "PUT"),
]
