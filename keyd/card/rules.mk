# SPDX-License-Identifier: MIT
# keyd/card: tokens, and the drivers that talk to them.
$(eval $(call library,card,$(wildcard keyd/card/*.c),libcrypto p11-kit-1))
$(eval $(call unit_test,card_token,card,))
$(eval $(call unit_test,card_uri,card crypto util,p11-kit-1 libcrypto))
