"""Compiled models: a fitted Pipeline as an ONNX graph in double precision, and the gate that lets it serve."""
