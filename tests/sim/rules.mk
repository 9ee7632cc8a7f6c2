# SPDX-License-Identifier: MIT
# The simulator (docs/simulator.md). Calls of malloc and the like are counted.

sim_wrapped := malloc calloc realloc free strdup strndup
$(eval $(call program,tests/sim,$(sort $(wildcard tests/sim/*.c)),ike conf crypto wire pfkey util,libcrypto,$(sim_wrapped:%=-Wl,--wrap=%)))
