#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# pfkeyv2.ko comes and goes: refused beside af_key, held by sockets, under ESP traffic, rekeys and namespaces that die.
# GAPLESS_SECONDS (default 10): for how long
# timeout: 900

# shellcheck source=kmod/selftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=kmod/selftest/pfkey_lib.sh
. "$(dirname "$0")/pfkey_lib.sh"

seconds=${GAPLESS_SECONDS:-10}
loads=0 churned=0
keep_out=/run/modprobe.d/gapless-selftest.conf

refused()
{
	! insmod "$pfkey_module" 2>/dev/null
}

# pf HOST [OPTION…]: setkey by PF_KEY there
pf()
{
	ip netns exec "$1" "$setkey" --backend pfkey "${@:2}"
}

# Who opens a socket while the module is away would get af_key.
af_key_may_not_come()
{
	mkdir -p "${keep_out%/*}"
	echo "blacklist af_key" >$keep_out
}

# Both ways by PF_KEY, as often as it is there: SAs that end by themselves, flushes, ACQUIREs of a policy that has none
rekeys()
{
	local spi=$((0x3000)) n

	while :; do
		sleep 0.2	# traffic between two of them
		spi=$((spi + 1))
		for n in alice bob; do
			pf $n -f - <<-END
				add 192.0.2.1 192.0.2.2 esp $spi -m transport -lh 3 -E rijndael-cbc "1234567890123456" -A hmac-sha1 "12345678901234567890";
				add 192.0.2.2 192.0.2.1 esp $((spi + 0x10000)) -m transport -ls 1 -lh 3 -E rijndael-cbc "1234567890123456" -A hmac-sha1 "12345678901234567890";
			END
		done
		[ $((spi % 5)) != 0 ] || pf alice -F
		[ $((spi % 7)) != 0 ] || pf alice -f - <<-END
			spdflush;
			spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;
		END
	done
}

# A namespace that ends with SAs, policies and a socket that listens
churn()
{
	# shellcheck disable=SC2016 # the inner shell's
	unshare --net --pid --fork --kill-child sh -c '"$0" --backend pfkey -x >/dev/null & "$0" --backend pfkey -f -' "$setkey" <<-END
		add 192.0.2.1 192.0.2.2 esp 0x100$1 -E null -A hmac-sha1 "12345678901234567890";
		add 192.0.2.2 192.0.2.1 esp 0x200$1 -lh 1 -E null -A hmac-sha1 "12345678901234567890";
		spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//unique;
	END
}

churns()
{
	churn "${1}1"
	churn "${1}2"
	churn "${1}3"
}

klog_begin
if modprobe af_key 2>/dev/null; then
	check "beside af_key it is refused" refused
	check "and says why" eval 'klog_since | grep "pfkeyv2: this kernel has PF_KEY sockets already (af_key): rmmod af_key"'
	check "PF_KEY goes on as it was" "$setkey" --backend pfkey -D
else
	note "this kernel has no af_key"
fi

af_key_may_not_come
pfkey_swap
hosts
check "with it there are PF_KEY sockets" "$setkey" --backend pfkey -D
check "and /proc/net/pfkeyv2" grep -q Registered /proc/net/pfkeyv2
modprobe af_key 2>/dev/null
check "af_key is refused beside it" eval '! grep -q "^af_key " /proc/modules'
is "its alias is that of the family" "$(modinfo -F alias "$pfkey_module")" net-pf-15

ip netns exec alice "$setkey" --backend pfkey -x >/dev/null &
watcher=$!
check "somebody listens" until_true 60 eval 'in_host alice grep -q " 20c" /proc/net/pfkeyv2'
check "a socket in a namespace holds it" eval '! rmmod pfkeyv2 2>/dev/null'
is "of which the others see nothing" "$(wc -l </proc/net/pfkeyv2)" 1
{ kill $watcher && wait $watcher; } 2>/dev/null

# SAs and policies are the kernel's: they stay, and are seen again.
pf alice -f - <<'END'
add 192.0.2.1 192.0.2.2 esp 0x1000 -E null -A hmac-sha1 "12345678901234567890";
END
check "it goes while there are SAs" until_true 10 module_gone pfkeyv2
insmod "$pfkey_module"
check "which are there afterwards" eval 'pf alice -D | grep -q 0x00001000'

pf alice -f - <<'END'
flush;
spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;
END
pf bob -f - <<'END'
spdadd 192.0.2.2 192.0.2.1 any -P out ipsec esp/transport//require;
END
ip netns exec alice ping -q -i 0.01 192.0.2.2 >/dev/null 2>&1 &
spawned+=($!)
rekeys 2>/dev/null &
spawned+=($!)
end=$((SECONDS + seconds))
stays=
while [ "$SECONDS" -lt "$end" ] || [ "$loads" = 0 ]; do
	# Two key managers, of which one or the other comes later
	if [ -e "$modules/ipsec_gap.ko" ]; then
		rmmod ipsec_gap 2>/dev/null || insmod "$modules/ipsec_gap.ko"
	fi
	ip netns exec alice "$setkey" --backend pfkey -x >/dev/null 2>&1 &
	watcher=$!
	churns 1 &
	churns 2
	wait $!
	churned=$((churned + 6))
	{ kill $watcher && wait $watcher; } 2>/dev/null
	until_true 60 rmmod pfkeyv2 || { stays=1 && break; }
	insmod "$pfkey_module" || break
	loads=$((loads + 1))
done
note "$loads times unloaded and loaded again, $churned namespaces, $(sent) packets sent, in $seconds s"
is "it went each time" "$stays" ""
check "and came" [ "$loads" -ge 1 ]
check "packets went on" [ "$(sent)" -ge 20 ]
{ kill "${spawned[@]}" && wait "${spawned[@]}"; } 2>/dev/null
spawned=()
check "it still serves" eval 'pf alice -DP | grep -q esp/transport'
! grep -q '^ipsec_gap ' /proc/modules || check "the other module goes, too" rmmod ipsec_gap
rm -f $keep_out
pfkey_finish
