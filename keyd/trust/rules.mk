# SPDX-License-Identifier: MIT
# keyd/trust: what peers sign and show, and whether it is believed.
$(eval $(call library,trust,$(wildcard keyd/trust/*.c),))
