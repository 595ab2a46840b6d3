"""The search for a model: trials over folds, on every core; then one model, or several combined.

`learning.learn` is the way in. The parts, from the ground up: `workbench` (one fit), `workers` (fits side by side),
`spaces` and `portfolio` (what may be tried), `trials` (what is tried next), `combining`, `calibration` and `deciding`
(what is made of the answers).
"""
