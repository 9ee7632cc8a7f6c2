# SPDX-License-Identifier: MIT
# keyd/util: knows nothing of IKE.
util_sources := $(wildcard keyd/util/*.c)
$(eval $(call library,util,$(util_sources),libevent_core))
$(eval $(call unit_test,log,util,libevent_core))
$(eval $(call unit_test,ipc,util,libevent_core))
