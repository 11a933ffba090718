# make demo   a talking video out of a real ComfyUI      make demo PORTRAIT=me.jpg SPEECH=me.wav
# make comfy  open that ComfyUI in a browser              make test    everything that has to pass
# Needs Python 3.10 to 3.12 and nothing else. Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
PORTRAIT ?=
SPEECH ?=
RECORDINGS ?=
MEDIAPIPE ?=
VENV_PYTHON = .venv/bin/python

.PHONY: demo check-files comfy install install-tests test lint format starter bench clean

demo: check-files install
	@$(VENV_PYTHON) -m tools.demo --portrait "$(PORTRAIT)" --speech "$(SPEECH)"

check-files:
	@$(PYTHON) -m tools.demo --check --portrait "$(PORTRAIT)" --speech "$(SPEECH)"

comfy: install
	@$(VENV_PYTHON) -m tools.demo --open

install:
	@$(PYTHON) -m tools.install

install-tests:
	@$(PYTHON) -m tools.install --tests

# The tests start a ComfyUI of their own: the one that `make demo` uses.
test: install-tests lint
	@COMFYUI_DIR="$$($(VENV_PYTHON) -m tools.comfyui_source)" $(VENV_PYTHON) -m pytest -c tests/pytest.ini tests

lint: install-tests
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .

format: install-tests
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

# Trains the shipped weights again, from synthetic speech and, if named, a folder of labelled recordings: README.md.
starter: install
	@$(VENV_PYTHON) -m vasa_core train starter -o training $(if $(RECORDINGS),--recordings "$(RECORDINGS)")

# The figures of README.md. With mediapipe itself: make bench MEDIAPIPE=path/to/its/python
bench: install-tests
	@$(VENV_PYTHON) -m benchmarks $(if $(MEDIAPIPE),--mediapipe "$(MEDIAPIPE)")

clean:
	rm -rf .venv .comfyui output .ruff_cache .pytest_cache
