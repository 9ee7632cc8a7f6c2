# SPDX-License-Identifier: GPL-2.0-only
# Kernel modules, by the kernel's own build; in a copy, for it writes beside its sources. "make all" needs none of this.
KDIR ?= /lib/modules/$(shell uname -r)/build
# LAB_KERNEL=newer is that of kmod/headers; where tests run on another kernel, modules are made for it. A kernel of kmod/debug has its own headers.
ifeq ($(LAB_KERNEL),newer)
override LAB_KERNEL := $(patsubst linux-headers-%,%,$(notdir $(shell kmod/headers newer)))
$(if $(LAB_KERNEL),,$(error LAB_KERNEL=newer: there are no headers of a newer kernel))
export LAB_KERNEL
endif
KMOD_KERNELS ?= $(or $(filter-out %-debug,$(LAB_KERNEL)),lab newer)
KMOD_W ?= 1
kmod_out = $(abspath $(O))/kmod
kmod_options = W=$(KMOD_W) $(if $(WERROR),KCFLAGS=-Werror) $(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=)

# $(call kmod_build,KDIR,FOLDER,GOAL): our O= and what else stands on the command line is not meant for the kernel's make.
kmod_build = env -u CC $(MAKE) --no-print-directory -C $(1) M=$(2) O= $(kmod_options) $(3)

# $(call kmod_copy,FOLDER)
kmod_copy = mkdir -p $(1) && cp -ru kmod/Kbuild $(wildcard kmod/*.[ch] kmod/uapi kmod/selftest/gap_dev.c kmod/selftest/gap_mistake.c) $(1)/

## make kmod              the kernel modules, against the headers of the lab's kernel and of a newer one (KMOD_KERNELS=; fetched): build/kmod/VERSION
kmod:
	+$(q)for kernel in $(KMOD_KERNELS); do \
		kdir=$$(kmod/headers $$kernel) || exit; \
		version=$$(basename $$kdir); \
		out=$(kmod_out)/$${version#linux-headers-}; \
		$(call kmod_copy,$$out) && $(call kmod_build,$$kdir,$$out,GAPLESS_SELFTEST=m modules) || exit; \
	done

## make modules           kernel modules for one kernel, against KDIR=/lib/modules/…/build: build/kmod/here
modules:
	@[ -e $(KDIR)/Makefile ] || { echo "make modules: no kernel headers in $(KDIR): install linux-headers-$$(uname -r), or give KDIR="; exit 1; } >&2
	$(q)$(call kmod_copy,$(kmod_out)/here)
	+$(q)$(call kmod_build,$(KDIR),$(kmod_out)/here,modules)

## make modules_install   install them (INSTALL_MOD_PATH= for a folder of its own)
modules_install: modules
	+$(q)$(call kmod_build,$(KDIR),$(kmod_out)/here,INSTALL_MOD_PATH=$(INSTALL_MOD_PATH) modules_install)

## make lint-kmod         what sparse says of the modules' sources, by the headers of the lab's kernel, and checkpatch.pl where there is one
lint-kmod:
	$(q)kmod/checkpatch
	$(q)command -v sparse >/dev/null || { echo "make lint-kmod: sparse is missing: apt-get install sparse"; exit 1; } >&2
	$(q)$(call kmod_copy,$(kmod_out)/lint)
	+$(q)kdir=$$(kmod/headers lab) && $(call kmod_build,$$kdir,$(kmod_out)/lint,GAPLESS_SELFTEST=m C=2 CF=-Wsparse-error modules)

# Tests take longer there, by so much, and more memory.
check-kmod-debug: export LAB_SLOWER ?= 8
check-kmod-debug: export LAB_MEM ?= 2048
## make check-kmod-debug  the modules' tests on a kernel with KASAN, lockdep and kmemleak, which is built once (half an hour; kmod/debug)
check-kmod-debug: deps-if-missing
	+$(q)version=$$(kmod/debug/prepare) || exit; \
		out=$(kmod_out)/$$version; \
		$(call kmod_copy,$$out) && $(call kmod_build,$(abspath build/debug-kernel/tree),$$out,GAPLESS_SELFTEST=m modules)
	$(build) lab-programs
	$(q)export O=$(O) LAB=vm LAB_KERNEL=$$(cat build/debug-kernel/done); \
		$(if $(T),,tests/run --tap --label kmod --lab kmod/debug/control.sh &&) tests/run $(run_kmod)

check-kmod-load: export GAPLESS_SECONDS ?= 600
## make check-kmod-load   ten minutes of loading, unloading and dying namespaces under traffic, for each module (GAPLESS_SECONDS=, LAB_KERNEL=)
check-kmod-load: deps-if-missing
	$(build_kmod)
	$(build) lab-programs
	$(q)O=$(O) V=1 tests/run --tap --label kmod --lab kmod/selftest/gap_load.sh kmod/selftest/pfkey_load.sh

.PHONY: kmod modules modules_install lint-kmod check-kmod-debug check-kmod-load
