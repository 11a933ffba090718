"""Weights files. checkpoint.py: ours; registry.py and fetching.py: released ones; shipped/: what the pack brings."""
