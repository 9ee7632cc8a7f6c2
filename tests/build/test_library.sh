#!/bin/bash
# SPDX-License-Identifier: MIT
# libpfkey as others have it: it shows what its headers declare and nothing else, and programs build and run with it once installed.
# alone

# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

root=$(mktemp -d "${TMPDIR:-/tmp}/gapless-library.XXXXXX")
trap 'rm -rf "$root"' EXIT
prefix=/opt/gapless
include=$root$prefix/include
lib=$root$prefix/lib
man=$root$prefix/share/man/man3
headers=(addr alg ipsec backend)
export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$lib/pkgconfig
strict=(-Wall -Wextra -Werror -O1)

install_it()
{
	make --no-print-directory O="${O:-build}" DESTDIR="$root" PREFIX="$prefix" install
}

# The functions that the installed headers declare; sorted, as the other lists.
declared()
{
	local header

	for header in "${headers[@]}"; do
		gcc -E -P -I"$include" "$include/pfkey/$header.h"
	done | tr '\n' ' ' | tr ';' '\n' | grep -v typedef | grep -oE '\bipsec_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u
}

mapped()
{
	sed -n '/^global:/,/^local:/s/^\t\(.*\);$/\1/p' pfkey/libpfkey.map | sort
}

# Names with their version, so that one without shows.
exported()
{
	nm -D --defined-only --with-symbol-versions "$lib/libpfkey.so.0" | awk '$2 != "A" { print $3 }' |
		sed 's/@@LIBPFKEY_0$//' | sort
}

in_archive()
{
	nm -g --defined-only "$lib/libpfkey.a" | awk 'NF == 3 { print $3 }' | sort
}

manuals()
{
	(cd "$man" && printf '%s\n' ipsec_*.3) | sed 's/\.3$//' | sort
}

# The names under NAME and in SYNOPSIS of the manual.
in_manual()
{
	sed -n "s/^\.$1 \(ipsec_[a-z_]*\).*/\1/p;s/^\.$1 \"[^\"]*\*\?\(ipsec_[a-z_]*\)\".*/\1/p" "$man/pfkey.3" | sort -u
}

types()
{
	sed -n 's/^struct \(ipsec_[a-z_]*\) {.*/\1/p' "$include"/pfkey/*.h | sort
}

types_in_manual()
{
	sed -n 's/^\.It Vt struct \(ipsec_[a-z_]*\)$/\1/p' "$man/pfkey.3" | sort
}

# each header compiled alone, as C and as C++
header_alone()
{
	local header

	for header in "${headers[@]}"; do
		echo "#include <pfkey/$header.h>" >"$root/alone.c"
		"$@" "${strict[@]}" -I"$include" -fsyntax-only "$root/alone.c" || return
	done
}

# build OUTPUT COMPILER... : as shown in the manual, with what pkg-config tells
build_shared()
{
	local output=$1

	shift
	# shellcheck disable=SC2046 # flags are words
	"$@" "${strict[@]}" -o "$output" $(pkg-config --cflags --libs libpfkey)
}

# Debian has no static libmnl: libpfkey from its archive, the rest as pkg-config has it.
build_static()
{
	# shellcheck disable=SC2046
	gcc "${strict[@]}" pfkey/examples/pair.c -o "$1" $(pkg-config --static --cflags --libs libpfkey | sed 's/-lpfkey/-l:libpfkey.a/')
}

needed()
{
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(lib\(pfkey\|mnl\)[^]]*\)\]/\1/p' | tr '\n' ' '
}

# A program in C++ that adds a policy through the backend named, and reads it back.
write_policy_program()
{
	cat >"$root/policy.cc" <<-'END'
		#include <pfkey/alg.h>
		#include <pfkey/backend.h>
		#include <cstdio>

		static int show(const struct ipsec_policy *pol, void *)
		{
			char dst[IPSEC_ADDR_STRLEN];

			std::printf("%s/%d\n", ipsec_addr_format(&pol->sel.dst, dst, sizeof(dst)), pol->sel.dst_len);
			return 0;
		}

		int main(int, char **argv)
		{
			struct ipsec_policy pol = {};
			struct ipsec *ip;
			char why[256];

			pol.dir = IPSEC_DIR_OUT;
			pol.sel.src_len = pol.sel.dst_len = 24;
			ipsec_addr_parse(&pol.sel.src, "10.0.1.0");
			ipsec_addr_parse(&pol.sel.dst, "10.0.2.0");
			if (ipsec_open(&ip, argv[1], why, sizeof(why)))
				return std::fprintf(stderr, "%s\n", why), 1;
			if (ipsec_policy_add(ip, &pol) || ipsec_policy_dump(ip, show, nullptr))
				return std::fprintf(stderr, "%s\n", ipsec_error(ip)), 1;
			ipsec_close(ip);
		}
	END
}

# The program of the manual's EXAMPLES, as a reader would copy it.
example_of_manual()
{
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd -literal/,/^\.Ed/p}' "$man/pfkey.3" | sed '/^\.Bd/d;/^\.Ed/d;s/^\\&//;s/\\e/\\/g'
}

# same DESCRIPTION COMMAND...: it prints the names that the headers declare; if not, the difference is shown
same()
{
	local description=$1

	shift
	check "$description" diff <(declared) <("$@")
}

expected='SA to 192.0.2.1, SPI 0x1001
SA to 192.0.2.2, SPI 0x1000
event 2
event 2
event 6'

run_it()
{
	LD_LIBRARY_PATH=$lib "$@" 2>&1
}

check "it installs into a folder of its own" install_it || finish
same "the map lists what the headers declare" mapped
same "the shared library shows that, with versions, and nothing else" exported
same "so does the archive" in_archive
is "its name is that of its ABI" "$(readelf -d "$lib/libpfkey.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')" libpfkey.so.0
same "each function has a manual page" manuals
same "the manual declares each function" in_manual Fo
same "and names each at its top" in_manual Nm
is "and describes each type" "$(types_in_manual)" "$(types)"
is "the manual's example is the one in the source" "$(example_of_manual)" "$(sed 1d pfkey/examples/pair.c)"

check "each header stands alone in C11" header_alone gcc -x c -std=c11 -pedantic
check "it builds with the shared library" build_shared "$root/shared" gcc pfkey/examples/pair.c
is "which it then needs" "$(needed "$root/shared")" "libpfkey.so.0 "
is "it runs" "$(run_it "$root/shared" fake)" "$expected"
check "it builds with the archive" build_static "$root/static"
is "and needs only libmnl" "$(needed "$root/static")" "libmnl.so.0 "
is "it runs, too" "$(run_it "$root/static" fake)" "$expected"
is "a backend that does not exist is refused with a sentence" "$(run_it "$root/static" nonsense)" \
	'there is no backend named "nonsense"'

if command -v g++ >/dev/null; then
	check "each header stands alone in C++11" header_alone g++ -x c++ -std=c++11
	write_policy_program
	check "a C++ program builds" build_shared "$root/policy" g++ "$root/policy.cc"
	is "and runs" "$(run_it "$root/policy" fake)" 10.0.2.0/24
	if unshare -n ip xfrm policy >/dev/null 2>&1; then
		is "and does so on this kernel" "$(run_it unshare -n "$root/policy" xfrm)" 10.0.2.0/24
	else
		skip "and does so on this kernel" "needs root and a kernel with XFRM"
	fi
else
	skip "C++" "there is no g++"
fi
finish
