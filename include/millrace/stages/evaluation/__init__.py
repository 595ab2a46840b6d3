"""Candidates and champion on the same held-out rows: their scores side by side, their parts, their plots."""
