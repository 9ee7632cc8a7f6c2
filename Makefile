# SPDX-License-Identifier: MIT
# The one Makefile: folders add their parts in rules.mk. "make help" lists what it can do.

O := build
SAN ?=
WERROR ?= $(if $(CI),1)
PREFIX ?= /usr
SYSCONFDIR ?= /etc
RUNDIR ?= /run
CACHEDIR ?= /var/cache
LIBEXECDIR ?= $(PREFIX)/libexec
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
VERSION := 0.1.0

ifneq ($(SAN),)
empty :=
space := $(empty) $(empty)
comma := ,
O := build/san-$(subst $(comma),-,$(SAN))
sanflags := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif

CC := gcc
OBJCOPY ?= objcopy
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wformat=2 -Wvla -Wundef -Wimplicit-fallthrough $(if $(WERROR),-Werror)
base_cflags := -std=gnu11 -I. -I$(O)/gen -D_GNU_SOURCE -DGAPLESS_VERSION='"$(VERSION)"' \
	-DGAPLESS_ETC='"$(SYSCONFDIR)/gapless"' -DGAPLESS_RUN='"$(RUNDIR)/gapless"' \
	-DGAPLESS_CACHE='"$(CACHEDIR)/gapless"' \
	-fstack-protector-strong -fno-strict-aliasing -fvisibility=hidden -fPIC -MMD -MP $(warnings) $(sanflags)
base_ldflags := -Wl,-z,relro,-z,now -Wl,--as-needed $(sanflags)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

programs :=
libraries :=
unit_tests :=
fuzzers :=
generated_headers :=
packages_used :=

# Packages' flags are asked for once, and only when something is compiled.
pkgs = $(shell $(PKG_CONFIG) --$(1) $(2) 2>/dev/null)

# $(call library,NAME,SOURCES,PKG-CONFIG PACKAGES) builds $(O)/lib/NAME.a
define library
packages_used += $(3)
$(1)_objects := $$(patsubst %.c,$(O)/obj/%.o,$(2))
$(1)_pkgs := $(3)
$$($(1)_objects): pkgs_used := $(3)
$(O)/lib/$(1).a: $$($(1)_objects)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(q)ar rcs $$@ $$^
-include $$($(1)_objects:.o=.d)
endef

# $(call public_library,NAME,VERSION): the library above for others, as $(O)/lib/libNAME.so.VERSION and libNAME.a. What they
# can see of it is listed in NAME/libNAME.map; the first number of VERSION changes with the ABI.
define public_library
libraries += $(O)/lib/lib$(1).so.$(2) $(O)/lib/lib$(1).a
$(O)/lib/lib$(1).so.$(2): $$($(1)_objects) $(1)/lib$(1).map
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	$$(q)$(CC) -shared -Wl,-soname,lib$(1).so.$(firstword $(subst ., ,$(2))) -Wl,--version-script=$(1)/lib$(1).map \
		$(if $(SAN),,-Wl,-z,defs) $(base_ldflags) $(LDFLAGS) -o $$@ $$($(1)_objects) $$(call pkgs,libs,$$($(1)_pkgs))
$(O)/lib/lib$(1).a: $$($(1)_objects)
	@mkdir -p $$(@D)
	$$(q)$(CC) -r -nostdlib -o $$(@:.a=.o) $$^
	$$(q)$(OBJCOPY) --localize-hidden $$(@:.a=.o)
	@rm -f $$@
	$$(q)ar rcs $$@ $$(@:.a=.o)
endef

# $(call program,PATH UNDER $(O),SOURCES,OUR LIBRARIES in link order,PKG-CONFIG PACKAGES,OTHER FLAGS)
define program
packages_used += $(4)
$(1)_objects := $$(patsubst %.c,$(O)/obj/%.o,$(2))
$$($(1)_objects): pkgs_used := $(4)
$(O)/$(1): $$($(1)_objects) $$(patsubst %,$(O)/lib/%.a,$(3))
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	$$(q)$(CC) $(base_ldflags) $(LDFLAGS) -o $$@ $$^ $$(call pkgs,libs,$(4)) $(5)
-include $$($(1)_objects:.o=.d)
endef

# $(call unit_test,NAME,OUR LIBRARIES,PKG-CONFIG PACKAGES,EXTRA SOURCES): tests/unit/test_NAME.c with cmocka
define unit_test
unit_tests += $(O)/tests/unit/$(1)
$(call program,tests/unit/$(1),tests/unit/test_$(1).c $(4),$(2),cmocka $(3))
endef

# $(call fuzzer,NAME,OUR LIBRARIES,PKG-CONFIG PACKAGES,EXTRA SOURCES): tests/fuzz/fuzz_NAME.c over tests/fuzz/corpus/NAME
define fuzzer
fuzzers += $(O)/tests/fuzz/$(1)
$(call program,tests/fuzz/$(1),tests/fuzz/fuzz_$(1).c tests/fuzz/replay.c $(4),$(2),$(3))
endef

q := $(if $(V),,@)

$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(q)$(CC) $(base_cflags) $(CFLAGS) $(call pkgs,cflags,$(pkgs_used)) -c -o $@ $<

# lint.mk last: by then generated_headers is complete.
include $(sort $(filter-out lint.mk,$(wildcard *.mk */rules.mk */*/rules.mk))) lint.mk

$(require_tools)

## make                   the programs: build/bin/keyd, keydctl, setkey; libpfkey, in build/lib (SAN=address,undefined: sanitized; WERROR=1; V=1: show commands)
all: $(programs) $(libraries)

## make dist              a tarball of what is committed
dist:
	@mkdir -p build
	$(q)git archive --prefix=gapless-$(VERSION)/ -o build/gapless-$(VERSION).tar.gz HEAD
	@echo build/gapless-$(VERSION).tar.gz

## make clean             remove everything that was built or fetched (build/)
clean:
	rm -rf build

## make help              this list
help:
	@sed -n 's/^## //p' $(filter %Makefile %.mk,$(MAKEFILE_LIST))

.PHONY: all dist clean help
