# SPDX-License-Identifier: MIT
# What things cost, measured. bench-crypto is declared beside keyd/crypto.
BENCH_SIZES ?= 10000 100000
BENCH_RUNS ?= 5

$(eval $(call program,tests/bench/measure,tests/bench/measure.c,,))

## make bench-setkey      setkey beside "ip -batch": load, dump, delete; BENCH_SIZES="10000 100000" BENCH_RUNS=5 (see docs/bench-setkey.md)
bench-setkey: deps-if-missing
	$(build) $(O)/bin/setkey $(O)/tests/bench/measure
	$(q)O=$(O) tests/lab --need netns,xfrm --timeout 14400 -- \
		tests/bench/bench_setkey.sh --sizes "$(BENCH_SIZES)" --runs $(BENCH_RUNS) policies
	$(q)O=$(O) LAB_COUNT=1 LAB_MEM=3072 tests/lab --timeout 14400 -- \
		tests/bench/bench_setkey.sh --sizes "$(BENCH_SIZES)" --runs $(BENCH_RUNS) sas

.PHONY: bench-setkey
