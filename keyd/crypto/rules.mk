# SPDX-License-Identifier: MIT
# keyd/crypto: what IKE computes, on OpenSSL 3.
crypto_sources := $(wildcard keyd/crypto/*.c)
$(eval $(call library,crypto,$(crypto_sources),libcrypto))

$(eval $(call unit_test,crypto_alg,crypto util,libcrypto))
$(eval $(call unit_test,crypto_prf,crypto util,libcrypto))
$(eval $(call unit_test,crypto_aead,crypto util,libcrypto))
$(eval $(call unit_test,crypto_kex,crypto util,libcrypto))
$(eval $(call unit_test,crypto_keymat,crypto util,libcrypto))
$(eval $(call unit_test,crypto_keymat_v1,crypto util,libcrypto))
$(eval $(call unit_test,crypto_sig,crypto util,libcrypto))
$(eval $(call unit_test,crypto_dn,crypto util,libcrypto))
$(eval $(call unit_test,crypto_trust,crypto util,libcrypto))
$(eval $(call unit_test,crypto_status,crypto util,libcrypto))
$(eval $(call unit_test,crypto_key,crypto util,libcrypto))
$(eval $(call unit_test,crypto_parts,crypto util,libcrypto))
$(eval $(call unit_test,crypto_csr,crypto util,libcrypto))
$(eval $(call fuzzer,cert,crypto util,libcrypto))

# Certificates run out: they are made when they are wanted, and are good for as long as the folder is.
$(addprefix $(O)/tests/unit/crypto_,trust status key): | $(O)/tests/ca/made
$(O)/tests/ca/made: tests/ca/make
	$(q)rm -rf $(@D) && tests/ca/make $(@D) && touch $@

$(eval $(call program,tests/bench/bench_crypto,tests/bench/bench_crypto.c,crypto util,libcrypto))

## make bench-crypto      what one operation of keyd/crypto costs
bench-crypto: $(O)/tests/bench/bench_crypto
	$(q)$<

.PHONY: bench-crypto
