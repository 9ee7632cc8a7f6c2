# SPDX-License-Identifier: MIT
# Fuzz targets: replayed over their corpus everywhere, fuzzed for real where there is clang.

FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_SAN ?= fuzzer,address,undefined

$(eval $(call program,tests/fuzz/make_corpus_wire,tests/fuzz/make_corpus_wire.c,wire util,))

## make fuzz              fuzz every decoder for FUZZ_SECONDS (needs clang); finds land in build/fuzz/corpus
fuzz:
	+$(q)$(MAKE) O=build/fuzz CC=$(FUZZ_CC) SAN=$(FUZZ_SAN) CFLAGS='-O1 -g -DGAPLESS_LIBFUZZER' fuzz-run

fuzz-run: fuzzers
	$(q)for target in $(notdir $(fuzzers)); do \
		mkdir -p $(O)/corpus/$$target || exit 1; \
		echo "  FUZZ    $$target"; \
		$(O)/tests/fuzz/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=$(O)/corpus/ $(O)/corpus/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

## make fuzz-replay       run every fuzz target over its committed corpus
fuzz-replay: fuzzers
	$(q)for target in $(notdir $(fuzzers)); do \
		$(O)/tests/fuzz/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

## make fuzz-corpus       write the seed files anew
fuzz-corpus: $(O)/tests/fuzz/make_corpus_wire
	$(q)$< tests/fuzz/corpus/wire

# The folders that declare fuzzers are read before this one: names are taken in their order.
fuzzers: $(fuzzers)

.PHONY: fuzz fuzz-run fuzz-replay fuzz-corpus fuzzers
