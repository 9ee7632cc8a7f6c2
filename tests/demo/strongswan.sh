# SPDX-License-Identifier: MIT
# How the demo's host runs strongSwan.
# shellcheck shell=bash disable=SC2154 # variables of demo.sh

strongswan_configure()
{
	strongswan_conf "$1" "${address[$1]}" "${address[$(other "$1")]}" "$mode"
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
	show "$1" swanctl --rekey "--$2" gapless
}

strongswan_show()
{
	show "$1" swanctl --list-sas
}
