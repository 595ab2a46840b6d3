"""The prediction and platform API, and the console it serves."""
