# SPDX-License-Identifier: MIT
# libpfkey: the kernel's SAD and SPD behind one API. Knows nothing of the other folders.
pfkey_sources := $(wildcard pfkey/*.c)
$(eval $(call library,pfkey,$(pfkey_sources),libmnl))

# For others. A change that breaks a program built before raises the first number.
pfkey_version := 0.1.0
$(eval $(call public_library,pfkey,$(pfkey_version)))
$(eval $(call unit_test,pfkey_addr,pfkey,libmnl))
$(eval $(call unit_test,pfkey_alg,pfkey,libmnl))
$(eval $(call unit_test,pfkey_batch,pfkey,libmnl))
$(eval $(call unit_test,pfkey_fake,pfkey,libmnl))
$(eval $(call unit_test,pfkey_backend,pfkey,libmnl))
$(eval $(call unit_test,pfkey_codec,pfkey,libmnl))
$(eval $(call unit_test,pfkey_read,pfkey,libmnl))
$(eval $(call unit_test,pfkey_sock,pfkey,libmnl))
$(eval $(call unit_test,pfkey_xfrm,pfkey,libmnl))
$(eval $(call fuzzer,pfkey,pfkey,libmnl))
$(eval $(call fuzzer,xfrm,pfkey,libmnl))
$(eval $(call program,tests/netns/pfkey_probe,$(wildcard tests/netns/pfkey_probe*.c) tests/lib/tap.c,pfkey,libmnl))
$(eval $(call program,examples/pair,pfkey/examples/pair.c,pfkey,libmnl))
lab-programs: $(O)/tests/netns/pfkey_probe $(O)/examples/pair
$(eval $(call program,tests/netns/batch_probe,tests/netns/batch_probe.c tests/lib/tap.c,pfkey,libmnl))
$(eval $(call program,tests/netns/feature_probe,tests/netns/feature_probe.c tests/lib/tap.c,pfkey,libmnl))
lab-programs: $(O)/tests/netns/batch_probe $(O)/tests/netns/feature_probe
