#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# pfkeyv2.ko comes and goes: refused beside af_key, held by sockets, in namespaces that come and go under it.

# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"

setkey=${O:-build}/bin/setkey

refused()
{
	! insmod "$pfkey_module" 2>/dev/null
}

modprobe af_key
check "beside af_key it is refused" refused
check "and says why" eval 'dmesg | grep "pfkeyv2: this kernel has PF_KEY sockets already (af_key): rmmod af_key"'
check "PF_KEY goes on as it was" "$setkey" --backend pfkey -D

pfkey_swap
check "with it there are PF_KEY sockets" "$setkey" --backend pfkey -D
check "and /proc/net/pfkeyv2" grep -q Registered /proc/net/pfkeyv2
modprobe af_key 2>/dev/null && note "modprobe takes 'there already' for done"
check "af_key is refused beside it" eval '! grep -q "^af_key " /proc/modules'
is "its alias is that of the family" "$(modinfo -F alias "$pfkey_module")" net-pf-15

host_new alice
host_spawn alice watcher "$setkey" --backend pfkey -x
wait_until 60 eval 'in_host alice grep -q " 20c" /proc/net/pfkeyv2'
check "a socket in a namespace holds it" eval '! rmmod pfkeyv2 2>/dev/null'
is "of which the others see nothing" "$(wc -l </proc/net/pfkeyv2)" 1
host_stop watcher

# Namespaces come and go, each with sockets, SAs and policies, while the module comes and goes as well.
churn()
{
	local i

	for i in 1 2 3 4 5 6 7 8; do
		unshare --net "$setkey" --backend pfkey -f - <<-END
			add 192.0.2.1 192.0.2.2 esp 0x100$i -E null -A hmac-sha1 "12345678901234567890";
			spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//unique;
		END
	done
}
for round in 1 2 3; do
	churn &
	churn
	wait $!
	check "it goes after sixteen namespaces ($round)" wait_until 10 module_gone pfkeyv2
	insmod "$pfkey_module"
done

# SAs and policies are the kernel's: they stay, and are seen again.
in_host alice "$setkey" --backend pfkey -f - <<'END'
add 192.0.2.1 192.0.2.2 esp 0x1000 -E null -A hmac-sha1 "12345678901234567890";
END
check "it goes while there are SAs" wait_until 10 module_gone pfkeyv2
insmod "$pfkey_module"
check "which are there afterwards" eval 'in_host alice "$setkey" --backend pfkey -D | grep -q 0x00001000'
pfkey_finish
