"""VASA: talking portraits for ComfyUI. ComfyUI imports this file; nothing else needs it.

There is no import at the top on purpose: `vasa_core` runs without ComfyUI, and pytest imports this file too.
"""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """The extension that ComfyUI registers: every node of `nodes/`."""
    from .nodes import VasaExtension

    return VasaExtension()
