"""What the platform remembers: runs on MongoDB, artifacts on S3, model versions on MLflow."""
