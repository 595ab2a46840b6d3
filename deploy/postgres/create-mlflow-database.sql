CREATE DATABASE mlflow OWNER millrace;
