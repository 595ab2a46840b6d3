"""Shares a demand among sources at least cost or least CO2, or says which limits conflict."""
