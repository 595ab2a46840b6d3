"""Specs that people make through the API, the console or the command line: checked, versioned, copied to disk."""
