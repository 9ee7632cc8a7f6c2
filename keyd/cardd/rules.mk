# SPDX-License-Identifier: MIT
# keyd-card: what keyd and keydctl start for each module and reader.
programs += $(O)/bin/keyd-card
$(eval $(call program,bin/keyd-card,$(wildcard keyd/cardd/*.c),card crypto util,p11-kit-1 libpcsclite zlib libcrypto))
