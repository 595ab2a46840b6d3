#!/bin/sh
# What must be there before the first start: Airflow's password file and database, the bucket, the indexes. Safe to repeat.
set -eu
umask 077
mkdir -p "$AIRFLOW_HOME"
# Airflow opens this file for writing, so it cannot be a mounted secret; it lies on the volume, for this user alone.
python -c 'import json, os; print(json.dumps({os.environ["AIRFLOW_USERNAME"]: os.environ["AIRFLOW_PASSWORD"]}))' \
    > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
airflow db migrate
python -m millrace.stores.prepare
