"""The embedded stack: MongoDB, S3, MLflow, Airflow and the service on one machine, under one supervisor."""
