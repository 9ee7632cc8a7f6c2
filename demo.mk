# SPDX-License-Identifier: MIT
# The demonstration: what is missing is installed, then built, then shown in the lab.

## make demo              two hosts, one secret, traffic, rekeys; nothing lost (PEER=strongswan; more in tests/demo/demo.sh)
demo: deps-if-missing
	$(build) lab-programs
	$(q)O=$(O) tests/lab --timeout 600 tests/demo/demo.sh

.PHONY: demo
