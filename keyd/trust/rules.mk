# SPDX-License-Identifier: MIT
# keyd/trust: what peers sign and show, and whether it is believed.
$(eval $(call library,trust,$(wildcard keyd/trust/*.c),))

trust_libs := trust conf crypto pfkey util
trust_pkgs := libcrypto libmnl libevent_core
$(eval $(call unit_test,trust_judge,$(trust_libs),$(trust_pkgs),tests/unit/trust_world.c))
$(eval $(call unit_test,trust_revoke,$(trust_libs),$(trust_pkgs),tests/unit/trust_world.c))
$(O)/tests/unit/trust_judge $(O)/tests/unit/trust_revoke: | $(O)/tests/ca/made
