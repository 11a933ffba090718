"""Download released weights: the only node that uses the network, and only once the artist has accepted the licence."""

from __future__ import annotations

from dataclasses import replace

from comfy_api.latest import io

from ..vasa_core.errors import BadInput
from ..vasa_core.weights.installed import on_disk, released
from ..vasa_core.weights.registry import MODELS
from . import host


def _offered() -> list[str]:
    """Models for the nodes: no node measures videos."""
    return [name for name, model in MODELS.items() if model.kind != "metric"]


TERMS = " ".join(MODELS[name].terms() for name in _offered())


class DownloadModels(io.ComfyNode):
    """Bring a released model into ComfyUI's model folders."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        offered = _offered()
        return io.Schema(
            node_id="VASA_DownloadModels",
            display_name="Download Models",
            category="VASA/load",
            description="Downloads a released face or motion model, checked and whole, once you accept its licence.",
            search_aliases=["get weights", "fetch model", "liveportrait", "joyvasa", "install model", "vasa download"],
            is_output_node=True,
            inputs=[
                io.Combo.Input(
                    "model", options=offered, default=offered[0],
                    tooltip="liveportrait: photo-real faces, 522 MB. joyvasa: its motion model, about 415 MB.",
                ),
                io.Boolean.Input(
                    "accept_licence", default=False, tooltip=f"Tick it to accept the licence of the model. {TERMS}"
                ),
            ],
            outputs=[io.String.Output("report", tooltip="Which files are where, and on what terms.")],
        )  # fmt: skip

    @classmethod
    def fingerprint_inputs(cls, model: str, accept_licence: bool) -> str:
        """Run again when a file has come or gone."""
        entry = released(model)
        return str([on_disk(file, host.released_folders(entry)) for file in entry.files])

    @classmethod
    def execute(cls, model: str, accept_licence: bool) -> io.NodeOutput:
        """Bring what is lacking or damaged; a cancel takes effect at once, and the next run goes on from there."""
        from ..vasa_core.weights.fetching import fetch  # huggingface_hub takes a moment to import

        entry = released(model)
        if not accept_licence:
            raise BadInput(f"{entry.terms()} Tick the input 'accept_licence' if you accept them, and run again.")
        folders = host.released_folders(entry)
        places = {file: on_disk(file, folders) for file in entry.files}
        lacking = tuple(file for file, place in places.items() if place in (None, folders[0] / file.name))
        fetch(replace(entry, files=lacking), folders[0], host.Progress())  # checks those that are there already
        told = "\n".join(str(path) for path in host.released_files(entry).values())
        return io.NodeOutput(f"{told}\n{entry.terms()}")
