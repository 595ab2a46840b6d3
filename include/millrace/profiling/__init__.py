"""Looks at a table and drafts the spec that fits it; nothing here runs a pipeline."""
