# SPDX-License-Identifier: MIT
# libpfkey: the kernel's SAD and SPD behind one API. Knows nothing of the other folders.
pfkey_sources := $(wildcard pfkey/*.c)
$(eval $(call library,pfkey,$(pfkey_sources),libmnl))
$(eval $(call unit_test,pfkey_addr,pfkey,libmnl))
$(eval $(call unit_test,pfkey_alg,pfkey,libmnl))
$(eval $(call unit_test,pfkey_fake,pfkey,libmnl))
$(eval $(call unit_test,pfkey_xfrm,pfkey,libmnl))
$(eval $(call fuzzer,xfrm,pfkey,libmnl))
$(eval $(call program,tests/netns/pfkey_probe,tests/netns/pfkey_probe.c,pfkey,libmnl))
lab-programs: $(O)/tests/netns/pfkey_probe
