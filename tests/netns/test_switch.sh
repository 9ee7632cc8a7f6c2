#!/bin/bash
# SPDX-License-Identifier: MIT
# A responder sends on a new child once the first packet has come in it, also when the DELETE is late; what that costs, and that
# the kernel's settings are as docs/gaps.md has them.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"

# deafen HOST: INFORMATIONAL (37), the DELETE among them, does not reach it, through either port of IKE
deafen()
{
	in_host "$1" nft -f - <<-END
		table inet deaf {
			chain in {
				type filter hook input priority 0;
				udp dport 500 @th,208,8 37 counter drop
				udp dport 4500 @th,64,32 0 @th,240,8 37 counter drop
			}
		}
	END
}

hears_again()
{
	in_host "$1" nft delete table inet deaf
}

was_deaf()
{
	in_host "$1" nft list table inet deaf | grep -q 'packets [1-9]'
}

# ae_listeners HOST: netlink sockets (of XFRM) that hear of each SA's packets
ae_listeners()
{
	in_host "$1" awk '$2 == 6 && $4 ~ /[13579bdf].$/ { n++ } END { print n + 0 }' /proc/net/netlink
}

listeners_are()
{
	[ "$(ae_listeners "$1")" = "$2" ]
}

sysctl_of()
{
	in_host "$1" cat "/proc/sys/net/core/$2"
}

rekeyed()
{
	[ "$(keyd_count "$1" 'CHILD_SA result=rekeyed')" -ge "$2" ]
}

switched_by_traffic()
{
	[ "$(keyd_count "$1" 'result=switch .*the peer sends on it')" -ge "$2" ]
}

settled()
{
	[ "$(sa_count alice) $(sa_count bob)" = "2 2" ]
}

# cpu_ticks PID: of 10 ms, that it has used
cpu_ticks()
{
	local -a stat

	read -ra stat <"/proc/$1/stat"
	echo $((stat[13] + stat[14]))
}

# late_delete NAME REKEY...: the command has bob rekey while alice hears no DELETE
late_delete()
{
	local name=$1

	shift
	capture_start "$name" alice:eth0 bob:eth0
	flow_start "$name" alice 192.0.2.1 bob 192.0.2.2 200
	flow_wait "$name" received 100 || not_ok "$name: traffic flows"
	check "$name: INFORMATIONAL is dropped" deafen alice
	check "$name: bob rekeys" "$@"
	check "$name: alice sends on the new SA, for packets have come in it" wait_until 20 switched_by_traffic alice 1
	check "$name: and has rekeyed" wait_until 5 rekeyed alice 1
	check "$name: the DELETE was dropped" wait_until 10 was_deaf alice
	check "$name: INFORMATIONAL comes through again" hears_again alice
	check "$name: the old SAs go" wait_until 40 settled
	flow_stop "$name"
	capture_stop "$name"
	flow_whole "$name: no packet lost" "$name"
	is "$name: none in clear" "$(cleartext_count "$name")" 0
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
link_delay alice eth0 20
link_delay bob eth0 20
secret_file alice 192.0.2.2
secret_file bob 192.0.2.1
printf 'secrets "psk.txt"\ndefault {\n\tlinger 2s\n}\n' | conf_file alice
printf 'secrets "psk.txt"\ndefault {\n\tlinger 2s\n}\n' | conf_file bob
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require

# --- the kernel's settings ---
is "the kernel drops what waits for a key by itself" "$(sysctl_of alice xfrm_larval_drop)" 1
before=$(sysctl_of alice xfrm_acq_expires) etime=$(sysctl_of alice xfrm_aevent_etime) rseqth=$(sysctl_of alice xfrm_aevent_rseqth)
printf 'secrets "psk.txt"\nlarval-drop keep\n' | conf_file bob
keyds_start
is "with keyd it does not" "$(sysctl_of alice xfrm_larval_drop)" 0
is "unless it is told to keep that" "$(sysctl_of bob xfrm_larval_drop)" 1
is "other settings stay" "$(sysctl_of alice xfrm_acq_expires) $(sysctl_of alice xfrm_aevent_etime) $(sysctl_of alice xfrm_aevent_rseqth)" \
	"$before $etime $rseqth"
host_stop keyd-bob
printf 'secrets "psk.txt"\ndefault {\n\tlinger 2s\n}\n' | conf_file bob

# --- keyd and keyd ---
keyd_start bob
check "it comes up" in_host bob ping -q -c 2 -W 10 192.0.2.1
is "the replay window is that of keyd.conf" "$(in_host alice ip xfrm state list nokeys | grep -c 'replay_window 128')" 2
check "nobody listens to single packets" wait_until 5 listeners_are alice 0
late_delete keyd keydctl bob rekey --all --child

# Without packets the kernel is listened to until the DELETE has come.
check "without traffic: INFORMATIONAL is dropped" deafen alice
check "without traffic: bob rekeys" keydctl bob rekey --all --child
check "without traffic: alice listens for a packet" wait_until 10 listeners_are alice 1
check "without traffic: the DELETE comes through again" hears_again alice
check "without traffic: it makes her switch" wait_until 20 rekeyed alice 2
check "without traffic: nobody listens any more" wait_until 5 listeners_are alice 0
check "without traffic: the old SAs go" wait_until 40 settled

# --- what it costs: twenty rekeys under as many packets as this machine carries ---
flow_start load bob 192.0.2.2 alice 192.0.2.1 1000
flow_wait load received 2000 || not_ok "load: traffic flows"
role_pid alice kern && kern=$pid
began=$(cpu_ticks "$kern")
for ((i = 1; i <= 20; i++)); do
	keydctl bob rekey --all --child >/dev/null
	wait_until 20 rekeyed alice $((i + 2)) || not_ok "load: rekey $i"
done
spent=$(($(cpu_ticks "$kern") - began))
flow_stop load
note "load: 20 rekeys among $flow_sent packets, lost=$flow_lost: the kern role used $((spent * 10)) ms"
check "load: most switches were by a packet" [ "$(keyd_count alice 'result=switch .*the peer sends on it')" -ge 12 ]
check "load: 50 ms of the kern role for each rekey at most" [ "$spent" -le 100 ]
check "load: nobody listens any more" wait_until 5 listeners_are alice 0
keyds_stop
in_host alice "$bin/setkey" -F
in_host bob "$bin/setkey" -F

# --- keyd and strongSwan ---
missing=$(strongswan_missing)
if [ -n "$missing" ]; then
	skip "strongSwan's late DELETE" "not installed: $missing"
	finish
	exit
fi
keyd_start alice
tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
in_host bob "$bin/setkey" -FP
strongswan_conf bob
strongswan_start bob
check "strongSwan's tunnel comes up" in_host bob ping -q -c 2 -W 10 192.0.2.1
late_delete strongswan swanctl bob --rekey --child gapless1
finish
