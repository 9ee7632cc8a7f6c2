# SPDX-License-Identifier: MIT
# Tests: what runs where, all through tests/run, whose last line counts.
# T=NAME... picks tests by name: make check-netns T=lab runs tests/netns/test_lab.sh.

$(eval $(call program,tests/flow,tests/netns/flow.c,,))
$(eval $(call program,tests/capture,tests/netns/capture.c,,))
$(eval $(call program,tests/hostile,tests/netns/hostile.c,,))
$(eval $(call program,tests/hostile-control,tests/netns/hostile_control.c,,))
$(eval $(call program,tests/flood,tests/netns/flood.c,wire util,))
$(eval $(call program,tests/json,tests/netns/json.c,,jansson))
$(eval $(call program,tests/algs,tests/interop/algs.c,crypto util,libcrypto))
$(eval $(call program,tests/notified,tests/build/notified.c,,))
$(eval $(call program,tests/ambush,tests/netns/ambush.c,,))
$(eval $(call program,tests/memory-search,tests/build/memory_search.c,,))
$(eval $(call program,tests/manager,tests/netns/manager.c,,))
$(eval $(call program,tests/liar,tests/build/liar.c,,))
$(eval $(call program,tests/fetch-driver,tests/build/fetch_driver.c,util,libevent_core))
$(eval $(call program,tests/card-driver,tests/build/card_driver.c,card crypto util,p11-kit-1 libcrypto libpcsclite zlib))
$(eval $(call program,tests/card-watch,tests/build/card_watch.c,card crypto util,libcrypto))
test_tools += $(O)/tests/card-driver $(O)/tests/card-watch $(O)/tests/card/mock_p11.so
test_tools += $(addprefix $(O)/tests/,flow capture flood hostile hostile-control json algs notified ambush manager liar fetch-driver memory-search)

# Certificates that the lab's hosts use: made here, where programs start fast
$(O)/tests/ca-hosts/made: tests/ca/hosts
	$(q)rm -rf $(@D) && tests/ca/hosts $(@D) && touch $@
test_tools += $(O)/tests/ca-hosts/made

# Sanitized objects live in their own place, which is that of "make SAN=address,undefined" when O is not given.
check_san := address,undefined
san_O := $(if $(SAN),$(O),$(O)/san-address-undefined)

pick = $(if $(T),$(foreach t,$(T),$(filter %/$(t) %/$(t).sh %/test_$(t).sh,$(1))),$(1))
picked_unit = $(call pick,$(unit_tests))
picked_fuzzers = $(call pick,$(fuzzers))
picked_netns = $(call pick,$(sort $(wildcard tests/netns/test_*.sh)))
picked_kmod = $(call pick,$(filter-out %_lib.sh,$(sort $(wildcard kmod/selftest/*_*.sh))))
picked_build = $(call pick,$(sort $(wildcard tests/build/test_*.sh)))

run_unit = --tap --label unit $(picked_unit) $(if $(SAN),,--label san $(picked_unit:$(O)/%=$(san_O)/%))
run_fuzz = --tap --label fuzz $(foreach f,$(picked_fuzzers:$(O)/%=$(san_O)/%),"$f tests/fuzz/corpus/$(notdir $f)")
# Those that take long, and say how long they may, come first: they wait, and others have the processors. Those that must be alone come last: each of
# them waits until all before it have ended.
alone_build := $(shell grep -ls '^\# alone' tests/build/test_*.sh)
long_build := $(filter-out $(alone_build),$(shell grep -ls '^\# timeout' tests/build/test_*.sh))
run_long = --tap --label build $(filter $(long_build),$(picked_build))
run_build = --tap --label build $(filter-out $(long_build) $(alone_build),$(picked_build)) $(filter $(alone_build),$(picked_build))
run_sim = --plain --label sim "$(O)/tests/sim --seeds 900 --jobs 0" --label sim "$(O)/tests/sim --ikev1 --seeds 170 --jobs 0" \
	$(if $(SAN),,--label san "$(san_O)/tests/sim --seeds 36 --jobs 0") --tap --label sim tests/sim/test_bugs.sh
run_netns = --tap --label netns --lab $(picked_netns)
# What a kernel does not recover from comes last.
last_kmod := kmod/selftest/pfkey_lockdown.sh
run_kmod = --tap --label kmod --lab $(filter-out $(last_kmod),$(picked_kmod)) $(filter $(last_kmod),$(picked_kmod))

# Tests are built by a make of their own, after what is missing was installed, and on all cores unless -j says otherwise.
build = +$(q)$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
# Where no package of headers can be had there are no modules, and their tests say so.
build_kmod = $(if $(shell command -v apt-get),$(build) kmod)
# openiked runs over pfkeyv2.ko: one small package, once. Where it cannot be had its test says so.
fetch_openiked = $(q)tests/interop/prepare openiked >/dev/null || :
build_san = $(build) $(if $(SAN),,SAN=$(check_san) O=$(san_O))

test-programs: $(picked_unit)
fuzz-programs: $(picked_fuzzers)
lab-programs: $(programs) $(test_tools)

## make check             every test: unit (plain and sanitized), fuzz targets over their corpus, make install, real kernels in the lab
check: deps-if-missing
	$(build) test-programs lab-programs $(O)/tests/sim
	$(build_san) test-programs fuzz-programs $(san_O)/tests/sim
	$(build_kmod)
	$(fetch_openiked)
	$(q)O=$(O) tests/run $(run_long) $(run_unit) $(run_sim) $(run_fuzz) $(run_build) $(run_netns) $(run_kmod)

## make check-unit        unit tests, plain and sanitized
check-unit: deps-if-missing
	$(build) test-programs
	$(build_san) test-programs
	$(q)tests/run $(run_unit)

## make check-sim         the simulator: SEEDS=10000 runs with hosts, networks and kernels in simulated time (docs/simulator.md)
check-sim: deps-if-missing
	$(build) $(O)/tests/sim
	$(q)$(O)/tests/sim --jobs 0 --verbose --seeds $(or $(SEEDS),10000) $(if $(SCENARIO),--scenario $(SCENARIO))

## make check-fuzz        fuzz targets over their corpus, sanitized
check-fuzz: deps-if-missing
	$(build_san) fuzz-programs
	$(q)tests/run $(run_fuzz)

## make check-netns       tests on a real kernel, here or in a virtual machine (LAB=auto, host or vm; see tests/README.md)
check-netns: deps-if-missing
	$(build) lab-programs
	$(q)O=$(O) tests/run $(run_netns)

## make check-kmod        the kernel modules' tests in the lab (T= picks some; kmod/selftest; LAB_KERNEL=newer, or a version: on that kernel)
check-kmod: deps-if-missing
	$(build_kmod)
	$(build) lab-programs
	$(fetch_openiked)
	$(q)O=$(O) tests/run $(run_kmod)

## make check-interop     keyd with strongSwan, libreswan and openiked in the lab, and a matrix (PEER=, T=; docs/interop.md)
check-interop: deps-if-missing
	$(build) lab-programs
	$(q)O=$(O) PEER="$(PEER)" T="$(T)" tests/interop/run

# An upgrade needs another build: the same sources, as another version.
next = $(O)/next
## make check-gaps        who loses what when keys change, daemons restart and die, SAs are flushed: a table (COLUMNS=, T=, RATES=; docs/gaps.md)
check-gaps: deps-if-missing
	$(build_kmod)
	$(build) lab-programs
	$(build) O=$(next) VERSION=$(VERSION)-next $(next)/bin/keyd $(next)/bin/keyd-card $(next)/bin/keydctl $(next)/bin/setkey
	$(q)O=$(O) NEXT=$(next) COLUMNS="$(COLUMNS)" RATES="$(RATES)" T="$(T)" tests/gaps/run

## make clean-lab         forget the lab's kernel and what was found out about this machine's
clean-lab:
	rm -rf build/vm

# Installs what is missing; says what it does in deps.mk.
deps-if-missing:

.PHONY: check check-unit check-sim check-fuzz check-netns check-kmod check-interop check-gaps clean-lab deps-if-missing test-programs fuzz-programs lab-programs
