# SPDX-License-Identifier: MIT
# keyd/ctl: requests and answers of the control socket, and keydctl(8), which uses it.
ctl_sources := $(addprefix keyd/ctl/,ask.c explain.c explain_words.c line.c reason.c render.c token_render.c)
$(eval $(call library,ctl,$(ctl_sources),jansson))
programs += $(O)/bin/keydctl
$(eval $(call program,bin/keydctl,$(filter-out $(ctl_sources),$(wildcard keyd/ctl/*.c)),import conf card crypto pfkey util,jansson p11-kit-1 libcrypto libnl-genl-3.0))
$(eval $(call unit_test,ctl,ctl card conf crypto pfkey util,jansson libmnl libevent_core libcrypto))
$(eval $(call unit_test,ctl_token,ctl card conf crypto pfkey util,jansson libmnl libevent_core libcrypto))
$(eval $(call unit_test,pinentry,,jansson,keyd/ctl/pinentry.c keyd/ctl/client.c))
$(eval $(call fuzzer,ipc,auth trust kern ctl card conf crypto pfkey util,jansson libmnl libevent_core libcrypto libnl-route-3.0))
$(eval $(call unit_test,gaps,,jansson libnl-genl-3.0,keyd/ctl/gaps_json.c keyd/ctl/gaps_names.c keyd/ctl/gaps_text.c))
