# SPDX-License-Identifier: MIT
# keyd(8): every role in one binary.
keyd_pkgs := libevent_extra libevent_core libcrypto libmnl libseccomp libcap-ng jansson libnl-route-3.0 p11-kit-1 libcrypt liboath
programs += $(O)/bin/keyd
$(eval $(call program,bin/keyd,$(wildcard keyd/roles/*.c),ctl import auth trust fetch hub card kern ike conf crypto wire pfkey util,$(keyd_pkgs)))
$(eval $(call unit_test,seccomp,,libseccomp,keyd/roles/seccomp.c))
$(eval $(call unit_test,state,crypto util,libcrypto,keyd/roles/state.c keyd/roles/state_block.c))
$(eval $(call unit_test,cache,crypto util,libcrypto,keyd/roles/cache.c keyd/roles/folder.c))
$(eval $(call unit_test,token_files,crypto util,libcrypto,keyd/roles/sights.c keyd/roles/trials.c keyd/roles/folder.c))
$(eval $(call unit_test,ctl_join,ctl card conf crypto pfkey util,jansson libcrypto libmnl libevent_core,keyd/roles/ctl_token.c))
$(eval $(call unit_test,watch,ctl card conf crypto pfkey util,jansson libcrypto libmnl libevent_core,keyd/roles/ctl_watch.c keyd/roles/ctl_client.c))
