# SPDX-License-Identifier: MIT
# keyd/card: tokens, and the drivers that talk to them.
$(eval $(call library,card,$(wildcard keyd/card/*.c),libcrypto p11-kit-1 libpcsclite zlib))
$(O)/obj/keyd/card/module.o: CFLAGS += -DP11_MODULES='"$(shell pkg-config --variable=p11_module_path p11-kit-1)"' \
	-DP11_CONFIGS='"$(shell pkg-config --variable=p11_module_configs p11-kit-1)"'
$(eval $(call unit_test,card_token,card,))
$(eval $(call unit_test,card_module,card,))
$(eval $(call unit_test,card_uri,card crypto util,p11-kit-1 libcrypto))
$(eval $(call unit_test,card_wire,card crypto util,libcrypto))
$(eval $(call fuzzer,card,card crypto util,libcrypto))
$(eval $(call unit_test,card_pkcs11,card crypto util,p11-kit-1 libcrypto))
$(eval $(call unit_test,card_softhsm,card crypto util,p11-kit-1 libcrypto))
$(eval $(call unit_test,card_remote,card crypto util,p11-kit-1 libcrypto))
$(O)/tests/unit/card_remote: | $(O)/bin/keyd-card
# The driver with cards of tests/card in its own process, behind a libpcsclite of the test's own.
mock_pcsc := tests/unit/card_pcsc.c tests/unit/card_all.c \
	$(patsubst %,tests/card/%.c,card key openpgp openpgp_data piv piv_auth state tlv transmit)
$(eval $(call unit_test,card_native,card crypto util,p11-kit-1 libcrypto libpcsclite zlib,$(mock_pcsc)))
$(eval $(call unit_test,card_hostile,card crypto util,p11-kit-1 libcrypto libpcsclite zlib,$(mock_pcsc)))
$(eval $(call fuzzer,native,card crypto util,p11-kit-1 libcrypto libpcsclite zlib,$(mock_pcsc)))
$(eval $(call program,tests/fuzz/make_corpus_native,tests/fuzz/make_corpus_native.c $(mock_pcsc),card crypto util,p11-kit-1 libcrypto libpcsclite zlib))

# A module for tests, in C like those that it stands for; what steers it is told in its head.
mock_p11 := $(O)/tests/card/mock_p11.so
$(O)/obj/tests/card/mock_p11.o: pkgs_used := libcrypto p11-kit-1
$(mock_p11): $(O)/obj/tests/card/mock_p11.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(q)$(CC) -shared $(base_ldflags) $(LDFLAGS) -o $@ $^ $(call pkgs,libs,libcrypto)
-include $(O)/obj/tests/card/mock_p11.d
$(O)/tests/unit/card_pkcs11 $(O)/tests/unit/card_remote: | $(mock_p11)
lab-programs: $(mock_p11)
