# SPDX-License-Identifier: MIT
# Tests: what runs where, all through tests/run, which ends with one line that counts.
test_tools := $(O)/tests/flow $(O)/tests/capture
$(eval $(call program,tests/flow,tests/netns/flow.c,,))
$(eval $(call program,tests/capture,tests/netns/capture.c,,))
