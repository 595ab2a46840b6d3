"""The makers of the synthetic sample tables, one module each with one function `block`."""
