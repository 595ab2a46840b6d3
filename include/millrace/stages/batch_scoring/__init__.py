"""Scoring of whole tables: the opened version, the rows chunk by chunk, and those that were refused."""
