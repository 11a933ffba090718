"""JoyVASA (Cao et al., 2024): a second motion model, for the LivePortrait space, with released weights.

network.py      the denoiser: eight decoder layers over ten previous and a hundred new frames
diffusion.py    its schedule and its sampler
hearing.py      its audio encoder: a fine-tuned HuBERT and a projection
template.py     statistics that turn the network's numbers into motion
options.py      how it is run: as published, or our way
checkpoint.py   the released files, and our conversion of them
model.py        sound and controls to Motion
"""
