"""The node Download Models: only with consent, with progress, cancelled at once, and never a part of a file."""

from __future__ import annotations

import hashlib

import pytest

from tests.nodes.live_server import node
from tests.nodes.test_running import patience


@pytest.fixture
def small(live, hub, run):
    """The prompt that downloads a small model, which is made known to the server first; it is not here yet."""
    content = hub.files["model.pth"]
    added = run({"add": node("TestReleasedModels", size=len(content), sha256=hashlib.sha256(content).hexdigest())})
    assert added.ending.type == "execution_success", added.ending
    folder = live.base / "models" / "joyvasa"
    for path in folder.glob("*model.pth*") if folder.exists() else []:
        path.unlink()
    hub.delay, hub.status = 0.0, 200
    hub.sends.clear()
    return download("small")


def download(model: str, accept: bool = True) -> dict:
    return {
        "get": node("VASA_DownloadModels", model=model, accept_licence=accept),
        "report": node("TestReport", value=["get", 0]),
    }


def here(live) -> list[str]:
    return sorted(path.name for path in (live.base / "models" / "joyvasa").glob("*"))


def test_without_consent_nothing_happens_but_the_terms_are_said(run, hub):
    hub.tokens.clear()
    message = run(download("liveportrait", accept=False)).error
    assert "MIT licence" in message and "huggingface.co/KlingTeam/LivePortrait" in message
    assert "'accept_licence'" in message and hub.tokens == []


def test_a_download_arrives_whole_in_the_model_folder_with_progress(run, live, hub, small):
    done = run(small)
    assert done.ending.type == "execution_success", done.ending
    assert here(live) == ["model.pth"]
    assert (live.base / "models" / "joyvasa" / "model.pth").read_bytes() == hub.files["model.pth"]
    assert done.progress("get")[-1].data["value"] == done.progress("get")[-1].data["max"]
    assert "model.pth" in done.outputs["report"]["text"][0]


def test_a_cancel_ends_a_download_at_once_and_the_next_run_goes_on(run, live, hub, small):
    hub.delay = 0.02
    hub.ranges.clear()
    cancelled = run(small, interrupt_after=("get", 5))
    assert cancelled.ending.type == "execution_interrupted"
    assert cancelled.seconds < patience()
    assert "model.pth" not in here(live)
    hub.delay = 0.0
    assert run(small).ending.type == "execution_success"
    assert here(live) == ["model.pth"] and hub.ranges[-1] is not None


def test_a_wrong_file_is_not_kept(run, live, hub, small):
    hub.sends["model.pth"] = hub.files["model.pth"][:-1] + b"!"
    message = run(small).error
    assert "wrong size or hash" in message and here(live) == []


def test_a_refusal_is_one_sentence_with_file_folder_and_address(run, live, hub, small):
    hub.status = 404
    message = run(small).error
    for part in ("model.pth", str(live.base / "models" / "joyvasa"), "https://huggingface.co/someone/model/resolve/"):
        assert part in message
    assert message.endswith(".") and ". " not in message


def test_the_real_models_are_refused_where_the_server_has_other_files(run, hub):
    """The test's server has none of them; nothing else is asked."""
    hub.status = 200
    assert "does not have it (status 404)" in run(download("liveportrait")).error
