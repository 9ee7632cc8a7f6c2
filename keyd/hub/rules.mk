# SPDX-License-Identifier: MIT
# keyd/hub: all that the card role does.
$(eval $(call library,hub,$(wildcard keyd/hub/*.c),))
