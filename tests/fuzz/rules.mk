# SPDX-License-Identifier: MIT
# Fuzz targets: replayed over their corpus everywhere, fuzzed for real where there is clang.

FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_SAN ?= fuzzer,address,undefined
# The folders that declare fuzzers are read before this one.
FUZZ ?= $(notdir $(fuzzers))

$(eval $(call program,tests/fuzz/make_corpus_wire,tests/fuzz/make_corpus_wire.c,wire util,))
$(eval $(call program,tests/fuzz/make_corpus_isakmp,tests/fuzz/make_corpus_isakmp.c,wire util,))
$(eval $(call program,tests/fuzz/make_corpus_sealed,tests/fuzz/make_corpus_sealed.c $(world) 	tests/unit/rogue.c,ike conf crypto wire pfkey util,libcrypto))

$(eval $(call program,tests/fuzz/make_corpus_frozen,tests/fuzz/make_corpus_frozen.c $(world),ike conf crypto wire pfkey util,libcrypto))
$(eval $(call program,tests/fuzz/make_corpus_engine,tests/fuzz/make_corpus_engine.c $(world),ike conf crypto wire pfkey util,libcrypto))
$(eval $(call program,tests/fuzz/make_corpus_card,tests/fuzz/make_corpus_card.c,card crypto util,libcrypto))
$(eval $(call program,tests/fuzz/make_corpus_cert,tests/fuzz/make_corpus_cert.c,,))

## make fuzz              fuzz every decoder (or FUZZ=NAMES) for FUZZ_SECONDS with clang; finds: build/fuzz/corpus
fuzz:
	$(q)$(MAKE) O=build/fuzz CC=$(FUZZ_CC) SAN=$(FUZZ_SAN) CFLAGS='-O1 -g -DGAPLESS_LIBFUZZER' fuzz-run

fuzz-run: fuzzers
	$(q)for name in $(FUZZ); do \
		echo "  FUZZ    $$name"; \
		mkdir -p $(O)/corpus/$$name && \
		$(O)/tests/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=$(O)/corpus/$$name- $(O)/corpus/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

## make fuzz-replay       run every fuzz target (or FUZZ=NAMES) over its committed corpus
fuzz-replay: fuzzers
	$(q)for name in $(FUZZ); do \
		$(O)/tests/fuzz/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

## make fuzz-corpus       write the seed files anew
fuzz-corpus: $(addprefix $(O)/tests/fuzz/make_corpus_,wire isakmp sealed frozen engine cert card native) $(O)/tests/ca/made
	$(q)$(O)/tests/fuzz/make_corpus_wire tests/fuzz/corpus/wire
	$(q)$(O)/tests/fuzz/make_corpus_isakmp tests/fuzz/corpus/isakmp
	$(q)$(O)/tests/fuzz/make_corpus_sealed tests/fuzz/corpus/sealed
	$(q)$(O)/tests/fuzz/make_corpus_frozen tests/fuzz/corpus/frozen
	$(q)$(O)/tests/fuzz/make_corpus_engine tests/fuzz/corpus/engine
	$(q)$(O)/tests/fuzz/make_corpus_cert $(O)/tests/ca tests/fuzz/corpus/cert
	$(q)$(O)/tests/fuzz/make_corpus_card $(O)/tests/ca tests/fuzz/corpus/card
	$(q)$(O)/tests/fuzz/make_corpus_native tests/fuzz/corpus/native

fuzzers: $(addprefix $(O)/tests/fuzz/,$(FUZZ))

.PHONY: fuzz fuzz-run fuzz-replay fuzz-corpus fuzzers
