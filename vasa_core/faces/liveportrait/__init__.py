"""LivePortrait (Guo et al., 2024) from its released weights; model.py is the entry.

Its networks: F appearance.py, M motion.py, W warping.py, G generator.py, S retargeting.py.
"""
