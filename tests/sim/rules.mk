# SPDX-License-Identifier: MIT
# The simulator (docs/simulator.md). Calls of malloc and the like are counted.

sim_wrapped := malloc calloc realloc free strdup strndup
$(eval $(call program,tests/sim,$(sort $(wildcard tests/sim/*.c)),ike conf crypto wire pfkey util,libcrypto,$(sim_wrapped:%=-Wl,--wrap=%)))

# Its model of a kernel beside the real one, in the lab.
model := $(addprefix tests/sim/,event.c kernel.c key.c kspd.c nat.c plan.c sad.c)
$(eval $(call program,tests/netns/model_probe,$(wildcard tests/netns/model_probe*.c) $(model) tests/lib/tap.c,ike wire kern pfkey util,libmnl libnl-route-3.0))
lab-programs: $(O)/tests/netns/model_probe
