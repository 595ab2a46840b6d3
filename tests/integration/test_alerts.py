"""Alerts on the real stores and channels: one for each thing that is wrong, told once, and never lost."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from free_ports import free_port_base
from pydantic import ValidationError

from millrace.alerts.channels import SIGNATURE, STAMP, signature
from millrace.alerts.desk import AlertDesk
from millrace.alerts.settings import AlertSettings, alert_settings
from millrace.errors import ConflictError, NotFoundError, SettingsError
from millrace.settings import Settings
from millrace.stores.alerts import AlertStore, Finding

pytestmark = pytest.mark.integration
WIND = Finding(kind="missing_values", subject="wind", message="'wind' is missing in 40.0% of 400 rows.")
DRIFT = Finding(kind="data_drift", subject="features", message="The live features have drifted.")


class Receiver:
    """A webhook's other end: what came, and what it answers next."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.came.append((dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    @property
    def events(self) -> list[tuple[str, str]]:
        told = [json.loads(body) for _, body in self.came]
        return [(one["event"], one["alert"]["subject"]) for one in told]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def desk_of(settings: Settings, url: str, **more: Any) -> AlertDesk:
    options = {"alert_channels": "webhook", "alert_webhook_url": url, **more}
    return AlertDesk(settings, AlertSettings.model_validate(options))


def make_due(settings: Settings) -> None:
    """Let the pause before the next attempt pass."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    again = {"$set": {"news.$[waiting].next_at": past}}
    store = AlertStore(settings)
    store.collection("alerts").update_many({}, again, array_filters=[{"waiting.status": "pending"}])


def test_the_same_thing_has_one_alert_and_is_told_once(settings: Settings, receiver: Receiver) -> None:
    desk = desk_of(settings, receiver.url)
    ids = {desk.note("mill", WIND, f"check-{number}") for number in range(5)}
    assert desk.deliver() == 1
    assert desk.deliver() == 0
    (alert,) = desk.store.find("mill")
    assert ids == {alert["_id"]}
    assert (alert["times_seen"], alert["status"], alert["last_source"]) == (5, "open", "check-4")
    assert receiver.events == [("opened", "wind")]


def test_many_writers_at_once_open_one_alert(settings: Settings) -> None:
    AlertStore(settings).find()  # makes the index
    gate, ids = threading.Barrier(8), []

    def note() -> None:
        desk = desk_of(settings, "http://127.0.0.1:9")
        gate.wait()
        ids.append(desk.note("mill", WIND, "check"))

    threads = [threading.Thread(target=note) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ids), len(set(ids))) == (8, 1)
    assert AlertStore(settings).get(ids[0])["times_seen"] == 8


def test_getting_worse_and_being_over_is_told_too(settings: Settings, receiver: Receiver) -> None:
    desk = desk_of(settings, receiver.url)
    desk.note("mill", DRIFT, "check-1")
    for number in range(3):
        desk.note("mill", DRIFT.model_copy(update={"severity": "critical"}), f"check-{number}")
    assert desk.resolve_gone("mill", lambda kind, _: kind == "data_drift", set(), "check-5")
    assert desk.resolve_gone("mill", lambda *_: True, set(), "check-6") == []
    desk.deliver()
    assert receiver.events == [("opened", "features"), ("worsened", "features"), ("resolved", "features")]
    again = desk.note("mill", DRIFT, "check-7")
    assert desk.store.get(again)["times_seen"] == 1  # a new alert: the old one is history
    assert len(desk.store.find("mill", "resolved")) == 1


def test_a_person_acknowledges_and_resolves(settings: Settings) -> None:
    desk = AlertDesk(settings, AlertSettings(alert_channels=""))
    alert_id = desk.note("mill", WIND, "check")
    for _ in range(2):
        assert desk.store.acknowledge(alert_id, "anna")["acknowledged_by"] == "anna"
    desk.note("mill", WIND, "check")
    assert desk.store.get(alert_id)["status"] == "acknowledged"
    first = desk.resolve(alert_id, "anna", "by hand")
    assert desk.resolve(alert_id, "boris", "by hand")["resolved_by"] == first["resolved_by"] == "anna"
    with pytest.raises(ConflictError, match="resolved already"):
        desk.store.acknowledge(alert_id, "anna")
    with pytest.raises(NotFoundError):
        desk.store.acknowledge("no-such-alert", "anna")


def test_a_webhook_is_signed_over_its_time_and_body(settings: Settings, receiver: Receiver) -> None:
    desk = desk_of(settings, receiver.url, alert_webhook_secret="hush")
    desk.note("mill", WIND, "check")
    desk.deliver()
    ((headers, body),) = receiver.came
    assert headers[SIGNATURE] == signature("hush", headers[STAMP], body)
    assert headers[SIGNATURE] != signature("hush", headers[STAMP], body + b" ")
    told = json.loads(body)
    assert (told["alert"]["pipeline"], told["alert"]["message"]) == ("mill", WIND.message)


def test_a_delivery_that_fails_is_tried_again_later_with_the_same_id(settings: Settings, receiver: Receiver) -> None:
    desk = desk_of(settings, receiver.url)
    receiver.answers = [500, 429]
    desk.note("mill", WIND, "check")
    for expected in (0, 0, 1):
        assert desk.deliver() == expected
        assert desk.deliver() == 0  # not before its pause is over
        make_due(settings)
    assert len({json.loads(body)["delivery"] for _, body in receiver.came}) == 1
    (news,) = desk.store.find("mill")[0]["news"]
    assert (news["status"], news["attempts"], news["error"]) == ("sent", 3, None)


def test_what_was_given_up_is_kept_and_can_be_sent_by_hand(settings: Settings, receiver: Receiver) -> None:
    lost = desk_of(settings, "http://127.0.0.1:9/nobody", alert_retry_hours=1e-9)
    lost.note("mill", WIND, "check")
    assert lost.deliver() == 0
    (news,) = lost.store.find("mill")[0]["news"]
    assert (news["status"], news["error"]) == ("failed", "the webhook does not answer: ConnectError")
    desk = desk_of(settings, receiver.url)
    assert desk.deliver() == 0
    assert desk.store.retry_failed() == 1
    assert desk.deliver() == 1


def test_a_courier_that_died_leaves_its_news_to_the_next(settings: Settings, receiver: Receiver) -> None:
    desk = desk_of(settings, receiver.url)
    desk.note("mill", WIND, "check")
    assert desk.store.claim_news() is not None  # and dies
    assert desk.deliver() == 0
    make_due(settings)
    assert desk.deliver() == 1


class Mailbox:
    """Keeps the mails that come."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        return "250 kept"


def certificate(folder: Path) -> Path:
    """A certificate for localhost with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "localhost.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def test_a_mail_goes_over_tls_with_a_login(settings: Settings, tmp_path: Path) -> None:
    pem, box = certificate(tmp_path), Mailbox()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    def login(server: Any, session: Any, envelope: Any, mechanism: Any, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"mill", b"hush"))

    port = free_port_base()
    controller = Controller(
        box, hostname="localhost", port=port, tls_context=context, require_starttls=True, authenticator=login,
        auth_required=True,
    )  # fmt: skip
    controller.start()
    try:
        mail = {
            "alert_channels": "email", "alert_email_host": "localhost", "alert_email_port": port,
            "alert_email_to": "anna@example.org, boris@example.org", "alert_email_user": "mill",
        }  # fmt: skip
        desk = AlertDesk(settings, AlertSettings.model_validate({**mail, "alert_email_password": "hush"}))
        evil = WIND.model_copy(update={"message": "two\r\nBcc: eve@example.org\nlines"})
        desk.note("mill", evil, "check")
        assert desk.deliver() == 0  # nobody vouches for that certificate
        trusting = AlertSettings.model_validate({**mail, "alert_email_password": "hush", "alert_email_ca": pem})
        make_due(settings)
        assert AlertDesk(settings, trusting).deliver() == 1
    finally:
        controller.stop()
    (envelope,) = box.mails
    assert envelope.rcpt_tos == ["anna@example.org", "boris@example.org"]
    head = envelope.content.partition(b"\r\n\r\n")[0].decode()
    assert "Subject: [warning] mill: two Bcc: eve@example.org lines" in head
    assert "\nBcc:" not in head


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"alert_channels": "log, pigeon"}, "Did you mean|Allowed: email, log, webhook"),
        ({"alert_channels": "webhook"}, "set ALERT_WEBHOOK_URL"),
        ({"alert_channels": "webhook", "alert_webhook_url": "file:///etc/passwd"}, "set ALERT_WEBHOOK_URL"),
        ({"alert_channels": "email"}, "set ALERT_EMAIL_HOST and ALERT_EMAIL_TO"),
        ({"alert_email_user": "mill", "alert_email_tls": "none"}, "in the clear"),
    ],
)
def test_settings_that_could_not_deliver_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AlertSettings.model_validate(options)


def test_settings_come_from_the_environment_and_faults_name_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alert_settings(tmp_path).channels == ["log"]
    monkeypatch.setenv("ALERT_EMAIL_PORT", "post")
    with pytest.raises(SettingsError, match="ALERT_EMAIL_PORT"):
        alert_settings(tmp_path)
