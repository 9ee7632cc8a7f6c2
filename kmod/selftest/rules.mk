# SPDX-License-Identifier: GPL-2.0-only
# Programs that tests of the modules run.
kmod_say := kmod/selftest/pfkey_say.c tests/lib/tap.c
$(eval $(call program,kmod/selftest/pfkey_beyond,kmod/selftest/pfkey_beyond.c kmod/selftest/pfkey_room.c kmod/selftest/pfkey_reqid.c $(kmod_say),pfkey,libmnl))
$(eval $(call program,kmod/selftest/pfkey_hostile,kmod/selftest/pfkey_hostile.c kmod/selftest/pfkey_refused.c $(kmod_say),pfkey,libmnl))
$(eval $(call program,kmod/selftest/gap_fuzz,kmod/selftest/gap_fuzz.c tests/lib/tap.c,,libmnl))
$(eval $(call program,kmod/selftest/gap_ask,kmod/selftest/gap_ask.c,,libmnl))
lab-programs: $(addprefix $(O)/kmod/selftest/,pfkey_beyond pfkey_hostile gap_fuzz gap_ask)
