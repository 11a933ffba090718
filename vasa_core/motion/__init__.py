"""Audio features and controls become motion, window by window, with the diffusion transformer of VASA-1."""
