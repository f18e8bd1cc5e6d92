# Short commands over the CMake presets. `make` builds what is installed, `make check` the tests as
# well, and runs them.
PYTHON = $(shell [ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)
JOBS ?= $(shell nproc)

release debug:
	cmake --preset $@ >/dev/null
	cmake --build --preset $@ -j $(JOBS) --target snnfit snnfit_shared

# With the tests and their tools.
all:
	cmake --preset release >/dev/null
	cmake --build --preset release -j $(JOBS)

check: all
	ctest --preset release
	SNNFIT=build/release/snnfit $(PYTHON) -m pytest -q -n $(JOBS) tests

# The whole suite again, under the address and undefined behaviour sanitizers, or that of threads.
asan tsan: export TSAN_OPTIONS = exitcode=99:halt_on_error=1
asan tsan: export CK_TIMEOUT_MULTIPLIER = 30
asan tsan:
	cmake --preset $@ >/dev/null
	cmake --build --preset $@ -j $(JOBS)
	ctest --preset $@
	SNNFIT=build/$@/snnfit $(PYTHON) -m pytest -q -n $(JOBS) tests

# Lines and branches that the whole suite runs, a line a folder.
coverage:
	scripts/coverage

# Every fuzz target (or TARGETS) for TIME seconds of CPU; needs clang. Findings: build/fuzz-findings.
TIME ?= 60
fuzz:
	cmake --preset fuzz >/dev/null
	cmake --build --preset fuzz -j $(JOBS)
	$(PYTHON) tests/fuzz/run.py --seconds $(TIME) $(TARGETS)

# Every allocation and system call of every command fails once, on the middle-sized models too
# (the tests above leave some out there).
faults: all
	SNNFIT=build/release/snnfit SNNFIT_FAULTS_EVERY=1 $(PYTHON) -m pytest -q -n $(JOBS) tests/faults

# Writes the golden files and the table of real networks anew: look at the difference, and say in the
# commit why each changed.
golden: all
	build/release/tests/run_golden --bless
	SNNFIT=build/release/snnfit $(PYTHON) tests/end_to_end/fixtures_table.py
	git diff --stat tests/golden docs/fixtures.md

# Random networks over all operators: what the importer lets go is cut, and onnxruntime must not notice.
graph-fuzz: release
	SNNFIT=build/release/snnfit $(PYTHON) tests/importer/graph_fuzz.py $(or $(COUNT),1000) $(or $(FIRST),0)

# Figures beside cp and BLAS (docs/bench.md): an hour, 9 GB of disk. Quick: make bench BENCH=--quick
bench: all
	$(PYTHON) bench/run.py $(BENCH)

format:
	tests/format.sh --fix

clean:
	rm -rf build

.DEFAULT_GOAL = release
.PHONY: release debug all check asan coverage fuzz faults golden graph-fuzz bench format clean
