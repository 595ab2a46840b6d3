"""The stages of a run: plain functions of a context and the outputs before them, each safe to repeat.

The modules here are the stages, with what runs each (`base`) and what each hands to the next (`outputs`); the rooms
hold what they are made of. Which room may know which is written in pyproject.toml.
"""
