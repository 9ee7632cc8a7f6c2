# SPDX-License-Identifier: MIT
# keyd/ctl: requests and answers of the control socket, and keydctl(8), which uses it.
ctl_sources := keyd/ctl/ask.c keyd/ctl/line.c keyd/ctl/render.c
$(eval $(call library,ctl,$(ctl_sources),jansson))
programs += $(O)/bin/keydctl
$(eval $(call program,bin/keydctl,$(filter-out $(ctl_sources),$(wildcard keyd/ctl/*.c)),,jansson))
