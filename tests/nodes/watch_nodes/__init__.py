"""A node that watches what the server itself does between two runs: connections, and models asked onto the device."""

import json
import sys

import comfy.model_management as memory
import torch

STATE = {"offline": False, "connections": [], "placed": []}
CONNECTING = {"socket.connect", "socket.getaddrinfo", "socket.sendto"}


def guard(event, args):
    """An audit hook: while `offline`, every connection to anywhere fails, and is noted."""
    if STATE["offline"] and event in CONNECTING:
        STATE["connections"].append(str(args[-1] if event == "socket.connect" else args[:2]))
        raise OSError("the test has cut this server off from every network")


def recording(load_models_gpu):
    """ComfyUI's load_models_gpu, noting what it was asked for."""

    def load(models, *args, **options):
        for patcher in models:
            told = [type(patcher.model).__name__, options.get("memory_required", 0), len(models)]
            STATE["placed"].append(told)
        return load_models_gpu(models, *args, **options)

    return load


sys.addaudithook(guard)
memory.load_models_gpu = recording(memory.load_models_gpu)


class Watch:
    """Begin to watch, with or without the network; end it and say what was seen."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "watch", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"do": (["begin", "begin offline", "end"],)}}

    @classmethod
    def IS_CHANGED(cls, **_):
        return float("nan")

    def watch(self, do):
        seen = json.dumps({"connections": STATE["connections"], "placed": STATE["placed"]})
        STATE.update(offline=do == "begin offline", connections=[], placed=[])
        return {"ui": {"text": [seen]}}


class Types:
    """In which type this pack would run a large network on an accelerator, for each that ComfyUI's policy may name."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "ask", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def ask(self):
        host = next(module for name, module in sys.modules.items() if name.endswith(".nodes.host"))
        kept, answers = (memory.get_torch_device, memory.unet_dtype), {}
        network = torch.nn.Linear(3, 5)
        try:
            answers["cpu"] = str(host.network_dtype("auto", network))
            memory.get_torch_device = lambda: torch.device("cuda")
            for policy in (torch.float16, torch.bfloat16, torch.float32, torch.float8_e4m3fn):
                memory.unet_dtype = lambda device, parameters, supported, policy=policy: policy
                answers[str(policy)] = str(host.network_dtype("auto", network))
            answers["asked"] = str(host.network_dtype("bfloat16", network))
        finally:
            memory.get_torch_device, memory.unet_dtype = kept
        return {"ui": {"text": [json.dumps(answers)]}}


NODE_CLASS_MAPPINGS = {"TestWatch": Watch, "TestTypes": Types}
