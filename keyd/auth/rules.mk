# SPDX-License-Identifier: MIT
# keyd/auth: the keeper of keys and what it is asked.
$(eval $(call library,auth,$(wildcard keyd/auth/*.c),libcrypto))
