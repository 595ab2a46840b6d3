"""Where transformed tables go, one entry each."""
