"""The built-in face model: the photo itself on a 3D face mesh.

model.py is the entry, portrait.py what is computed once per picture, render.py a frame. reader.py goes the other way:
a filmed face becomes motion.
"""
