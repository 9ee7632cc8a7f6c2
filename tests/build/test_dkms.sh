#!/bin/bash
# SPDX-License-Identifier: MIT
# What "make install-dkms" puts down, DKMS builds: both modules, against the headers of each kernel in $DKMS_KERNELS (lab, newer, or a version).
# DKMS is that of PATH, else Debian's package, fetched once and unpacked under build/dkms: nothing is installed.
# timeout: 600

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib/tap.sh
. "$root/tests/lib/tap.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unpacked=$root/build/dkms

# fetch: $unpacked has DKMS
fetch()
{
	[ -x "$unpacked/usr/sbin/dkms" ] && return
	mkdir -p "$unpacked" && cd "$unpacked" && apt-get -q download dkms && dpkg-deb -x dkms_*.deb . && rm -f dkms_*.deb
}

# build KERNEL FOLDER: the folder has that kernel's headers
build()
{
	"$dkms" build "$module" -k "$1" --dkmstree "$work/tree" --sourcetree "$work/root/usr/src" --kernelsourcedir "$2" ||
		{ tail -n 20 "$work/tree/$module/build/make.log" && false; }
}

dkms=$(command -v dkms) || { (fetch) >"$work/fetch" 2>&1 && dkms=$unpacked/usr/sbin/dkms; } || skip_all "no DKMS, and none to be had: $(tail -n 1 "$work/fetch")"
"$root/kmod/headers" newer >/dev/null 2>"$work/headers" || skip_all "no headers of a kernel: $(tail -n 1 "$work/headers")"
mkdir "$work/tree"
check "the sources are put down" make -s -C "$root" install-dkms DESTDIR="$work/root" PREFIX=/usr
source=$(echo "$work"/root/usr/src/*)
module=gapless/${source##*/gapless-}
for which in ${DKMS_KERNELS:-newer}; do
	headers=$("$root/kmod/headers" "$which")
	kernel=${headers##*/linux-headers-}
	check "$kernel: DKMS builds them" build "$kernel" "$headers"
	check "$kernel: both are there" eval 'for m in ipsec_gap pfkeyv2; do ls "$work/tree/$module/$kernel"/*/module/$m.ko*; done'
	check "$kernel: and have the names by which they load themselves" eval \
		'modinfo -F alias "$work/tree/$module/$kernel"/*/module/ipsec_gap.ko* | grep -qx "net-pf-16-proto-16-family-ipsec_gap" && modinfo -F alias "$work/tree/$module/$kernel"/*/module/pfkeyv2.ko* | grep -qx net-pf-15'
done
check "and takes them away again" "$dkms" remove "$module" --all --dkmstree "$work/tree" --sourcetree "$work/root/usr/src"
finish
