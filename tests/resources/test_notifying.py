"""Notices to a real web server and a real mail server of the test's own."""

import logging
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr, ValidationError

from lectern.errors import EngineUnavailable
from lectern.operations.troubles import Notice, Trouble, Turn
from lectern.settings import Notices
from resources.notifying import Mail, Webhook, channels
from tests.support.hooks import SECRET_PATH, listening
from tests.support.product import free_port

SINCE = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DISK = Trouble("disk_full", "Only 1 GiB of disk are free.", "Add disk.")
BEGUN, OVER = Notice(Turn.BEGUN, DISK, SINCE), Notice(Turn.OVER, DISK, SINCE)
NAME = "lectern.example.org"


class Kept(Message):
    """Keeps the mails that come."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate of localhost and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    paths = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    command += ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True)
    return paths


@contextmanager
def mail_server(certificate: tuple[Path, Path]) -> Iterator[tuple[Notices, Kept]]:
    """Run a mail server that takes mail only encrypted and from who has a password."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    def knows(_server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> Any:
        return AuthResult(success=data.password == b"sesame")

    kept = Kept()
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=knows,
    )
    controller.start()
    yield (
        Notices(
            email_to=("ops@example.org", "night@example.org"),
            smtp_host="localhost",
            smtp_port=controller.port,
            smtp_user="lectern",
            smtp_password=SecretStr("sesame"),
        ),
        kept,
    )
    controller.stop()


def test_a_webhook_is_told_in_words_and_in_fields():
    with listening() as hook:
        Webhook(hook.address).send(BEGUN, NAME)
        Webhook(hook.address).send(OVER, NAME)
    came = hook.came

    assert came[0]["text"].startswith(f"Trouble at {NAME}: {DISK.message}\nAdd disk.")
    assert came[0]["code"] == "disk_full"
    assert came[0]["turn"] == "begun"
    assert came[1]["text"].startswith(f"Over at {NAME}: {DISK.message}")


def test_mail_goes_encrypted_to_everybody(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with mail_server(certificate) as (settings, kept):
        Mail(settings).send(BEGUN, NAME)

    (mail,) = kept.mails
    assert mail["subject"] == f"Trouble at {NAME}: {DISK.message}"
    assert mail["x-rcptto"] == "ops@example.org, night@example.org"
    assert "Add disk." in mail.get_payload()
    assert mail["auto-submitted"] == "auto-generated"


def test_a_mail_server_with_a_certificate_nobody_trusts_gets_no_password(certificate):
    with (
        mail_server(certificate) as (settings, kept),
        pytest.raises(EngineUnavailable, match="did not take the mail"),
    ):
        Mail(settings).send(BEGUN, NAME)

    assert kept.mails == []


def test_failures_name_the_host_and_no_secret(certificate, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    said = []
    away = f"http://127.0.0.1:{free_port()}{SECRET_PATH}"
    with listening(status=403) as hook:
        for way in (Webhook(hook.address), Webhook(away)):
            with pytest.raises(EngineUnavailable) as error:
                way.send(BEGUN, NAME)
            said.append(error.value.message)
    with mail_server(certificate) as (settings, _):
        wrong = settings.model_copy(update={"smtp_password": SecretStr("opensesam")})
        with pytest.raises(EngineUnavailable) as error:
            Mail(wrong).send(BEGUN, NAME)
        said.append(error.value.message)

    assert "127.0.0.1 answered 403" in said[0]
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("mail.")]
    assert "T0PS3CR3T" not in "".join(said)
    assert "opensesam" not in "".join([*said, *ours])


def test_without_settings_nobody_is_told():
    assert channels(Notices()) == []


def test_a_password_is_never_sent_in_the_open():
    with pytest.raises(ValidationError, match="in the open"):
        Notices(smtp_user="lectern", smtp_security="none")
