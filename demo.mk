# SPDX-License-Identifier: MIT
# The demonstration: what is missing is installed, then built, then shown in the lab.

## make demo              two hosts, one secret, traffic, rekeys; nothing lost (PEER=strongswan; AUTH=card: by a smart card; more in tests/demo)
demo: deps-if-missing
	$(if $(filter-out psk card,$(AUTH)),$(error AUTH is psk or card, not $(AUTH)))
	$(build) lab-programs
	$(q)O=$(O) tests/lab --timeout 600 tests/demo/$(if $(filter card,$(AUTH)),card,demo).sh

.PHONY: demo
