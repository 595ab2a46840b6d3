"""The whole API against its own description: nothing fails inside, and every answer is of a form that is described.

Requests are made up from the OpenAPI document, fitting ones and others, with nobody's name and with an admin's.
"""

from __future__ import annotations

import gzip
import os
from functools import partial

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.access.first_admin import make_first_admin
from serving.app import create_app

pytestmark = pytest.mark.integration
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("CONFORMANCE_EXAMPLES", "6"))
NAME = "mill-flow"


def operations(document):
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


def failures_of(operation, call):
    """What the checks have to say of some made-up requests to one operation."""
    found = []

    @given(case=operation.as_strategy(), known=st.sampled_from([{"name": NAME, "version": "1"}, {}]))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def examine(case, known):
        case.path_parameters.update({k: v for k, v in known.items() if k in case.path_parameters})
        try:
            case.validate_response(call(case), checks=CHECKS)
        except (FailureGroup, Failure) as error:
            each = error.exceptions if isinstance(error, FailureGroup) else [error]
            found.extend(f"{case.operation.label}: {one!s}\n{case.as_curl_command()}" for one in each)

    examine()
    return found


def answer_to(case, base, headers, auth=None):
    return case.call(base_url=base, headers=headers, auth=auth, timeout=60)


class Packed(requests.auth.AuthBase):
    """Sends the body as gzip, and counts. It is an `auth` because that is what sees a request last."""

    sent = 0

    def __call__(self, request):
        if request.body:
            content = request.body if isinstance(request.body, bytes) else request.body.encode("utf-8", "surrogatepass")
            request.body = gzip.compress(content)
            request.headers["Content-Length"] = str(len(request.body))
            request.headers["Content-Encoding"] = "gzip"
            self.sent += 1
        return request


def token_of(client, login, accounts):
    """A token of its own for each operation: some end the session. Made-up logins would slow down the right one."""
    accounts.collection("login_failures").delete_many({})
    answer = client.post("/api/v1/auth/login", json=login)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


@pytest.mark.parametrize("role", ["anonymous", "admin"])
def test_every_operation_answers_as_it_is_described(settings, register, fitted, start, monkeypatch, role):
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "viewer")
    monkeypatch.setenv("SERVING_USER_LIMIT", "none")
    register(fitted(1.0))
    access = create_app(settings).state.services.access
    assert make_first_admin(access.accounts, access.audit, settings.millrace_home)
    login = {"username": "admin", "password": (settings.millrace_home / "service-admin-password").read_text()}
    with start(settings) as client:
        base = str(client.base_url)
        found = []
        for operation in operations(client.get("/openapi.json").json()):
            headers = {}
            if role == "admin":
                headers = {"Authorization": f"Bearer {token_of(client, login, access.accounts)}"}
            found += failures_of(operation, partial(answer_to, base=base, headers=headers))
        example = client.get(f"/api/v1/models/{NAME}/schema").json()["example"]
        assert client.post(f"/api/v1/models/{NAME}/predict", json=example).status_code == 200
    assert not found, "\n\n".join(sorted(set(found)))


def test_operations_answer_packed_bodies_as_they_are_described(settings, register, fitted, start, monkeypatch):
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "operator")
    register(fitted(1.0), compiled=True)
    with start(settings) as client:
        packed = Packed()
        call = partial(answer_to, base=str(client.base_url), headers={}, auth=packed)
        described = operations(client.get("/openapi.json").json())
        found = [one for operation in described if operation.body for one in failures_of(operation, call)]
    assert packed.sent > 20
    assert not found, "\n\n".join(sorted(set(found)))
