"""What must exist before the stack's programs can run: folders, the bucket, Airflow's database.

Each step looks first whether it is needed.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import closing
from importlib.metadata import version

from millrace.connections import s3_client
from millrace.errors import StackError
from millrace.local.airflow import airflow_database, airflow_home
from millrace.local.private_files import private_folder
from millrace.local.processes import marked_environment
from millrace.local.programs import executable
from millrace.local.waiting import Progress, failure
from millrace.settings import Settings

MIGRATION_SECONDS = 300


def make_folders(settings: Settings) -> None:
    """The folders that programs expect to find."""
    home = private_folder(settings.millrace_home)
    for name in ("logs", "mlflow", "mongodb", "s3", "supervisor", "airflow"):
        private_folder(home / name)


def make_bucket(settings: Settings) -> None:
    """The platform's bucket."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = s3_client(settings)
    try:
        client.create_bucket(Bucket=settings.s3_bucket)
    except (client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
        pass
    except (BotoCoreError, ClientError) as error:
        raise StackError(
            f"The bucket {settings.s3_bucket} could not be made at {settings.s3_endpoint}: {error}.",
            hint="Look at logs/s3.log under MILLRACE_HOME.",
        ) from error


def migrate_airflow(settings: Settings, environment: dict[str, str], progress: Progress) -> None:
    """Airflow's database, at the schema of the installed version."""
    stamp = airflow_home(settings) / "migrated-to"
    wanted = version("apache-airflow-core")
    if stamp.exists() and stamp.read_text() == wanted and airflow_database(settings).exists():
        return
    began = time.monotonic()
    progress("airflow-database", "running", 0)
    _migrate(settings, environment)
    # Readers do not wait for the writer: four processes share this file.
    with closing(sqlite3.connect(airflow_database(settings))) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    stamp.write_text(wanted)
    progress("airflow-database", "success", time.monotonic() - began)


def _migrate(settings: Settings, environment: dict[str, str]) -> None:
    log_file = settings.millrace_home / "logs" / "airflow-migrate.log"
    with log_file.open("wb") as log:
        code = subprocess.run(  # noqa: S603 - our own program
            [executable("airflow"), "db", "migrate"],
            env=marked_environment(settings.millrace_home, dict(os.environ)) | environment,
            cwd=settings.millrace_home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=MIGRATION_SECONDS,
            check=False,
        ).returncode
    if code != 0:
        raise failure("airflow db migrate", f"ended with exit code {code}", log_file)
