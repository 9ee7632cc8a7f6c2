#!/bin/bash
# SPDX-License-Identifier: MIT
# keyd as a daemon: what keeps it from starting is one sentence and an exit code; reload, log level and status under traffic.
#
# The kernel's missing options are tried by taking modules away, which only the lab's virtual machine may suffer.

# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

json=${O:-build}/tests/json
psk=/etc/gapless/psk.txt

# conf HOST SECRET LINE...: one peer with these settings
conf()
{
	local host=$1 other=192.0.2.1

	[ "$host" = bob ] || other=192.0.2.2
	{
		printf 'peer %s {\n\tpsk "%s"\n' $other "$2"
		shift 2
		printf '\t%s\n' "$@"
		printf '}\n'
	} | conf_file "$host"
}

# status PATH...: of alice's status
status()
{
	keydctl alice --json status | "$json" "$@"
}

host_new alice
host_new bob
link_new alice 192.0.2.1/24 bob 192.0.2.2/24
policy_pair alice 192.0.2.1 192.0.2.2 esp/transport//require
policy_pair bob 192.0.2.2 192.0.2.1 esp/transport//require
secret_file alice 192.0.2.2

# --- no start ---

keyd_fails alice 2 'keyd: unexpected word "now"' "$bin/keyd" now
keyd_fails alice 1 'keyd must be started by root: it binds IKE.s port, reads secrets and changes the kernel.s SAs' \
	setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/keyd" --psk $psk
keyd_fails alice 1 'keyd has no right to bind port 500 on 0.0.0.0' unshare -U -r "$bin/keyd" --psk $psk
keyd_fails alice 1 'reading and changing SAs needs root or CAP_NET_ADMIN' \
	setpriv --bounding-set -net_admin --inh-caps -net_admin "$bin/keyd" --psk $psk
keyd_fails alice 1 'there is no backend named "vapor"' "$bin/keyd" --backend vapor --psk $psk
printf 'peer 192.0.2.2 {\n\tpsk "x"\n\tlifetme child 1h\n}\n' | conf_file alice
keyd_fails alice 3 '/etc/gapless/keyd.conf:3:2: .*lifetme' "$bin/keyd"
printf 'listen 192.0.2.99\npeer 192.0.2.2 psk "x"\n' | conf_file alice
keyd_fails alice 1 'listen address 192.0.2.99 is not an address of this machine' "$bin/keyd"
in_host alice rm /etc/gapless/keyd.conf
keyd_fails alice 3 'keydctl: keyd is not running: nobody answers on /run/gapless/keyd.sock; start it with .*' "$bin/keydctl" status

# --- the kernel lacks something ---

# without MODULE COMMAND...: while that module is gone and the kernel cannot load it
without()
{
	local module=$1 loader rc

	shift
	loader=$(</proc/sys/kernel/modprobe)
	echo /bin/false >/proc/sys/kernel/modprobe
	check "$module can be taken away" rmmod "$module"
	"$@"
	echo "$loader" >/proc/sys/kernel/modprobe
	check "$module is back" modprobe "$module"
}

if [ "${LAB_INSIDE-}" = vm ]; then
	without xfrm_user keyd_fails alice 4 \
		'this kernel has no XFRM netlink interface \(CONFIG_XFRM_USER, module xfrm_user\)' "$bin/keyd" --psk $psk
else
	skip "a kernel without CONFIG_XFRM_USER" "only the lab's virtual machine may lose modules"
fi

# --- two of them ---

conf alice "$secret"
conf bob "$secret"
keyds_start
keyd_fails alice 1 'port 500 on 0.0.0.0 is taken by another IKE daemon' "$bin/keyd" --psk $psk
printf 'port 5500\nnat-port off\npeer 192.0.2.2 psk "x"\n' | in_host alice sh -c 'umask 077 && cat >/etc/gapless/second.conf'
keyd_fails alice 1 'another keyd runs and listens on /run/gapless/keyd.sock' "$bin/keyd" -f /etc/gapless/second.conf
check "the first one goes on" keydctl alice status

no_esp()
{
	check "no ESP: the ping has no answer" not in_host alice ping -q -c 1 -W 1 192.0.2.2
	keyd_said alice 'IKE_AUTH result=failed .*: the peer refused the child: TEMPORARY_FAILURE \(43\)'
	keyd_said bob 'CHILD_SA result=failed .*: the kernel refused it: this kernel has no ESP for IPv4 \(CONFIG_INET_ESP, module esp4\)'
}

if [ "${LAB_INSIDE-}" = vm ]; then
	without esp4 no_esp
else
	skip "a kernel without CONFIG_INET_ESP" "only the lab's virtual machine may lose modules"
fi
check "a ping goes" in_host alice ping -q -c 1 -i 0.2 -w 15 192.0.2.2

# --- reload, status and log level under traffic ---

host_spawn alice watch "$bin/keydctl" --json watch
flow_start load alice 192.0.2.1 bob 192.0.2.2 100
flow_wait load received 100 || not_ok "traffic flows"
is "status" "$(status ok peers ike.# ike.0.peer ike.0.state ike.0.children.# ike.0.children.0.mode ike.0.children.0.proto)" \
	"true 1 1 192.0.2.2 established 1 transport esp"
is "stats" "$(keydctl alice --json stats | "$json" ike_now child_now half_open_now)" "1 1 0"
before=$(status ike.0.spi_i ike.0.children.0.spi_in)
conf alice "$secret" "esp chacha20poly1305" "lifetime child 20m"
conf bob "$secret"
check "reload" keydctl alice reload
is "reload: what is up stays as it is" "$(status ike.0.spi_i ike.0.children.0.spi_in)" "$before"
is "reload as JSON" "$(keydctl alice --json reload | "$json" cmd ok text)" "reload true peers=1 secrets=1"
kill -HUP "${tag_pid[keyd-alice]}"
check "SIGHUP" wait_log keyd-alice 'reload: result=ok peers=1 secrets=1' 10 3
conf alice "$secret" "esp vapor"
keyd_fails alice 1 'keydctl: reload failed: /etc/gapless/keyd.conf:3:6: .*vapor' "$bin/keydctl" reload
keyd_said alice 'reload: result=failed, the old configuration stays'
check "the IKE SA is rekeyed" keydctl alice rekey --ike 192.0.2.2
check "log level" keydctl alice log notice
check "and back" keydctl alice log debug
keyd_fails alice 1 'keydctl: log failed: the level must be error, warning, notice, info or debug' "$bin/keydctl" log loud
keyd_fails alice 1 'keydctl: rekey failed: no peer, policy or SA of that name or address' "$bin/keydctl" rekey 192.0.2.99
keyd_fails alice 2 'keydctl: there is no command "dance"' "$bin/keydctl" dance
flow_stop load
flow_whole "nothing is lost" load
check "new SAs are made with the new settings" keydctl alice down --all
check "a ping" in_host alice ping -q -c 1 -i 0.2 -w 10 192.0.2.2
is "the new settings hold" "$(status ike.0.children.0.algorithms)" "chacha20poly1305"
check "every event is JSON" "$json" event peer <"$(host_log watch)"
host_stop watch
keyds_stop
finish
