"""Weights files. checkpoint.py: ours; registry.py and fetching.py: released ones; shipped/: what comes with the pack."""
