"""The memory of what was answered: every prediction, on its way to MongoDB. Knows nothing of HTTP or of models."""
