# Two commands do everything on a fresh machine with Python >= 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: pages-bundles demo demo-kyc test lint bench soak clean

# pip from Python 3.11 on does not know dependency groups yet, so the newest one comes first.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("kycrisk needs Python 3.11 or newer; set PYTHON=…") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.installed-lint: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group lint
	@touch $@

$(VENV)/.installed-spark: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --group spark
	@touch $@

$(VENV)/.installed-durable: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --editable ".[durable]"
	@$(BIN)/python -c "import durable_rules_engine"
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --group bench
	@$(BIN)/python -m pip install --quiet --group bench-durable || echo "durable-rules does not build here: it is left out, and the results say so"
	@touch $@

demo: $(VENV)/.installed  ## screen the sample signups with the default rules
	@rm -rf demo
	@$(BIN)/kycrisk init demo
	@cd demo && ../$(BIN)/kycrisk --config samples/kycrisk.yaml feeds update
	@cd demo && ../$(BIN)/kycrisk --config samples/kycrisk.yaml screen samples/signups.csv --history input

demo-kyc: $(VENV)/.installed-test  ## four procedures of verification, from the signup to the result, on this machine alone
	$(BIN)/python -m tests.procedures

# Tests wait for disks, databases and processes as much as they compute: so more of them than there are cores.
test: $(VENV)/.installed-test  ## the tests, under five minutes
	$(BIN)/python -m pytest -n 4 --dist loadfile -m "not heavy"

lint: $(VENV)/.installed-lint $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-bench  ## writes bench/results.json and its picture
	$(BIN)/python -m bench

# On each database: 1,000 reloads and half an hour's signups under load, then 200 kills of the service, of the senders and
# of the writers, and 100 of cases. The random tests are ten times as thorough as in CI. What was counted is said at the end
# of each command. Reloads and each kind of kills take 5 to 15 minutes on two cores that are not idle.
soak: $(VENV)/.installed-test  ## hours: what CI does a few times, hundreds of times
	KYCRISK_TEST_PROFILE=soak $(BIN)/python -m pytest tests/api/test_reload.py tests/api/test_memory.py tests/api/test_contract.py \
	  tests/api/test_serving.py tests/delivery/test_kill.py tests/store/test_kill.py
	KYCRISK_TEST_PROFILE=soak $(BIN)/python -m pytest tests/ruleset
	KYCRISK_TEST_PROFILE=soak $(BIN)/python -m pytest tests/verification/cases/test_kill.py tests/verification/cases/test_races.py
	KYCRISK_TEST_PROFILE=soak $(BIN)/python -m pytest tests/rescreening/delta/test_list_changes.py tests/rescreening/delta/test_rule_changes.py

# The styles and scripts of the pages are committed as they were published; only who takes newer ones needs npm.
PICO := 2.1.1
HTMX := 2.0.11
STATIC := src/kycrisk/web/static

pages-bundles:
	rm -rf build/bundles && mkdir -p build/bundles
	cd build/bundles && npm pack --silent @picocss/pico@$(PICO) htmx.org@$(HTMX)
	cd build/bundles && for each in *.tgz; do mkdir "$${each%.tgz}" && tar -xzf "$$each" -C "$${each%.tgz}" --strip-components 1; done
	cp build/bundles/picocss-pico-$(PICO)/css/pico.min.css $(STATIC)/pico.min.css
	cp build/bundles/picocss-pico-$(PICO)/LICENSE.md $(STATIC)/pico.LICENSE.md
	cp build/bundles/htmx.org-$(HTMX)/dist/htmx.min.js $(STATIC)/htmx.min.js
	cp build/bundles/htmx.org-$(HTMX)/LICENSE $(STATIC)/htmx.LICENSE

clean:
	rm -rf $(VENV) demo build dist
