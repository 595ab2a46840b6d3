"""Shows every broken pipeline spec in Airflow as an import error of this file, with file, line and what is allowed.

It defines no DAG and stands apart from `training.py`, so that a broken spec never hides the good ones.
"""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from millrace.errors import SpecError
from millrace.settings import get_settings
from millrace.spec.installed import installed_specs


def _broken_specs() -> list[SpecError]:
    if get_parsing_context().dag_id is not None:
        return []
    return installed_specs(get_settings()).problems


if _problems := _broken_specs():
    raise SpecError("\n".join(str(problem) for problem in _problems))
