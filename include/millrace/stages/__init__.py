"""The stages of a run: plain functions of a context and the outputs before them, each safe to repeat."""
