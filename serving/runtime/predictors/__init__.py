"""The ways in which a loaded model is asked: compiled, or by scikit-learn itself."""
