# SPDX-License-Identifier: MIT
# keyd/front: racoonctl and ipsec, for those who have them in their fingers and scripts, and keyd-hook, which runs theirs.
front_of = $(eval programs += $(O)/bin/$(1))$(eval $(call program,bin/$(1),keyd/front/$(1).c keyd/front/front.c keyd/ctl/client.c,,jansson))
$(call front_of,racoonctl)
$(call front_of,ipsec)
programs += $(O)/bin/keyd-hook
$(eval $(call program,bin/keyd-hook,$(addprefix keyd/front/,hook.c hook_env.c hook_pluto.c hook_program.c hook_route.c hook_run.c hook_say.c) keyd/ctl/client.c,import conf crypto pfkey util,jansson libcrypto libmnl))
