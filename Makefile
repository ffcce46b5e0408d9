# GENERIO Flows for Blender. Every command sets up what it needs.

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The bpy wheel that exists for the interpreter at hand.
BPY_FOR_3.11 := 4.5.*
BPY_FOR_3.13 := 5.2.*

# Handed on in the environment, where no quote or dollar in a prompt can do harm.
export PROMPT IMAGE MODEL SERVICE PROFILE

.PHONY: help setup demo check pure-test test lint matrix windows-test gui-test pictures docs docs-test faults bench mutants lock package clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## The virtual environment .venv, with bpy and the development tools

$(READY): pyproject.toml constraints.txt scripts/find_python.sh
	@set -e; \
	if [ -L $(VENV) ]; then \
		echo "$(VENV) is a link to an environment of another checkout, which only that one sets up." >&2; exit 1; \
	fi; \
	python=$$(sh scripts/find_python.sh); \
	version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	case $$version in 3.11) bpy="$(BPY_FOR_3.11)" ;; *) bpy="$(BPY_FOR_3.13)" ;; esac; \
	echo "Setting up $(VENV) with Python $$version and bpy $$bpy (about 500 MB the first time)"; \
	"$$python" -m venv --clear $(VENV); \
	$(BIN)/pip install --quiet --upgrade --constraint constraints.txt pip; \
	$(BIN)/pip install --quiet --constraint constraints.txt "bpy==$$bpy" --group test --group lint --group matrix --group docs
	@touch $(READY)

demo: $(READY) ## The main job, headless, against the sandbox  [PROMPT="..." IMAGE=path MODEL=path SERVICE=cloud]
	@$(BIN)/python scripts/demo.py

check: $(READY) ## Before each commit, in under a minute: style, types, and the tests that are pure
	@$(MAKE) --no-print-directory --jobs 2 lint pure-test

pure-test: $(READY) ## The tests that listen on no port, start no program and need no Blender
	$(BIN)/python -m pytest -q -m "not slow" tests/unit tests/package

# Side by side, since a test waits more than it works: twice as many as a small machine has cores. Each process
# holds a Blender of its own.
test: $(READY) ## Everything that needs no window
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal $(if $(RERUNS),--reruns $(RERUNS))

matrix: $(READY) ## The same on Blender 4.2, 4.5, 5.0 and 5.2  [ONLY="4.2 5.2" K="assets or pictures"]
	$(BIN)/nox --no-error-on-missing-interpreters \
		$(if $(ONLY),--sessions $(foreach version,$(ONLY),"blender($(version))")) $(if $(K)$(RERUNS),-- $(if $(K),-k "$(K)") $(if $(RERUNS),--reruns $(RERUNS)))

# Wine starts programs slowly, so what is quick elsewhere is not here; WINDOWS is the folder of its Python.
WINDOWS := .cache/windows
WINDOWS_TESTS := tests/unit tests/faults $(addprefix tests/blender/,$(addsuffix .py,\
	test_flows test_register cli/test_cli operators/test_bad_input operators/test_main_job scene/background/test_convert \
	scene/export/test_pictures session/test_killed session/test_ledger_trouble))

$(WINDOWS)/.ready: pyproject.toml constraints.txt scripts/windows_rig.py | $(READY)
	$(BIN)/python scripts/windows_rig.py $(WINDOWS)
	@touch $@

windows-test: $(WINDOWS)/.ready ## What leans on files, processes and conversions, on Windows' Python (Debian, as root)  [TESTS="tests/unit/cli" K="names"]
	$(WINDOWS)/python -m pytest -q --numprocesses 2 --dist worksteal -p no:cacheprovider $(if $(TESTS),$(TESTS),$(WINDOWS_TESTS)) $(if $(K),-k "$(K)") $(if $(RERUNS),--reruns $(RERUNS))

gui-test: $(READY) ## Stories in real windows of Blender 4.3 and 5.2 (Debian, as root)  [K="trixie and generate"]
	$(BIN)/python -m pytest -s tests/gui $(if $(K),-k "$(K)") $(if $(RERUNS),--reruns $(RERUNS))

pictures: $(READY) ## The pictures in docs/images, from the last demo and gui-test
	$(BIN)/python scripts/renders.py
	$(BIN)/python scripts/pictures.py

docs: $(READY) ## The site in build/site: home page, manual, and the repository to install from
	$(BIN)/python scripts/site.py

docs-test: $(READY) ## The site in a browser without a window, wide and narrow (Chromium, if there is one)
	$(BIN)/python -m pytest -q tests/site

faults: $(READY) ## Crashes, bad networks and hostile input against the engine  [ONLY="kills pair" SEED=1 SHARE=0.1]
	$(BIN)/python -m tests.faults $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED)) $(if $(SHARE),--share $(SHARE))

bench: $(READY) ## Speed and memory beside what there is without the add-on
	$(BIN)/python scripts/bench.py

lint: $(READY) ## Style, types, and the manifest
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python scripts/check_layers.py
	$(BIN)/python scripts/package.py --check

mutants: $(READY) ## Small faults in the code that a test should notice  [ONLY="jobs cli" COUNT=30 SEED=1]
	$(BIN)/python scripts/mutants.py $(if $(ONLY),--rooms $(ONLY)) $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

lock: $(READY) ## constraints.txt anew: the newest versions of what development needs (Python 3.11 and 3.13)
	$(BIN)/python scripts/lock.py

package: $(READY) ## The extension's zip, and a repository to install it from, into dist/
	$(BIN)/python scripts/package.py

clean: ## Remove what the other commands made
	rm -rf $(VENV) .nox build dist
