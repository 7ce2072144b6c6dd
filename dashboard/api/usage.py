"""What somebody has used and has left, and every entry of it as a table."""

import csv
import io
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from dashboard import backend
from dashboard.api.answers import NO_STORE, blocking, principal_of, route
from lectern.accounts.allowances import period_of
from lectern.accounts.people import Principal
from resources.services import Services
from resources.stores.ledger_reading import all_entries, used_since

COLUMNS = ("at", "kind", "unit", "delta", "for", "key")


def _told(services: Services, principal: Principal) -> dict[str, object]:
    month = period_of(services.database.now())
    used = used_since(services.database, principal, month.starts_at)
    balances = services.ledger.balances(principal)
    return {
        "plan": services.allowed.limits.plan(principal).name,
        "month": month.name,
        "units": {
            unit.value: {
                "used": used[unit],
                "left": balance.left,
                "held": balance.held,
                "balance": balance.balance,
            }
            for unit, balance in balances.items()
        },
    }


async def tell(request: Request) -> Response:
    """Answer with what was used this month and what is left, by unit."""
    services, principal = backend.current().services, principal_of(request)
    return JSONResponse(await blocking(_told, services, principal), headers=NO_STORE)


async def entries(request: Request) -> Response:
    """Answer with every entry as CSV, newest first."""
    services, principal = backend.current().services, principal_of(request)
    name = 'attachment; filename="lectern-usage.csv"'
    return StreamingResponse(
        _lines(services, principal),
        media_type="text/csv; charset=utf-8",
        headers={**NO_STORE, "content-disposition": name},
    )


def _lines(services: Services, principal: Principal) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for entry in all_entries(services.ledger, principal):
        row = (entry.at.isoformat(), entry.kind, entry.unit, entry.delta)
        writer.writerow([*row, _as_text(entry.ref), entry.key])
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _as_text(words: str) -> str:
    """Return words that no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t")) else words


ROUTES: list[BaseRoute] = [
    route("/api/usage", tell),
    route("/api/usage/entries.csv", entries),
]
