"""What a forecast has of its own: training and search over rolling origins, and sharing out what was forecast."""
