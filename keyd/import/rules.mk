# SPDX-License-Identifier: MIT
# keyd/import: racoon.conf and ipsec.conf into keyd.conf. Programs link: import conf crypto pfkey util.
import_libs := import conf crypto pfkey util
$(eval $(call library,import,$(wildcard keyd/import/*.c),))
$(eval $(call unit_test,import,$(import_libs),libcrypto libmnl))
$(O)/tests/unit/import: | $(O)/tests/ca/made
$(eval $(call unit_test,import_words,$(import_libs),libcrypto libmnl))
$(O)/tests/unit/import_words: | $(O)/tests/ca/made
$(eval $(call unit_test,import_protection,$(import_libs),libcrypto libmnl))
$(O)/tests/unit/import_protection: | $(O)/tests/ca/made
$(eval $(call fuzzer,import,$(import_libs),libcrypto libmnl))
