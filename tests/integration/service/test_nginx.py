"""The committed nginx configuration before a real service: what it adds, what it replaces, what it keeps out."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from free_ports import free_port_base

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(NGINX is None, reason="nginx is not here: scripts/install-debian-packages.sh installs it"),
]
COMMITTED = Path(__file__).parents[3] / "deploy" / "nginx" / "millrace.conf"
FRAME = """
daemon off;
{user}
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/millrace.conf;
}}
"""


@pytest.fixture
def proxied(settings, registry, start, certificate, tmp_path, monkeypatch, wait) -> Iterator[tuple[httpx.Client, int]]:
    """A client of a service behind nginx, and the port where nginx answers without TLS."""
    monkeypatch.setenv("SERVING_TRUSTED_PROXIES", "127.0.0.1")
    monkeypatch.setenv("SERVING_ANONYMOUS_LIMIT", "5/day")
    with start(settings) as service:
        base, home = free_port_base(), tmp_path / "nginx"
        home.mkdir()
        text = COMMITTED.read_text()
        for committed, own in {
            "127.0.0.1:27600": f"127.0.0.1:{service.base_url.port}",
            "listen 80;": f"listen 127.0.0.1:{base};",
            "listen 443 ssl;": f"listen 127.0.0.1:{base + 1} ssl;",
            "/etc/nginx/tls/millrace.crt": str(certificate[0]),
            "/etc/nginx/tls/millrace.key": str(certificate[1]),
        }.items():
            assert committed in text
            text = text.replace(committed, own)
        (home / "millrace.conf").write_text(text)
        user = "user root;" if Path("/root").exists() and Path.home() == Path("/root") else ""
        (home / "nginx.conf").write_text(FRAME.format(home=home, user=user))
        argv = [str(NGINX), "-p", str(home), "-c", str(home / "nginx.conf")]
        checked = subprocess.run([*argv, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert "[warn]" not in checked.stderr
        process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        try:
            trust = ssl.create_default_context(cafile=str(certificate[0]))
            with httpx.Client(base_url=f"https://127.0.0.1:{base + 1}", verify=trust, timeout=30) as client:
                wait(lambda: answers(client))
                yield client, base
        finally:
            process.terminate()
            process.wait(timeout=20)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").status_code == 200
    except httpx.ConnectError:
        return False


def test_nginx_adds_tls_and_leaves_judging_to_the_service(proxied):
    client, plain = proxied
    live = client.get("/health/live", headers={"X-Request-ID": "asked-3"})
    assert live.headers.get_list("strict-transport-security") == ["max-age=31536000"]
    assert len(live.headers.get_list("content-security-policy")) == 1
    assert live.headers["x-request-id"] == "asked-3"
    assert "nginx/" not in live.headers.get("server", "")
    moved = httpx.get(f"http://127.0.0.1:{plain}/docs?x=1", headers={"Host": "millrace.example.org"})
    assert (moved.status_code, moved.headers["location"]) == (301, "https://millrace.example.org/docs?x=1")
    # The limit is that of the caller's own address, whatever the caller says of it.
    statuses = [
        client.get("/version", headers={"X-Forwarded-For": f"203.0.113.{turn}"}).status_code for turn in range(7)
    ]
    assert statuses == [200] * 5 + [429] * 2


def test_a_body_that_is_too_large_stops_at_nginx(proxied):
    client, _ = proxied
    answer = client.post("/api/v1/models/m/predict/batch", content=b"[" + b" " * 11_000_000 + b"]")
    assert answer.status_code == 413
