"""The rows of a run: what models learn from, what is held out, the folds; for a forecast, the panel and its origins."""
