"""Millrace: from a table and a short YAML file to a served model.

This package is the library: plain functions that run without Airflow and without a web framework.
"""

__version__ = "0.1.0"
