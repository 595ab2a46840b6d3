"""What the API's description says of access is what the routes check."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from millrace.accounts.roles import PERSONAL
from millrace.settings import Settings
from serving.access.permissions import Permission, permission_of
from serving.app import create_app


@pytest.mark.parametrize("role", ["none", "viewer"])
def test_every_operation_says_what_it_takes(tmp_path, monkeypatch, role):
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", role)
    app = create_app(Settings(millrace_home=tmp_path))
    document = app.openapi()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "api_key"}
    anonymous = app.state.services.access.anonymous.permissions
    walked = set()
    for route in app.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods:
            operation = document["paths"][route.path_format][method.lower()]
            walked.add((route.path_format, method.lower()))
            permission = permission_of(route)
            named = {name for way in operation["security"] for name in way}
            assert operation["x-permission"] == permission
            if permission is Permission.PUBLIC:
                assert operation["security"] == []
            else:
                assert named == ({"bearer"} if permission in PERSONAL else {"bearer", "api_key"})
                assert ({} in operation["security"]) == (permission in anonymous)
    assert walked == {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert len(walked) > 30
