"""As much of Stripe's API as Lectern asks of, on loopback, and its way of signing."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "sk_test_lectern"
SECRET = "whsec_lectern"


def subscription(
    id_: str, owner: str, *, price: str = "price_full", status: str = "active"
) -> dict[str, Any]:
    """Return a subscription as Stripe tells it."""
    return {
        "id": id_,
        "object": "subscription",
        "status": status,
        "customer": f"cus_{owner}",
        "metadata": {"lectern_owner": owner},
        "items": {
            "object": "list",
            "data": [
                {
                    "id": "si_1",
                    "object": "subscription_item",
                    "price": {"id": price, "object": "price"},
                }
            ],
        },
    }


def event(id_: str, kind: str, about: dict[str, Any]) -> bytes:
    """Return a notice as Stripe sends it."""
    body = {
        "id": id_,
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "data": {"object": about},
    }
    return json.dumps(body).encode()


def signed(payload: bytes, *, secret: str = SECRET, age_seconds: int = 0) -> str:
    """Return the Stripe-Signature header: HMAC-SHA256 over the time and the body."""
    at = int(time.time()) - age_seconds
    message = f"{at}.".encode() + payload
    found = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return f"t={at},v1={found}"


class StripeServer:
    """Subscriptions as they are now, and what was asked."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []
        self.is_down = False
        self.address = ""

    @contextmanager
    def running(self) -> Iterator["StripeServer"]:
        """Answer on loopback until the block ends."""
        stripe = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def _answer(self, method: str) -> None:
                length = int(self.headers.get("content-length") or 0)
                form = parse_qs(self.rfile.read(length).decode())
                path = urlsplit(self.path).path
                stripe.asked.append((method, path, form))
                is_known = self.headers.get("authorization") == f"Bearer {KEY}"
                status, body = stripe.reply(method, path, is_known=is_known)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                if status >= 500:
                    self.send_header("stripe-should-retry", "false")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def reply(
        self, method: str, path: str, *, is_known: bool
    ) -> tuple[int, dict[str, Any]]:
        """Return status and body of an answer."""
        if self.is_down:
            return 503, _error("api_error", "We are down.")
        if not is_known:
            return 401, _error("invalid_request_error", "Invalid API Key provided.")
        match method, path.strip("/").split("/"):
            case "GET", ["v1", "subscriptions", id_] if id_ in self.subscriptions:
                return 200, self.subscriptions[id_]
            case "POST", ["v1", "checkout", "sessions"]:
                address = "https://checkout.stripe.com/c/pay/cs_1"
                return 200, {
                    "id": "cs_1",
                    "object": "checkout.session",
                    "url": address,
                }
            case "POST", ["v1", "billing_portal", "sessions"]:
                address = "https://billing.stripe.com/p/session/1"
                return 200, {
                    "id": "bps_1",
                    "object": "billing_portal.session",
                    "url": address,
                }
        return 404, _error("invalid_request_error", f"No such thing: {path}")


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}
