"""What a model takes: the kinds of input values, and the inputs of one model by its signature."""
