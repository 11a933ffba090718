"""VASA-1's own face network, to be trained by train/face_stage.py.

network.py is the whole of it: codes.py, warping.py and layers.py are its parts. model.py makes a face model of it.
"""
