# SPDX-License-Identifier: MIT
# keyd/hub: all that the card role does.
$(eval $(call library,hub,$(wildcard keyd/hub/*.c),))

hub_libs := hub card conf crypto pfkey util
hub_pkgs := p11-kit-1 libcrypto libmnl
$(eval $(call unit_test,card_hub,$(hub_libs),$(hub_pkgs),tests/unit/hub_world.c))
$(eval $(call unit_test,card_hub_people,$(hub_libs),$(hub_pkgs),tests/unit/hub_world.c))
$(eval $(call unit_test,card_hub_random,$(hub_libs),$(hub_pkgs),tests/unit/hub_world.c))
