"""The ways by which an alert leaves the house. A channel sends once and raises when it could not; it keeps nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, TypeAlias

from millrace.alerts.message import payload, subject, text
from millrace.alerts.settings import AlertSettings

log = logging.getLogger("millrace.alerts")
SECONDS = 10.0
SIGNATURE, STAMP = "X-Millrace-Signature", "X-Millrace-Timestamp"
Alert: TypeAlias = dict[str, Any]
News: TypeAlias = dict[str, Any]
Send: TypeAlias = Callable[[AlertSettings, Alert, News, str], None]


class DeliveryError(Exception):
    """A channel did not take an alert; the text says why, in one line and without a secret."""


def to_log(settings: AlertSettings, alert: Alert, news: News, service: str) -> None:
    """One line of the process's own log."""
    level = logging.ERROR if alert["severity"] == "critical" and news["event"] != "resolved" else logging.WARNING
    log.log(level, "alert %s: %s", alert["_id"], subject(alert, news))


def to_webhook(settings: AlertSettings, alert: Alert, news: News, service: str) -> None:
    """A POST of JSON. The signature covers the timestamp and the body, so that neither can be replayed or changed."""
    import httpx

    body = json.dumps(payload(alert, news, service), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "millrace", "X-Millrace-Delivery": news["id"]}
    if settings.alert_webhook_secret is not None:
        stamp = str(int(time.time()))
        headers |= {STAMP: stamp, SIGNATURE: signature(settings.alert_webhook_secret.get_secret_value(), stamp, body)}
    try:
        answer = httpx.post(str(settings.alert_webhook_url), content=body, headers=headers, timeout=SECONDS)
    except httpx.HTTPError as error:
        raise DeliveryError(f"the webhook does not answer: {type(error).__name__}") from error
    if not answer.is_success:
        raise DeliveryError(f"the webhook answered {answer.status_code}")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC of `<timestamp>.<body>`."""
    return "sha256=" + hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def to_email(settings: AlertSettings, alert: Alert, news: News, service: str) -> None:
    """A plain mail to all receivers."""
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.alert_email_from, ", ".join(settings.receivers)
    mail["Subject"], mail["Date"] = subject(alert, news), formatdate()
    mail["Message-ID"] = make_msgid(idstring=news["id"], domain="millrace")
    mail.set_content(text(alert, news, service))
    try:
        with _server(settings) as server:
            if settings.alert_email_user and settings.alert_email_password is not None:
                server.login(settings.alert_email_user, settings.alert_email_password.get_secret_value())
            server.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"the mail server did not take it: {type(error).__name__}") from error


def _server(settings: AlertSettings) -> smtplib.SMTP:
    host, port = str(settings.alert_email_host), settings.alert_email_port
    context = ssl.create_default_context()
    if settings.alert_email_ca is not None:
        context.load_verify_locations(settings.alert_email_ca)
    if settings.alert_email_tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=SECONDS)
    if settings.alert_email_tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


SENDERS: dict[str, Send] = {"log": to_log, "webhook": to_webhook, "email": to_email}
"""Every channel by its name in ALERT_CHANNELS."""
