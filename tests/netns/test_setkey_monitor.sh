#!/bin/bash
# SPDX-License-Identifier: MIT
# setkey -x on a real kernel, through netlink and PF_KEY: what it shows as text, JSON and hexadecimal, and how it ends.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

setkey=${O:-build}/bin/setkey
json=${O:-build}/tests/json
key=0x000102030405060708090a0b0c0d0e0f
changes="
	flush; spdflush;
	add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc $key -A hmac-sha1 \"this is the test key\";
	spdadd 10.0.1.0/24 10.0.2.0/24 any -P out none;
	delete 192.0.2.1 192.0.2.2 esp 0x1000;
	spdflush; flush;"

# A monitor that began in the middle of the changes sees them whole the next time.
# shellcheck disable=SC2317 # by name, from wait_until
seen()
{
	in_host alice "$setkey" -e -f - <<<"$changes" 2>>"$work/alice/load.log" && log_has "$1" "$2" 1 && log_has "$1" "$3" 1
}

# watch TAG OPTION...: a monitor, until it has shown the changes; its exit code is in $rc
watch()
{
	local tag=$1 first=' add pid=' last=' spdflush pid='

	shift
	[[ $* != *j* ]] || {
		first='"event":"add"'
		last='"event":"spdflush"'
	}
	host_spawn alice "$tag" "$setkey" "$@"
	check "$*" wait_until 60 seen "$tag" "$first" "$last"
	host_stop "$tag" "${signal-TERM}"
	rc=$?
}

host_new alice

for backend in xfrm pfkey; do
	watch "$backend" --backend "$backend" -x
	is "$backend: interrupted, it is done" "$rc" 0
	check "$backend: an SA" log_has "$backend" '^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} add pid=[1-9]' 1
	check "$backend: as -D shows it" log_has "$backend" '^	E: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f$' 1
	check "$backend: its end" log_has "$backend" ' delete dst=192.0.2.2 proto=50 spi=4096\(0x00001000\) pid=[1-9]' 1
	check "$backend: a policy, as -DP shows it" log_has "$backend" '^	out prio def none$' 1

	signal=INT watch "$backend-json" --backend "$backend" -x -j
	is "$backend: -j interrupted" "$rc" 0
	"$json" event sa.spi sa.enc.key_bits sa.enc.key policy.dir policy.action <"$(host_log "$backend-json")" >"$work/events"
	is "$backend: every line of -j is JSON" $? 0
	check "$backend: an SA without its key" grep -qxF "add 4096 128 - - -" "$work/events"
	check "$backend: a policy" grep -qxF "spdadd - - - out none" "$work/events"
done

watch keys -xj --keys
"$json" event sa.enc.key <"$(host_log keys)" >"$work/events"
check "--keys" grep -qxF "add ${key#0x}" "$work/events"

watch hex -xx -H
check "-xx: seconds since 1970" log_has hex '^[0-9]{10}\.[0-9]{6} add pid=' 1
check "-H: messages" log_has hex '^[0-9.]+ message of [0-9]+ bytes$' 1
check "in hexadecimal, key and all" log_has hex '^0000[0-9a-f]{4}: .*00 01 02 03' 1
watch pfkey-hex --backend pfkey -Hx
check "-H with PF_KEY: version 2, type 19, spdflush" log_has pfkey-hex '^00000000: 02 13 ' 1

# Nobody reads any more: it ends by itself, without an event.
in_host alice sh -c '"$0" -x | sleep 0; wait' "$setkey" >"$work/out" 2>&1 &
piped=$!
check "without a reader it ends" wait_until 30 process_gone "$piped"

finish
