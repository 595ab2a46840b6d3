"""Puts Millrace's console into Airflow's navigation, as a link to the service.

A link and not a frame: the console is of another origin and has a navigation of its own.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from millrace.settings import get_settings


class ConsolePagePlugin(AirflowPlugin):
    """Adds the entry."""

    name = "millrace_console_page"
    external_views = [  # noqa: RUF012 - Airflow's own form
        {"name": "Millrace", "href": get_settings().service, "destination": "nav"}
    ]
