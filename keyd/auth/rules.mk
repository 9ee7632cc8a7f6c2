# SPDX-License-Identifier: MIT
# keyd/auth: the keeper of keys and what it is asked.
$(eval $(call library,auth,$(wildcard keyd/auth/*.c),libcrypto))
$(eval $(call unit_test,auth,auth conf crypto pfkey util,libcrypto libmnl libevent_core libcrypt liboath))
$(eval $(call unit_test,auth_login,auth conf crypto pfkey util,libcrypto libmnl libcrypt liboath))
