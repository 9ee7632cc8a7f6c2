# SPDX-License-Identifier: MIT
# How the demo's host runs setkey and keyd.
# shellcheck shell=bash disable=SC2154 # variables of demo.sh

gapless_configure()
{
	local host=$1 out="esp/transport//require" in="esp/transport//require"

	if [ "$mode" = tunnel ]; then
		out="esp/tunnel/${address[$host]}-${address[$(other "$host")]}/require"
		in="esp/tunnel/${address[$(other "$host")]}-${address[$host]}/require"
	fi
	policy_file "$host" <<-END
		spdflush;
		spdadd ${address[$host]} ${address[$(other "$host")]} any -P out ipsec $out;
		spdadd ${address[$(other "$host")]} ${address[$host]} any -P in  ipsec $in;
	END
	secret_file "$host" "${address[$(other "$host")]}"
	show "$host" cat /etc/gapless/ipsec.conf
	show "$host" cat /etc/gapless/psk.txt
}

gapless_run()
{
	show "$1" setkey -f /etc/gapless/ipsec.conf
	echo "$1# keyd --psk /etc/gapless/psk.txt &"
	keyd_start "$1"
	grep -E 'ready:' "$(host_log "keyd-$1")"
}

# gapless_rekey HOST child|ike
gapless_rekey()
{
	show "$1" keydctl rekey "--$2" "${address[$(other "$1")]}"
}

# gapless_rekeyed HOST child|ike [initiator|responder]: how often, as its log has it
gapless_rekeyed()
{
	local what=CHILD_SA

	[ "$2" = child ] || what=IKE_SA
	keyd_count "$1" "$what result=rekeyed .* as ${3-}"
}

gapless_show()
{
	show "$1" keydctl status
}
