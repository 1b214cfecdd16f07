# The verbs of this repository. `make demo` and `make test` set up what they need.

URL ?= http://127.0.0.1:8000
HOST_PORT ?= 8010
K8S_TARGET ?= svc/api:80
NAMESPACE ?=
RATE ?= 200/s:5s
EVERY ?= 10s
APP ?= main:app
DURATION ?= 30s
CARGO ?= cargo

WITH_PYTHON = $(CARGO) run --quiet --profile quick --locked --package squall-cli --
# Where nothing runs in Python its engine, minutes of work on a fresh machine, is left out.
SQUALL = SQUALL_PYENGINE=none $(WITH_PYTHON)

.PHONY: help demo install test test-all check lint fmt bench fuzz stress-local stress-asgi stress-k8s k8s-port-forward-bg k8s-port-forward-stop clean

help: ## what there is
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

demo: ## builds Squall and shows it at work: a target, half a minute of load, the summary
	SQUALL_PYENGINE=none $(CARGO) build --profile quick --locked --package squall-cli
	$(SQUALL) demo

install: ## puts `squall` into ~/.cargo/bin
	$(CARGO) install --locked --path crates/cli

test: ## builds and runs the tests that need nothing else
	bash scripts/test.sh

test-all: ## all tests: also against the real k6, Locust and servers, which it installs (SQUALL_NO_K6=1, SQUALL_NO_LOCUST=1, SQUALL_NO_SERVERS=1 leave them out)
	bash scripts/test.sh --all

check: ## type checks everything
	$(CARGO) check --workspace --all-targets --locked

lint: ## formatting and clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

fmt: ## formats
	$(CARGO) fmt --all

bench: ## Squall beside wrk, hey and k6 on this machine (see bench/README.md)
	bash bench/run.sh

fuzz: ## a minute of random input for each parser of foreign bytes
	bash scripts/fuzz.sh

stress-local: ## bursts of requests on URL, default http://127.0.0.1:8000
	$(SQUALL) burst $(URL) --burst $(RATE) --every $(EVERY) --duration $(DURATION)

stress-asgi: ## the same on an ASGI application within its own Python process, default APP=main:app
	$(WITH_PYTHON) burst --asgi $(APP) --burst $(RATE) --every $(EVERY) --duration $(DURATION)

stress-k8s: ## the same on the forwarded port HOST_PORT, default 8010
	$(SQUALL) burst http://127.0.0.1:$(HOST_PORT) --burst $(RATE) --every $(EVERY) --duration $(DURATION)

k8s-port-forward-bg: ## forwards K8S_TARGET, default svc/api:80, of NAMESPACE to HOST_PORT in the background; log: logs/log_kpf.txt
	$(SQUALL) k8s forward start $(if $(NAMESPACE),-n $(NAMESPACE)) $(HOST_PORT):$(K8S_TARGET)

k8s-port-forward-stop: ## ends it: that of HOST_PORT if given, else all
	$(SQUALL) k8s forward stop $(if $(filter environment command,$(origin HOST_PORT)),$(HOST_PORT))

clean: ## removes what was built
	$(CARGO) clean
