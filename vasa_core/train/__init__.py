"""Training. Each *_stage.py is one training, loop.py what they share; prepare.py makes clips; the rest is data."""
