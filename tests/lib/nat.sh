# SPDX-License-Identifier: MIT
# Routers that translate addresses, and the hosts behind them.
# shellcheck shell=bash disable=SC2154 # variables of hosts.sh
#
#	alice 10.1.0.2 ---- 10.1.0.1 NAT 203.0.113.1 --+-- 203.0.113.2 bob
#	carol 10.3.0.2 ---- 10.3.0.1 /

# nat_masquerade ROUTER OUTSIDE: every flow gets another port, until the router forgets it
nat_masquerade()
{
	in_host "$1" nft -f - <<-END
		flush ruleset
		table ip nat {
			chain outwards {
				type nat hook postrouting priority srcnat;
				oifname "$2" meta l4proto udp masquerade to :20000-40000 random
				oifname "$2" masquerade
			}
		}
	END
}

# nat_fixed ROUTER OUTSIDE OUTSIDE-ADDRESS INSIDE-ADDRESS PORT: one host, without any memory: what leaves 4500 gets PORT; what
# comes to any of 31000 to 31999 leads there. So the port can be changed while what is under way still arrives. nft would
# "correct" a UDP checksum that is 0, as that of ESP is.
nat_fixed()
{
	in_host "$1" nft -f - <<-END
		flush ruleset
		table ip fixed {
			chain outwards {
				type filter hook postrouting priority 0;
				oifname "$2" ip saddr $4 udp sport 4500 udp sport set $5 udp checksum set 0
				oifname "$2" ip saddr $4 ip saddr set $3
			}
			chain inwards {
				type filter hook prerouting priority -150;
				iifname "$2" ip daddr $3 udp dport != { 500, 31000-31999 } drop
				iifname "$2" ip daddr $3 udp dport 31000-31999 udp dport set 4500 udp checksum set 0
				iifname "$2" ip daddr $3 ip daddr set $4
			}
		}
	END
}

# nat_forget ROUTER: as if it had been started anew
nat_forget()
{
	in_host "$1" conntrack -F
}

nat_tools_missing()
{
	command -v nft >/dev/null || echo "package nftables"
	command -v conntrack >/dev/null || echo "package conntrack"
}

# nat_both ROUTER OUTSIDE INSIDE-ADDRESS: masquerades, and what comes for IKE's ports leads to INSIDE-ADDRESS
nat_both()
{
	nat_masquerade "$1" "$2"
	in_host "$1" nft -f - <<-END
		table ip nat {
			chain inwards {
				type nat hook prerouting priority dstnat;
				iifname "$2" udp dport { 500, 4500 } dnat to $3
			}
		}
	END
}

# nat_unknow ROUTER HEX…: vendor ids of IKEv1 that begin with these four bytes become others on the way, as if who sends them did not have
# them. Payloads are a multiple of four bytes long. After nat_masquerade.
nat_unknow()
{
	local router=$1 word at

	shift
	{
		printf 'table ip unknow {\nchain forwards {\ntype filter hook forward priority 0;\nudp dport { 500, 4500 } jump vendors\n}\nchain vendors {\n'
		for word; do
			for ((at = 64; at <= 252; at += 4)); do
				printf '@th,%d,32 0x%s @th,%d,32 set 0x%08x udp checksum set 0\n' $((at * 8)) "$word" $((at * 8)) $((0x$word ^ 0xffffffff))
			done
		done
		printf '}\n}\n'
	} | in_host "$router" nft -f -
}
