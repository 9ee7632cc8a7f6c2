# SPDX-License-Identifier: MIT
# keyd/crypto: what IKE computes, on OpenSSL 3.
crypto_sources := $(wildcard keyd/crypto/*.c)
$(eval $(call library,crypto,$(crypto_sources),libcrypto))
