# SPDX-License-Identifier: MIT
# The wire codec: bytes in, views out.
$(eval $(call library,wire,$(wildcard keyd/wire/*.c),))
$(eval $(call unit_test,rd_wr,util))
$(eval $(call unit_test,wire,wire util))
$(eval $(call unit_test,wire_payloads,wire util))
$(eval $(call unit_test,wire_isakmp,wire util))
$(eval $(call fuzzer,wire,wire util))
$(eval $(call fuzzer,isakmp,wire util))
