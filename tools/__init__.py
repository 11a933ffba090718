"""Around the pack: install, get ComfyUI, start it, run a workflow in it. Not imported by the pack itself."""
