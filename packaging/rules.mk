# SPDX-License-Identifier: MIT
# What "make install" puts where: mode, source, destination; packaging/install knows the rest.
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/gapless

pfkey_so = libpfkey.so.$(pfkey_version)
pfkey_functions := $(shell sed -n 's/^\t\(ipsec_[a-z_]*\);$$/\1/p' pfkey/libpfkey.map)

# How this system starts services: of systemd, sysvinit, openrc, procd and rc.d those that are named. All are in share/gapless/init.
INIT ?= $(shell packaging/init-system)

define newline


endef

# keyd's own, and that of keyd-hook
services := gapless gapless-hook
service_of_systemd = $(foreach name,$(services),644 packaging/systemd/$(name).service $(PREFIX)/lib/systemd/system/$(name).service$(newline))
service_of_rc.d = $(foreach name,$(services),755 packaging/rc.d/$(name) $(SYSCONFDIR)/rc.d/$(name)$(newline))
$(foreach kind,sysvinit openrc procd,$(eval service_of_$(kind) = $$(foreach name,$$(services),755 packaging/$(kind)/$$(name) $$(SYSCONFDIR)/init.d/$$(name)$$(newline))))

define install_files
755 $(O)/bin/keyd $(LIBEXECDIR)/gapless/keyd
755 $(O)/bin/keyd-card $(LIBEXECDIR)/gapless/keyd-card
755 $(O)/bin/keydctl $(LIBEXECDIR)/gapless/keydctl
755 $(O)/bin/setkey $(LIBEXECDIR)/gapless/setkey
755 $(O)/bin/racoonctl $(LIBEXECDIR)/gapless/racoonctl
755 $(O)/bin/ipsec $(LIBEXECDIR)/gapless/ipsec
755 $(O)/bin/keyd-hook $(LIBEXECDIR)/gapless/keyd-hook
link $(LIBEXECDIR)/gapless/keyd $(SBINDIR)/keyd
link $(LIBEXECDIR)/gapless/keydctl $(SBINDIR)/keydctl
link $(LIBEXECDIR)/gapless/setkey $(SBINDIR)/setkey
644 keyd/keyd.8 $(MANDIR)/man8/keyd.8
644 keyd/ctl/keydctl.8 $(MANDIR)/man8/keydctl.8
644 setkey/setkey.8 $(MANDIR)/man8/setkey.8
644 keyd/front/gapless-racoonctl.8 $(MANDIR)/man8/gapless-racoonctl.8
644 keyd/front/gapless-ipsec.8 $(MANDIR)/man8/gapless-ipsec.8
644 keyd/front/keyd-hook.8 $(MANDIR)/man8/keyd-hook.8
644 keyd/conf/keyd.conf.5 $(MANDIR)/man5/keyd.conf.5
755 $(O)/lib/$(pfkey_so) $(LIBDIR)/$(pfkey_so)
link $(pfkey_so) $(LIBDIR)/$(basename $(basename $(pfkey_so)))
link $(pfkey_so) $(LIBDIR)/libpfkey.so
644 $(O)/lib/libpfkey.a $(LIBDIR)/libpfkey.a
644 pfkey/libpfkey.pc.in $(LIBDIR)/pkgconfig/libpfkey.pc
644 pfkey/addr.h $(PREFIX)/include/pfkey/addr.h
644 pfkey/alg.h $(PREFIX)/include/pfkey/alg.h
644 pfkey/backend.h $(PREFIX)/include/pfkey/backend.h
644 pfkey/ipsec.h $(PREFIX)/include/pfkey/ipsec.h
644 pfkey/pfkey.3 $(MANDIR)/man3/pfkey.3
$(foreach name,$(pfkey_functions),link pfkey.3 $(MANDIR)/man3/$(name).3$(newline))
644 pfkey/examples/pair.c $(DOCDIR)/examples/pair.c
700 - $(SYSCONFDIR)/gapless
644 packaging/sysusers.d/gapless.conf $(PREFIX)/lib/sysusers.d/gapless.conf
$(foreach name,$(services),644 packaging/systemd/$(name).service $(PREFIX)/share/gapless/init/$(name).service$(newline))
$(foreach kind,sysvinit openrc procd rc.d,$(foreach name,$(services),755 packaging/$(kind)/$(name) $(PREFIX)/share/gapless/init/$(name).$(kind)$(newline)))
$(foreach kind,$(INIT),$(service_of_$(kind))$(newline))
644 packaging/examples/ipsec.conf $(DOCDIR)/examples/ipsec.conf
644 packaging/examples/keyd.conf $(DOCDIR)/examples/keyd.conf
644 packaging/examples/psk.txt $(DOCDIR)/examples/psk.txt
644 LICENSE $(DOCDIR)/copyright
endef

export install_files
for_install = O=$(O) DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) LIBEXECDIR=$(LIBEXECDIR) \
	SBINDIR=$(SBINDIR) SYSCONFDIR=$(SYSCONFDIR) RUNDIR=$(RUNDIR) CACHEDIR=$(CACHEDIR) VERSION=$(VERSION)
listed = $(q)printf '%s\n' "$$install_files" | $(for_install) packaging/install

## make install           DESTDIR= PREFIX=/usr SYSCONFDIR=/etc LIBDIR=, LIBEXECDIR=, SBINDIR=, MANDIR=, RUNDIR=/run, CACHEDIR=/var/cache
install: all
	$(listed) install

## make uninstall         remove what make install (with the same variables) put there; files in /etc/gapless stay
uninstall:
	$(listed) uninstall

# Sources of the kernel modules where DKMS looks for them; "dkms install gapless/VERSION" builds them.
dkms_dir = $(PREFIX)/src/gapless-$(VERSION)
define install_dkms_files
644 packaging/dkms/dkms.conf $(dkms_dir)/dkms.conf
$(foreach file,Kbuild $(notdir $(wildcard kmod/*.[ch])) $(patsubst kmod/%,%,$(wildcard kmod/uapi/*.h)),644 kmod/$(file) $(dkms_dir)/$(file)$(newline))
endef

## make install-dkms      the kernel modules' sources, for DKMS (DESTDIR=, PREFIX=); uninstall-dkms
install-dkms uninstall-dkms: export install_files = $(install_dkms_files)
install-dkms uninstall-dkms: %-dkms:
	$(listed) $*

# The programs have three of these paths in them: other paths, and what knows them is compiled again.
paths := $(O)/paths
paths_now := $(SYSCONFDIR) $(RUNDIR) $(CACHEDIR)
ifneq ($(file <$(paths)),$(paths_now))
ifneq ($(building),)
$(shell mkdir -p $(O); echo '$(paths_now)' >$(paths))
endif
endif
$(patsubst %,$(O)/obj/%.o,keyd/ctl/client keyd/ctl/keydctl keyd/front/ipsec keyd/front/racoonctl keyd/front/hook keyd/roles/options keyd/roles/settings): $(paths)

.PHONY: install uninstall install-dkms uninstall-dkms
