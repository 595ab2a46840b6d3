"""From the best candidate to a version: what it costs, whom it must beat, what was decided and why."""
