"""A real provider of OpenID Connect, on a port of loopback."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.support.pool import wait_for
from tests.support.product import free_port


@dataclass(frozen=True)
class Provider:
    """A provider that lets anybody in by the name they say."""

    issuer: str

    def know(self, subject: str, **claims: object) -> None:
        """Say about somebody what the provider tells of them."""
        address = f"{self.issuer}/users/{subject}"
        httpx.put(address, json=claims).raise_for_status()

    def sign_in(self, address: str, subject: str) -> tuple[str, dict[str, str]]:
        """Sign in where a browser was led; return where it is led back, as it would."""
        with httpx.Client() as browser:
            form = browser.get(address)
            assert form.status_code == 200, form.text
            answer = browser.post(address, data={"sub": subject})
        assert answer.is_redirect, answer.text
        back = answer.headers["location"]
        parts = parse_qs(urlsplit(back).query)
        return back, {name: values[0] for name, values in parts.items()}


@contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider until the block ends."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--require-nonce", "true"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    issuer = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(issuer), seconds=60)
        yield Provider(issuer)
    finally:
        process.kill()
        process.wait()


def _answers(issuer: str) -> bool:
    try:
        return httpx.get(f"{issuer}/.well-known/openid-configuration").is_success
    except httpx.HTTPError:
        return False
