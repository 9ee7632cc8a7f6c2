# SPDX-License-Identifier: MIT
# What "make install" puts where: lines of mode, source and destination; a source of "-" is a directory to be made.
MANDIR ?= $(PREFIX)/share/man
define install_files
755 $(O)/bin/keyd $(LIBEXECDIR)/gapless/keyd
755 $(O)/bin/keydctl $(LIBEXECDIR)/gapless/keydctl
755 $(O)/bin/setkey $(LIBEXECDIR)/gapless/setkey
644 keyd/keyd.8 $(MANDIR)/man8/keyd.8
644 keyd/ctl/keydctl.8 $(MANDIR)/man8/keydctl.8
644 setkey/setkey.8 $(MANDIR)/man8/setkey.8
755 - $(SYSCONFDIR)/gapless
644 packaging/systemd/gapless.service $(PREFIX)/lib/systemd/system/gapless.service
644 packaging/sysusers.d/gapless.conf $(PREFIX)/lib/sysusers.d/gapless.conf
755 packaging/rc.d/gapless $(PREFIX)/share/gapless/rc.d/gapless
endef
