"""The service by https alone, as the stack starts it, with a certificate that nobody but us has signed."""

from __future__ import annotations

import ssl

import httpx
import pytest
from free_ports import free_port_base

from millrace.errors import SettingsError
from millrace.local.health import UrlAnswers
from millrace.local.programs import service
from millrace.local.stack_env import program_environment
from millrace.settings import PORTS, Settings, get_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def secured(settings: Settings, certificate, run_program) -> Settings:
    """Settings of a service that runs by https, on a port of its own."""
    cert, key = certificate
    elsewhere = {
        "mongodb_uri": settings.mongodb,
        "s3_endpoint_url": settings.s3_endpoint,
        "millrace_port_base": free_port_base(),
        "service_tls_cert": cert,
        "service_tls_key": key,
    }
    own = Settings(**{**settings.model_dump(exclude_none=True), **elsewhere})
    program = service(own)
    environment = {
        **program_environment(own),
        **program.environment,
        "MONGODB_URI": own.mongodb,
        "MONGODB_DATABASE": own.mongodb_database,
        "S3_ENDPOINT_URL": own.s3_endpoint,
    }
    run_program(program, environment, own.millrace_home)
    return own


def test_the_service_answers_by_https_and_by_nothing_else(secured, certificate, wait):
    assert secured.service == f"https://127.0.0.1:{secured.port(PORTS['service'])}"
    live = f"{secured.service}/health/live"
    wait(lambda: UrlAnswers(live, certificate[0])(0))
    assert not UrlAnswers(live)(0)  # a client that does not know the certificate does not believe it
    with httpx.Client(verify=ssl.create_default_context(cafile=str(certificate[0]))) as client:
        answer = client.get(live)
        assert answer.json() == {"status": "alive"}
        assert "max-age=" in answer.headers["strict-transport-security"]
        policy = answer.headers["content-security-policy"]
        assert f"frame-ancestors 'self' {secured.airflow}" in policy
        assert "default-src 'self'" in policy
    with pytest.raises(httpx.HTTPError):
        httpx.get(live.replace("https:", "http:"), timeout=10)
    with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
        httpx.get(live, timeout=10)


@pytest.mark.parametrize(
    ("given", "words"), [({"cert": True}, "belong together"), ({"cert": True, "key": False}, "which is no file")]
)
def test_half_a_pair_is_refused(certificate, monkeypatch, tmp_path, given, words):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    for name, exists in given.items():
        path = certificate[0] if exists else tmp_path / "absent.pem"
        monkeypatch.setenv(f"SERVICE_TLS_{name.upper()}", str(path))
    get_settings.cache_clear()
    try:
        with pytest.raises(SettingsError, match=words):
            get_settings()
    finally:
        get_settings.cache_clear()
