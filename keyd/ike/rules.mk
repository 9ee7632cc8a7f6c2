# SPDX-License-Identifier: MIT
# The engine: what both versions share, and IKEv2. One library, because each side calls the other through ike/version.h.
ike_sources := $(wildcard keyd/ike/*.c keyd/ikev2/*.c)
$(eval $(call library,ike,$(ike_sources),))
$(eval $(call unit_test,engine,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c))
$(eval $(call unit_test,ikev2_strict,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c tests/unit/rogue.c))
$(eval $(call unit_test,ikev2_window,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c tests/unit/rogue.c))
$(eval $(call unit_test,ikev2_flood,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c tests/unit/rogue.c))
$(eval $(call unit_test,ikev2_fragment,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c))
$(eval $(call unit_test,ikev2_collide,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c))
$(eval $(call unit_test,ikev2_nat,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c tests/unit/world_nat.c))
$(eval $(call unit_test,ike,ike conf crypto wire pfkey util,libcrypto))
$(eval $(call fuzzer,engine,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c))
$(eval $(call unit_test,ikev2_life,ike conf crypto wire pfkey util,libcrypto,tests/unit/world.c))
