# SPDX-License-Identifier: MIT
# What things cost, measured. bench-crypto is declared beside keyd/crypto.
BENCH_SIZES ?= 10000 100000
BENCH_RUNS ?= 5

BENCH_TUNNELS ?= 10000
BENCH_RATE ?= 100000
BENCH_HANDSHAKES ?= 10000
BENCH_KIND ?= ec256
BENCH_TOKEN ?= softhsm

$(eval $(call program,tests/bench/measure,tests/bench/measure.c,,))
$(eval $(call program,tests/bench/floor,tests/bench/floor.c,,libcrypto))
# tests/build/test_bench.sh runs them, small.
test_tools += $(addprefix $(O)/tests/bench/,floor load)
$(eval $(call program,tests/bench/load,tests/bench/load.c keyd/roles/udp.c,ike conf crypto wire pfkey util,libcrypto libevent_core))

## make bench             tunnels set up and rekeyed by keyd, and the least that could cost; BENCH_TUNNELS=10000 (see docs/bench-ike.md)
bench: deps-if-missing
	$(build) $(O)/bin/keyd $(O)/tests/bench/load $(O)/tests/bench/floor
	$(q)O=$(O) tests/bench/bench_ike.sh --tunnels $(BENCH_TUNNELS)

## make bench-cert        10,000 handshakes with certificates, and whether memory grows: BENCH_HANDSHAKES= BENCH_KIND=rsa (see docs/bench-ike.md)
bench-cert: deps-if-missing
	$(build) $(O)/bin/keyd $(O)/bin/keydctl $(O)/tests/ca-hosts/made
	$(q)O=$(O) tests/bench/bench_cert.sh --handshakes $(BENCH_HANDSHAKES) --kind $(BENCH_KIND)

## make bench-card        the same with a key on a token: BENCH_TOKEN=softhsm, openpgp or piv, BENCH_HANDSHAKES= BENCH_KIND= (see docs/bench-ike.md)
bench-card: deps-if-missing
	$(build) $(O)/bin/keyd $(O)/bin/keydctl $(O)/bin/keyd-card $(O)/tests/card-emu $(O)/tests/ca-hosts/made
	$(q)O=$(O) tests/bench/bench_cert.sh --handshakes $(BENCH_HANDSHAKES) --kind $(BENCH_KIND) --token $(BENCH_TOKEN)

## make bench-flood       tunnels rekeyed under a flood of first requests; BENCH_RATE=100000 a second (see docs/bench-ike.md)
bench-flood: deps-if-missing
	$(build) $(O)/bin/keyd $(O)/bin/keydctl $(O)/tests/bench/load $(O)/tests/flood $(O)/tests/json
	$(q)O=$(O) tests/bench/bench_flood.sh --rate $(BENCH_RATE)

## make bench-setkey      setkey beside "ip -batch": load, dump, delete; BENCH_SIZES="10000 100000" BENCH_RUNS=5 (see docs/bench-setkey.md)
bench-setkey: deps-if-missing
	$(build) $(O)/bin/setkey $(O)/tests/bench/measure
	$(q)O=$(O) tests/lab --need netns,xfrm --timeout 14400 -- \
		tests/bench/bench_setkey.sh --sizes "$(BENCH_SIZES)" --runs $(BENCH_RUNS) policies
	$(q)O=$(O) LAB_COUNT=1 LAB_MEM=3072 tests/lab --timeout 14400 -- \
		tests/bench/bench_setkey.sh --sizes "$(BENCH_SIZES)" --runs $(BENCH_RUNS) sas

.PHONY: bench bench-cert bench-card bench-flood bench-setkey
