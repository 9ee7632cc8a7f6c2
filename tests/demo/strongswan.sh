# SPDX-License-Identifier: MIT
# How the demo's host runs strongSwan.
# shellcheck shell=bash disable=SC2154 # variables of demo.sh

strongswan_configure()
{
	tunnel_new "$mode" alice "${address[alice]}" bob "${address[bob]}"
	strongswan_conf "$1"
	show "$1" cat /etc/swanctl/swanctl.conf
}

strongswan_run()
{
	echo "$1# charon-systemd &"
	strongswan_start "$1"
	show "$1" swanctl --load-all
}

strongswan_rekey()
{
	show "$1" swanctl --rekey "--$2" "$([ "$2" = ike ] && echo gapless || echo gapless1)"
}

strongswan_show()
{
	show "$1" swanctl --list-sas
}
