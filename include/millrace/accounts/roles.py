"""The one table of roles: what each may do, and what a key can be given. What a route takes is said at the route."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a route takes."""

    PUBLIC = "public"
    READ = "read"
    PREDICT = "predict"
    FEEDBACK = "feedback"
    METRICS = "metrics"
    RELOAD = "models:reload"
    PROMOTE = "models:promote"
    TRAFFIC = "models:traffic"
    ALERTS = "alerts"
    PIPELINES = "pipelines"
    ACCOUNT = "account"
    USERS = "users"
    KEYS = "keys"
    CREDENTIALS = "credentials"
    AUDIT = "audit"
    UNDECLARED = "undeclared"


class Role(StrEnum):
    """What a user is; each role can do all that the one before can."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_VIEWER = frozenset({Permission.READ, Permission.PREDICT, Permission.FEEDBACK, Permission.METRICS, Permission.ACCOUNT})
_OPERATOR = _VIEWER | {
    Permission.RELOAD,
    Permission.PROMOTE,
    Permission.TRAFFIC,
    Permission.ALERTS,
    Permission.PIPELINES,
}
ROLES: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Permission),
}
"""Every role with its permissions."""

PERSONAL = frozenset(
    {
        Permission.ACCOUNT,
        Permission.USERS,
        Permission.KEYS,
        Permission.CREDENTIALS,
        Permission.AUDIT,
        Permission.UNDECLARED,
    }
)
"""What only a person who signed in can do: no key and no anonymous caller ever has it."""

GRANTABLE = frozenset(Permission) - PERSONAL - {Permission.PUBLIC}
"""What a key can be scoped to."""
