#!/bin/bash
# SPDX-License-Identifier: MIT
# Tunnels by ipsec.conf as it is (keyd without a kernel): places in what is told, reloads, mistakes, who is refused. Needs root, and namespaces.

# shellcheck source=tests/lib/native.sh
. "$(dirname "$0")/../lib/native.sh"

native_hosts

# begins_keyd HOST OPTION...
begins_keyd()
{
	host_spawn "$1" "keyd-$1" "$bin/keyd" -v --backend fake --cache-dir /run/gapless/cache "${@:2}"
	check "keyd on $1 is ready" wait_log "keyd-$1" 'ready:' 30
}

# ipsec_conf HOST: /etc/ipsec.conf from standard input, and its secrets
ipsec_conf()
{
	in_host "$1" sh -c 'umask 77; cat >/etc/ipsec.conf; mkdir -p /etc/ipsec.conf.d; printf "%%any : PSK \"correct horse\"\n" >/etc/ipsec.secrets'
}

ipsec_conf alice <<-END
	config setup
	    uniqueids=no
	include ipsec.conf.d/*.conf
	conn %default
	    authby=secret
	    keyexchange=ikev2
END
in_host alice sh -c 'cat >/etc/ipsec.conf.d/bob.conf' <<-END
	conn bob
	    left=192.0.2.1
	    leftsubnet=10.1.0.0/24
	    right=192.0.2.2
	    rightsubnet=10.2.0.0/24
	    auto=add
	    also=more
	conn more
	    ikelifetime=2h
	    leftupdown=/bin/true
END
ipsec_conf bob <<-END
	conn alice
	    left=192.0.2.2
	    leftsubnet=10.2.0.0/24
	    right=192.0.2.1
	    rightsubnet=10.1.0.0/24
	    authby=secret
	    auto=add
END
begins_keyd alice -f /etc/ipsec.conf
begins_keyd bob --ipsec-conf /etc/ipsec.conf
keyd_said alice '/etc/ipsec.conf.d/bob.conf:10: warning: not taken over: leftupdown: '
begins alice bob
check "a tunnel by two files of others" wait_until 20 ikes_are alice 1

in_host alice sh -c 'sed -i "s/ikelifetime=2h/ikelifetime=3h/" /etc/ipsec.conf.d/bob.conf'
check "a reload reads the files again" keydctl alice reload
is "what it says" "$(keydctl alice reload)" "reload: peers=1 secrets=1"
in_host alice sh -c 'printf "\tconn\n" >>/etc/ipsec.conf.d/bob.conf'
is "a mistake is told with its place" "$(keydctl alice reload 2>&1)" "keydctl: reload failed: /etc/ipsec.conf.d/bob.conf:11: a name, '=' and a value are expected"
check "and keeps what was" ikes_are alice 1
in_host alice sed -i '$d' /etc/ipsec.conf.d/bob.conf

# --- who is in no section, and who is in one that cannot be ---

ipsec_conf alice <<-END
	conn other
	    left=192.0.2.1
	    right=192.0.2.9
	    authby=secret
	    auto=add
END
check "another configuration" keydctl alice reload
check "bob goes" keydctl bob down alice
begins bob alice
keyd_said bob 'IKE_SA result=failed'
keyd_said alice 'no section is for it: "default": it says "serve no"'
ipsec_conf alice <<-END
	conn bob
	    left=192.0.2.1
	    right=192.0.2.2
	    authby=secret
	    ah=sha256
	    auto=add
	conn all
	    left=192.0.2.1
	    right=%any
	    authby=secret
	    auto=add
END
check "one that refuses" keydctl alice reload
keyd_said alice '/etc/ipsec.conf:1: warning: not taken over: AH is not done'
begins bob alice
keyd_said alice 'no section is for it: "bob": it says "serve no"'
# --- IKEv1, as the file of either kind asks for it ---

ipsec_conf alice <<-END
	conn bob
	    left=192.0.2.1
	    leftsubnet=10.1.0.0/24
	    right=192.0.2.2
	    rightsubnet=10.2.0.0/24
	    keyexchange=ikev1
	    ike=3des-md5-modp1024
	    authby=secret
	    auto=add
END
ipsec_conf bob <<-END
	config setup
	    protostack=netkey
	conn alice
	    left=192.0.2.2
	    leftsubnet=10.2.0.0/24
	    right=192.0.2.1
	    rightsubnet=10.1.0.0/24
	    ikev2=no
	    ike=3des-md5-modp1024
	    authby=secret
	    auto=add
END
check "alice has IKEv1" keydctl alice reload
check "bob, too" keydctl bob reload
keyd_said alice '/etc/ipsec.conf:7: warning: 3des, md5, modp1024: too weak today'
check "a tunnel" keydctl alice up bob
keyd_said alice 'Main Mode result=begin peer=bob'
is "in both directions" "$(keydctl bob status | grep -c 'esp tunnel')" 1
finish
