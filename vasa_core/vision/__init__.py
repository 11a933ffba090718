"""Faces in pictures. detect.py finds them, crop.py cuts them out and pastes back, track.py follows one in a video."""
