# SPDX-License-Identifier: MIT
# keyd/kern: the door to the kernel, through libpfkey.
$(eval $(call library,kern,$(wildcard keyd/kern/*.c),libnl-route-3.0))
$(eval $(call unit_test,kern,kern pfkey util,libmnl libevent_core libnl-route-3.0))
$(eval $(call unit_test,kern_policy,kern pfkey util,libmnl libevent_core libnl-route-3.0))
