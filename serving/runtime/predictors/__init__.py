"""The ways in which a loaded model is asked: compiled, or by scikit-learn, here or in a process apart."""
