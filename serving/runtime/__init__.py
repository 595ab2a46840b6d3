"""The models in memory: from files on disk to answers. Knows nothing of HTTP."""
