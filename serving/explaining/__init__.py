"""Explanations of single predictions: what each input field adds to the answer. Runs in a process of its own."""
