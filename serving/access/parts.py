"""The parts of access, made once for each process; nothing here connects to anything."""

from __future__ import annotations

import asyncio
import contextlib

from millrace.accounts.credentials import Credentials
from millrace.accounts.keys import Keys
from millrace.accounts.roles import PERSONAL, ROLES, Permission, Role
from millrace.accounts.users import Users
from millrace.settings import Settings
from millrace.stores.accounts import MongoAccounts
from millrace.stores.audit_log import MongoAuditLog
from millrace.stores.credentials import MongoCredentials
from serving.access.addresses import Networks
from serving.access.audit import Audit
from serving.access.callers import Caller
from serving.access.first_admin import keep_trying
from serving.access.identities import Identities
from serving.access.limits import Limit, RateLimits, read_limit
from serving.access.lookups import Lookups
from serving.access.secret_files import signing_secret
from serving.access.sessions import Sessions
from serving.access.settings import AccessSettings, access_settings
from serving.access.tokens import AccessTokens


class Access:
    """Who may come in, how often, and what is recorded of it."""

    def __init__(self, settings: Settings, access: AccessSettings | None = None) -> None:
        self.options = options = access or access_settings(settings.millrace_home)
        self._home = settings.millrace_home
        given = options.serving_jwt_secret
        secret = signing_secret(
            self._home, given.get_secret_value() if given else None, options.serving_jwt_secret_file
        )
        self.tokens = AccessTokens(secret, options.serving_access_minutes * 60)
        self.accounts = MongoAccounts(settings)
        self.audit_log = MongoAuditLog(settings)
        self.audit = Audit(self.audit_log)
        self.users = Users(self.accounts, self.audit.trail)
        self.keys = Keys(self.accounts, self.audit.trail, options.plan_names)
        self.credentials = Credentials(MongoCredentials(settings), self.audit.trail)
        self.sessions = Sessions(self.accounts, self.users, self.tokens, self.audit, options.serving_session_days)
        self.lookups = Lookups(self.accounts, self.tokens)
        self.identities = Identities(
            self.lookups.caller, options.serving_identity_seconds, options.serving_identity_grace_seconds
        )
        self.rates = RateLimits(options.redis_url.get_secret_value() if options.redis_url else None)
        self.allowed = Networks(options.serving_allowed_addresses)
        self.proxies = Networks(options.serving_trusted_proxies)
        self.anonymous = _anonymous(options.anonymous_role(settings))
        self.anonymous_limit = read_limit(options.serving_anonymous_limit)
        self._user_limit = read_limit(options.serving_user_limit)
        self._plans = options.plans
        self._starting: asyncio.Task[None] | None = None

    def limit_of(self, caller: Caller) -> Limit:
        """How often a caller may ask; a key whose plan is not there any more counts as a user."""
        if caller.is_anonymous:
            return self.anonymous_limit
        return self._plans.get(caller.plan, self._user_limit) if caller.plan is not None else self._user_limit

    def start(self) -> None:
        """See to it that there is an admin; nothing is waited for."""
        self._starting = asyncio.create_task(keep_trying(self.accounts, self.audit, self._home))

    async def close(self) -> None:
        """Stop."""
        if self._starting is not None:
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starting
        self.identities.close()


def _anonymous(role: str) -> Caller:
    allowed: frozenset[Permission] = frozenset() if role == "none" else ROLES[Role(role)] - PERSONAL
    return Caller("anonymous", "anonymous", allowed, role=None if role == "none" else role)
