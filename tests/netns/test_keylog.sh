#!/bin/bash
# SPDX-License-Identifier: MIT
# The key log opens a captured negotiation and its ESP to tshark, across rekeys, in both modes; switched off, no key is anywhere.
# (tshark 4.0 knows AES and HMAC. ChaCha20-Poly1305 it does not: those lines must be comments, or it refuses the whole file.)

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

command -v tshark >/dev/null && command -v mergecap >/dev/null || skip_all "there is no tshark"

# What Wireshark takes its tables from is $XDG_CONFIG_HOME/wireshark.
tables=/run/keys/wireshark

# host_conf HOST ALGORITHMS [GLOBAL...]
host_conf()
{
	local host=$1 algorithms=$2

	shift 2
	{
		[ $# -eq 0 ] || printf '%s\n' "$@"
		printf 'default { psk "%s"; %s }\n' "$secret" "$algorithms"
	} | conf_file "$host"
}

# The newest outbound key that the kernel has, in hexadecimal, into $key.
kernel_key()
{
	key=$(in_host alice ip xfrm state list src 192.0.2.1 | grep -oE '(aead|enc) [^ ]* 0x[0-9a-f]+' | tail -n 1)
	key=${key##*0x}
}

# How many files of alice's hold that key.
key_found()
{
	in_host alice grep -rlsi -- "$1" /run /etc/gapless | wc -l
}

# shellcheck disable=SC2317
later_than()
{
	[ "$EPOCHSECONDS" -gt "$1" ]
}

# rekey_child HOST PEER: in another second than the SA that it replaces was made. Of two of the same second Linux takes either.
# shellcheck disable=SC2317
rekey_child()
{
	wait_until 3 later_than "$EPOCHSECONDS" && keydctl "$1" rekey "$2" --child
}

# talk NAME ALGORITHMS SOURCE DESTINATION RULE TARGET [GLOBAL...]: up, packets, both kinds of rekey, packets
talk()
{
	local name=$1 algorithms=$2 from=$3 to=$4 rule=$5 target=$6 back=$5

	shift 6
	[[ $rule != *tunnel* ]] || back=esp/tunnel/192.0.2.2-192.0.2.1/require
	host_conf alice "$algorithms" "$@"
	host_conf bob "$algorithms"
	policy_pair alice "$from" "$to" "$rule"
	policy_pair bob "$to" "$from" "$back"
	check "$name: alice takes the settings" keydctl alice reload
	check "$name: bob takes the settings" keydctl bob reload
	capture_start "$name" alice:eth0 bob:eth0
	check "$name: packets go" in_host alice ping -q -c 3 -i 0.2 -W 20 "$target"
	check "$name: rekey of the child, with PFS" rekey_child alice 192.0.2.2
	check "$name: packets go on" in_host alice ping -q -c 2 -i 0.2 -W 10 "$target"
	check "$name: rekey of the IKE SA by the other side" keydctl bob rekey 192.0.2.1 --ike
	check "$name: rekey of the child under it" rekey_child bob 192.0.2.1
	check "$name: packets go on" in_host alice ping -q -c 2 -i 0.2 -W 10 "$target"
	kernel_key
	check "$name: down" keydctl alice down --all
	capture_stop "$name"
	in_host alice "$bin/setkey" -FP
	in_host bob "$bin/setkey" -FP
}

# dissect NAME TABLES: by what is in them, one line for each datagram: exchange, payloads inside, ESP's SPI, ICMP inside, ICV
dissect()
{
	local config=${2%/*}

	mergecap -w "$work/$1.pcap" "$work"/*/capture-"$1"-*.pcap
	in_host alice env XDG_CONFIG_HOME="$config" HOME=/nonexistent tshark -r "$work/$1.pcap" \
		-o esp.enable_encryption_decode:TRUE -o esp.enable_authentication_check:TRUE -Y 'isakmp || esp' \
		-T fields -E separator='|' -e isakmp.exchangetype -e isakmp.typepayload -e isakmp.enc.decrypted -e esp.spi \
		-e icmp.type -e esp.icv_good -e _ws.malformed >"$work/$1.txt" 2>"$work/$1.err"
	note "$1: tshark says: $(grep -v 'Running as' "$work/$1.err" | head -n 3)"
}

# lines NAME REGEX: of dissect
lines()
{
	grep -cE -- "$2" "$work/$1.txt"
}

opened()
{
	local name=$1 esp

	dissect "$name" "$2"
	is "$name: tshark takes the tables" "$(grep -c 'Error loading' "$work/$name.err")" 0
	check "$name: IKE_AUTH is read: identities, AUTH, SA, selectors" [ "$(lines "$name" '^35\|46,35,(36,)?39.*,33.*,44,45')" -ge 1 ]
	check "$name: its answer" [ "$(lines "$name" '^35\|46,36,39,.*33,.*44,45')" -ge 1 ]
	check "$name: rekeys with key exchange" [ "$(lines "$name" '^36\|46,.*33,.*40,34')" -ge 4 ]
	check "$name: deletes" [ "$(lines "$name" '^37\|46,42')" -ge 4 ]
	is "$name: no datagram of IKE stays closed" "$(grep -E '^3[567]\|' "$work/$name.txt" | grep -cvE '^3[567]\|46[0-9,]*\|1\|')" 0
	esp=$(lines "$name" '\|0x[0-9a-f]{8}\|')
	check "$name: ESP was seen ($esp packets)" [ "$esp" -ge 14 ]
	is "$name: every ICMP inside is read, and its ICV right" "$(lines "$name" '\|0x[0-9a-f]{8}\|[08]\|(1|True)\|$')" "$esp"
	check "$name: in six SAs at least" [ "$(grep -oE '\|0x[0-9a-f]{8}\|' "$work/$name.txt" | sort -u | wc -l)" -ge 6 ]
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
in_host alice sh -c 'ip addr add 10.0.1.1/24 dev lo; ip route add 10.0.2.0/24 via 192.0.2.2 src 10.0.1.1; mkdir -p -m 700 /run/keys'
in_host bob sh -c 'ip addr add 10.0.2.1/24 dev lo; ip route add 10.0.1.0/24 via 192.0.2.1 src 10.0.2.1'
transport="192.0.2.1 192.0.2.2 esp/transport//require 192.0.2.2"
tunnel="10.0.1.0/24 10.0.2.0/24 esp/tunnel/192.0.2.1-192.0.2.2/require 10.0.2.1"

host_conf alice "pfs yes"
host_conf bob "pfs yes"
keyds_start

# shellcheck disable=SC2086
talk off "ike aes128gcm16-prfsha256-x25519; esp aes128gcm16" $transport
check "off: the kernel has a key" [ ${#key} -ge 32 ]
is "off: no file has it" "$(key_found "$key")" 0
check "off: there is no table" in_host alice sh -c '! ls /run/keys/* /run/gapless/keylog 2>/dev/null | grep -q .'
is "off: nobody is warned" "$(keyd_count alice 'KEYS ARE WRITTEN')" 0

# Lines that tshark must not stumble over come first.
host_conf alice "ike chacha20poly1305-prfsha256-x25519; esp chacha20poly1305" "keylog $tables"
host_conf bob "ike chacha20poly1305-prfsha256-x25519; esp chacha20poly1305"
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
check "chacha: alice takes the settings" keydctl alice reload
check "chacha: bob takes the settings" keydctl bob reload
keyd_said alice 'warning: KEYS ARE WRITTEN to /run/keys/wireshark/ikev2_decryption_table'
check "chacha: up" keydctl alice up 192.0.2.2
check "chacha: down" keydctl alice down --all
is "chacha: the keys are there as comments" "$(in_host alice grep -c '^# Wireshark 4.0 has no word for chacha20poly1305; a later one may take this: "IPv4"' $tables/esp_sa)" 2
is "chacha: and those of IKE" "$(in_host alice grep -c '^# Wireshark has no word for chacha20poly1305: ' $tables/ikev2_decryption_table)" 1

# shellcheck disable=SC2086
talk gcm "ike aes128gcm16-prfsha256-x25519; esp aes256gcm16" $transport "keylog $tables"
is "gcm: the files are root's alone" "$(in_host alice stat -c '%a %u' $tables $tables/esp_sa $tables/ikev2_decryption_table | tr '\n' ' ')" \
	"700 0 600 0 600 0 "
is "gcm: the key is in one file" "$(key_found "$key")" 1
opened gcm $tables

# shellcheck disable=SC2086
talk cbc "ike aes256-sha256-x25519; esp aes128-sha256" $tunnel "keylog $tables"
opened cbc $tables
dissect cbc /nonexistent/wireshark
is "without the tables, no datagram of IKE is opened" "$(lines cbc '^3[567]\|46[0-9,]*\|1\|')" 0
is "nor is ESP" "$(lines cbc '\|0x[0-9a-f]{8}\|[08]\|')" 0

keydctl alice --json status >"$work/status.json"
check "status says that keys are written" grep -q '"keylog":true' "$work/status.json"
check "keydctl keylog off" keydctl alice keylog off
keydctl alice --json status >"$work/status.json"
check "status says that it is off" grep -q '"keylog":false' "$work/status.json"
role_pid alice ike
is "no process has the files open" "$(find /proc/"$pid"/fd /proc/"${tag_pid[keyd-alice]}"/fd -lname '*wireshark*' | wc -l)" 0
is "no log has a key" "$(cat "$(host_log keyd-alice)" "$(host_log keyd-bob)" | grep -ciE "$key|[0-9a-f]{64}")" 0
keyds_stop
finish
