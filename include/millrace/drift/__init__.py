"""How a table differs from the one that a model learnt from: distances, their limits, and the verdict."""
