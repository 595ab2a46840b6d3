"""Who may do what: callers and their permissions, keys and tokens, rate limits, and the record of every change."""

from serving.access.callers import Caller, identify
from serving.access.permissions import Permission, permitted, require

__all__ = ["Caller", "Permission", "identify", "permitted", "require"]
