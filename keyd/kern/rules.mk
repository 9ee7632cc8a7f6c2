# SPDX-License-Identifier: MIT
# keyd/kern: the door to the kernel, through libpfkey.
$(eval $(call library,kern,$(wildcard keyd/kern/*.c),))
$(eval $(call unit_test,kern,kern pfkey util,libmnl libevent_core))
