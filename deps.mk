# SPDX-License-Identifier: MIT
# What must be installed before anything can be built; the list is packaging/deps.list.

## make deps              install the Debian packages that are missing (elsewhere: say which are needed)
deps:
	$(q)packaging/deps

# What tests and the demo call first: asks dpkg once, and installs only when something is missing.
deps-if-missing:
	$(q)packaging/deps --if-missing build tests lab kmod peers

# Goals that need no compiler, or see to it themselves and build by a make of their own.
need_no_tools := deps deps-if-missing help clean clean-lab dist uninstall check check-% demo demo-% lint modules modules_install kmod install-dkms uninstall-dkms
building := $(filter-out $(need_no_tools),$(or $(MAKECMDGOALS),all))
packages_asked = $(sort $(if $(filter-out all install,$(building)),$(packages_used),$(filter-out cmocka,$(packages_used))))

tools_missing = $(shell \
	for tool in $(firstword $(CC)) flex bison $(PKG_CONFIG); do command -v $$tool >/dev/null || echo $$tool; done; \
	$(PKG_CONFIG) --exists $(packages_asked) 2>/dev/null || \
		for package in $(packages_asked); do $(PKG_CONFIG) --exists $$package 2>/dev/null || echo $$package; done)

# Called once all rules are read: one sentence instead of a cascade of errors.
require_tools = $(if $(building),$(call stop_without,$(tools_missing)))
stop_without = $(if $(strip $(1)),$(error This machine lacks $(strip $(1)): "make deps" installs what is needed))

.PHONY: deps deps-if-missing
