#!/bin/bash
# SPDX-License-Identifier: MIT
# make install puts everything where it was told, with paths that fit, and make uninstall takes it away. Needs built programs.
# alone

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

root=$(mktemp -d "${TMPDIR:-/tmp}/gapless-install.XXXXXX")
trap 'rm -rf "$root"' EXIT
prefix=/opt/gapless

# The programs of this build, without touching it: the paths inside them are the default's.
make_it()
{
	make --no-print-directory O="${O:-build}" DESTDIR="$root" PREFIX=$prefix INIT=systemd "$@"
}

files()
{
	(cd "$root" && find . ! -type d | sort)
}

no_other_prefix()
{
	! grep -rnE '/usr/(libexec|sbin)' "$root" --include='*.[1-9]' --include='*.service' --include='*.conf' --include=gapless --include=gapless-hook
}

for_root_alone()
{
	[ "$(stat -c %a "$root/etc/gapless")" = 700 ]
}

check "make install works into a folder of its own" make_it install
for program in keyd keydctl setkey; do
	check "$program is there, and named in sbin" test -x "$root$prefix/libexec/gapless/$program" -a \
		"$(readlink "$root$prefix/sbin/$program")" = $prefix/libexec/gapless/$program
	check "$program runs from there" "$root$prefix/libexec/gapless/$program" -h
done
check "keyd-card is beside them, for them alone" test -x "$root$prefix/libexec/gapless/keyd-card" -a ! -e "$root$prefix/sbin/keyd-card"
for program in racoonctl ipsec keyd-hook; do
	check "$program is beside them, and no other package's place is taken" test -x "$root$prefix/libexec/gapless/$program" -a ! -e "$root$prefix/sbin/$program"
	check "$program runs from there" "$root$prefix/libexec/gapless/$program" -h
done
check "keyd-card runs from there" "$root$prefix/libexec/gapless/keyd-card" --help
for page in man8/keyd.8 man8/keydctl.8 man8/setkey.8 man8/gapless-racoonctl.8 man8/gapless-ipsec.8 man8/keyd-hook.8 man5/keyd.conf.5 man3/pfkey.3 man3/ipsec_open.3; do
	check "$page is there" test -s "$root$prefix/share/man/$page"
done
for file in libpfkey.so libpfkey.so.0 libpfkey.a pkgconfig/libpfkey.pc; do
	check "lib/$file is there" test -s "$root$prefix/lib/$file"
done
check "libpfkey.pc names this installation" grep -qx "prefix=$prefix" "$root$prefix/lib/pkgconfig/libpfkey.pc"
check "and its libraries" grep -qx "libdir=$prefix/lib" "$root$prefix/lib/pkgconfig/libpfkey.pc"
is "the headers are those of the public interface" "$(cd "$root$prefix/include" && echo pfkey/*)" \
	"pfkey/addr.h pfkey/alg.h pfkey/backend.h pfkey/ipsec.h"
check "systemd's unit starts the installed keyd" grep -qx "ExecStart=$prefix/libexec/gapless/keyd .*" \
	"$root$prefix/lib/systemd/system/gapless.service"
for kind in rc.d sysvinit openrc procd; do
	check "the script for $kind starts the installed keyd" grep -qxE "[[:space:]]*(keyd|command)=$prefix/libexec/gapless/keyd" \
		"$root$prefix/share/gapless/init/gapless.$kind"
done
check "systemd's unit starts the installed keyd-hook" grep -qx "ExecStart=$prefix/libexec/gapless/keyd-hook .*" \
	"$root$prefix/lib/systemd/system/gapless-hook.service"
for kind in rc.d sysvinit openrc procd; do
	check "the script for $kind starts the installed keyd-hook" grep -qxE "[[:space:]]*(keyd_hook|command)=$prefix/libexec/gapless/keyd-hook" \
		"$root$prefix/share/gapless/init/gapless-hook.$kind"
done
check "no text names another prefix" no_other_prefix
check "/etc/gapless is for root alone" for_root_alone
check "the examples are there" test -s "$root$prefix/share/doc/gapless/examples/ipsec.conf"

echo secret >"$root/etc/gapless/psk.txt"
check "make install again keeps what the administrator wrote" make_it install
is "it is still there" "$(cat "$root/etc/gapless/psk.txt")" secret
for kind in sysvinit openrc procd; do
	make_it INIT=$kind install >/dev/null
	check "INIT=$kind: its script is in init.d" cmp "$root/etc/init.d/gapless" "$root$prefix/share/gapless/init/gapless.$kind"
	check "INIT=$kind: that of keyd-hook, too" cmp "$root/etc/init.d/gapless-hook" "$root$prefix/share/gapless/init/gapless-hook.$kind"
	make_it INIT=$kind uninstall >/dev/null
	is "INIT=$kind: and leaves it" "$(ls "$root/etc/init.d/gapless" 2>&1)" "ls: cannot access '$root/etc/init.d/gapless': No such file or directory"
done
make_it INIT="systemd rc.d" install >/dev/null
check "INIT= may name several" test -s "$root/etc/rc.d/gapless" -a -s "$root$prefix/lib/systemd/system/gapless.service"
make_it INIT="systemd rc.d" uninstall >/dev/null
make_it install >/dev/null
check "another LIBDIR is taken" make_it LIBDIR=$prefix/lib64 install
check "also by libpfkey.pc" grep -qx "libdir=$prefix/lib64" "$root$prefix/lib64/pkgconfig/libpfkey.pc"
make_it LIBDIR=$prefix/lib64 uninstall >/dev/null
is "and given back" "$(cd "$root$prefix" && ls -d lib64 2>&1)" "ls: cannot access 'lib64': No such file or directory"
make_it install >/dev/null
check "make uninstall works" make_it uninstall
is "and leaves only that" "$(files)" ./etc/gapless/psk.txt
rm "$root/etc/gapless/psk.txt"
make_it uninstall >/dev/null
is "the folder goes when it is empty" "$(ls "$root/etc/gapless" 2>&1)" "ls: cannot access '$root/etc/gapless': No such file or directory"
finish
