# SPDX-License-Identifier: MIT
# keyd/fetch: files by http.
$(eval $(call library,fetch,$(wildcard keyd/fetch/*.c),libevent_extra))
$(eval $(call unit_test,fetch,fetch util,libevent_extra libevent_core))
$(eval $(call fuzzer,url,fetch util,libevent_extra libevent_core))
