# SPDX-License-Identifier: GPL-2.0-only
# Kernel modules, by the kernel's own build; in a copy, for it writes beside its sources.
KDIR ?= /lib/modules/$(shell uname -r)/build
kmod_build = $(q)$(MAKE) --no-print-directory -C $(KDIR) M=$(abspath $(O))/kmod

## make modules           kernel modules, against KDIR=/lib/modules/…/build
modules:
	@[ -e $(KDIR)/Makefile ] || { echo "make modules: no kernel headers in $(KDIR): install linux-headers-$$(uname -r), or give KDIR="; exit 1; } >&2
	@mkdir -p $(O)/kmod
	$(q)cp -ru Kbuild kmod $(O)/kmod/
	$(kmod_build) modules

## make modules_install   install them (INSTALL_MOD_PATH= for a folder of its own)
modules_install: modules
	$(kmod_build) modules_install

.PHONY: modules modules_install
