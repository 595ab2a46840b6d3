"""The pipeline spec: what a person may write, read and checked."""
