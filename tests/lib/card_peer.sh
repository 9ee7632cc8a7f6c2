# SPDX-License-Identifier: MIT
# alice, whose key is on an emulated card, and bob, who is strongSwan's, after netns/lib.sh: what tests of such tunnels under traffic have in common.
# shellcheck shell=bash disable=SC2154,SC2034 # variables of the other files

# shellcheck source=tests/lib/strongswan.sh
. "$netns_dir/../lib/strongswan.sh"
# shellcheck source=tests/lib/peer.sh
. "$netns_dir/../lib/peer.sh"
# shellcheck source=tests/lib/certs.sh
. "$netns_dir/../lib/certs.sh"
# shellcheck source=tests/lib/card.sh
. "$netns_dir/../lib/card.sh"
# shellcheck source=tests/lib/token.sh
. "$netns_dir/../lib/token.sh"

# card_peer_hosts: both hosts, the card in its reader, strongSwan running, all packets recorded; the name of a file with the card's PIN is in $pin.
# Skips the test where something is not installed.
card_peer_hosts()
{
	local missing

	missing=$(strongswan_missing)
	[ -z "$missing" ] || skip_all "not installed: $missing"
	missing=$(card_lacks) && [ -n "$missing" ] && skip_all "$missing"
	trap 'card_cleanup; at_exit' EXIT
	host_new alice
	host_new bob
	link_new alice 192.0.2.1/24 bob 192.0.2.2/24
	policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
	token_home
	cards_home || not_ok "pcscd starts"
	card_fill card openpgp auth alice-ec256 || not_ok "a card is put in"
	pin=$(token_pin card 123456)
	tunnel_new transport alice 192.0.2.1 bob 192.0.2.2
	tunnel[auth]=cert tunnel[bob.cred]=bob-ec256 tunnel[chain]=inter
	tunnel[alice.id]=alice.example.org tunnel[bob.id]=bob.example.org
	strongswan_conf bob
	# Attempts that end for want of the card leave half of an IKE SA there, and strongSwan soon answers nobody who has left many.
	in_host bob sed -i 's/^ *threads = .*/&\n    dos_protection = no/' /etc/strongswan.conf
	strongswan_start bob
	capture_start all alice:eth0 bob:eth0 || not_ok "packets are recorded"
}

# card_peer_end [TRIES]: what must hold in the end; so many tries of the PIN are left, 3 unless told otherwise
card_peer_end()
{
	capture_stop all || not_ok "each packet was recorded"
	is "nothing in clear" "$(cleartext_count all)" 0
	is "tries of the PIN that are left" "$(card_say card info | grep -o 'user=[0-9]')" "user=${1:-3}"
	strongswan_stop bob
	host_stop keyd-alice
	finish
}

# alice_conf SETTING…: her section, with the card's key
alice_conf()
{
	certs_conf alice "+module native" "ca $certs/root.pem" "cert pkcs11:" "$@"
}

# traffic NAME [RATE [PORT]]: both ways, and it flows
traffic()
{
	flow_start "$1" alice 192.0.2.1 bob 192.0.2.2 "${2:-100}" "${3:-7000}" && check "$1: traffic" flow_wait "$1" received "${2:-100}" 60
}

# traffic_goes_on NAME [PACKETS]: a point that so many more arrive at alice, and as many at bob; 100
traffic_goes_on()
{
	flow_number "$1-recv-alice" received
	check "$1: traffic goes on" flow_wait "$1" received $((number + ${2:-100})) 60
}

# traffic_ends NAME [PACKETS]: when it has gone on for so long; sets what flow_stop sets
traffic_ends()
{
	traffic_goes_on "$@"
	flow_stop "$1"
}

# --- for wait_until ---

# rekeyed CHILD_SA|IKE_SA TIMES: as alice's log has it
rekeyed()
{
	[ "$(keyd_count alice "$1 result=rekeyed")" -ge "$2" ]
}

# ikes NUMBER: as strongSwan has it
ikes()
{
	[ "$(strongswan_ikes bob)" = "$1" ]
}

# ready: the card would sign
ready()
{
	keydctl alice token check
}

# workers_of HOST: the processes that its card role has, into $workers
workers_of()
{
	workers=
	role_pid "$1" card && read -r workers <"/proc/$pid/task/$pid/children"
	[ -n "$workers" ]
}

# other_workers HOST: none of those in $workers is there any more
other_workers()
{
	local before=$workers worker

	for worker in $before; do
		[ ! -e "/proc/$worker/exe" ] || return
	done
	workers_of "$1"
	workers=$before
}
