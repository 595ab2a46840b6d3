"""Tells people what is wrong: which channels there are, and that nothing is lost on the way."""
