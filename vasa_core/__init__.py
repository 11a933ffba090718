"""One portrait and one voice become a talking video. Plain torch; knows nothing of ComfyUI."""

__version__ = "0.1.0"
