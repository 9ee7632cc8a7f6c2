# SPDX-License-Identifier: MIT
# Debian's strongSwan (charon-systemd and swanctl) as the other host: it installs its own policies, as traps.
# shellcheck shell=bash disable=SC2154 # variables of hosts.sh

strongswan_daemon=/usr/sbin/charon-systemd
strongswan_ike=aes128gcm16-prfsha256-x25519
strongswan_esp=aes128gcm16-x25519

# strongswan_missing: what is not installed, if something is not
strongswan_missing()
{
	[ -x $strongswan_daemon ] || echo "package charon-systemd"
	command -v swanctl >/dev/null || echo "package strongswan-swanctl"
}

# strongswan_conf HOST LOCAL REMOTE MODE [SECRET [LOCAL-NET REMOTE-NET]]: MODE is transport or tunnel. Connection and
# child are called "gapless". Its plugins are chosen here: among the usual ones are some (af-alg) that stall its start, and
# some that would touch routes.
strongswan_conf()
{
	local host=$1 local=$2 remote=$3 mode=$4 key=${5-$secret} local_ts=${6-dynamic} remote_ts=${7-dynamic}

	in_host "$host" tee /etc/strongswan.conf >/dev/null <<-END
		charon-systemd {
		    load = random nonce openssl kdf kernel-netlink socket-default vici
		    threads = 8
		    replay_window = 128
		    install_routes = no
		    journal {
		        default = -1
		    }
		    filelog {
		        stderr {
		            default = 1
		            time_format = %H:%M:%S
		            flush_line = yes
		        }
		    }
		}
		swanctl {
		    load = random openssl
		}
	END
	in_host "$host" sh -c 'umask 077; cat >/etc/swanctl/swanctl.conf' <<-END
		connections {
		    gapless {
		        version = 2
		        local_addrs = $local
		        remote_addrs = $remote
		        proposals = $strongswan_ike
		        local {
		            auth = psk
		            id = $local
		        }
		        remote {
		            auth = psk
		            id = $remote
		        }
		        children {
		            gapless {
		                mode = $mode
		                local_ts = $local_ts
		                remote_ts = $remote_ts
		                esp_proposals = $strongswan_esp
		                start_action = trap
		            }
		        }
		    }
		}
		secrets {
		    ike-gapless {
		        id = $remote
		        secret = "$key"
		    }
		}
	END
}

# strongswan_start HOST: with what strongswan_conf wrote; its output is host_log charon-HOST. Runs a copy of the program: the
# machine's AppArmor profile of the original forbids it to write our log. Holds packets that wait for keys, as keyd does.
strongswan_start()
{
	local host=$1

	in_host "$host" sh -c 'cp "$1" /run/charon && echo 0 >/proc/sys/net/core/xfrm_larval_drop' sh $strongswan_daemon
	host_spawn "$host" "charon-$host" /run/charon
	wait_until 30 in_host "$host" test -S /run/charon.vici && check_quiet swanctl "$host" --load-all ||
		not_ok "strongSwan on $host is ready"
}

# Output only when it fails.
check_quiet()
{
	local output

	output=$("$@" 2>&1) || {
		note "failed: $*"$'\n'"$output"
		return 1
	}
}

# swanctl HOST OPTION...
swanctl()
{
	local host=$1

	shift
	in_host "$host" swanctl "$@"
}

strongswan_stop()
{
	host_stop "charon-$1"
}

# strongswan_rekeyed HOST child|ike [initiator|responder]: how often, as its log has it. A rekeyed child is told by its
# outbound SA; who began it, by the line before.
strongswan_rekeyed()
{
	local log name begun=initiating made='IKE_SA [^ ]+ rekeyed between'

	log=$(host_log "charon-$1")
	[ "$2" = ike ] || begun=establishing made='outbound CHILD_SA [^ ]+ established'
	grep -oE "$made" "$log" | grep -oE '(CHILD|IKE)_SA [^ ]+' | while read -r name; do
		if grep -qF "$begun $name" "$log"; then
			echo initiator
		else
			echo responder
		fi
	done | grep -cE "^${3-.*}$"
}
