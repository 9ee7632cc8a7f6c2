# SPDX-License-Identifier: MIT
# Statements for bench_setkey.sh, the same for setkey and for ip -batch: -v kind=policies|sas -v form=setkey|ip -v step=load|delete -v n=N
#
# Policies come in pairs, out and in, all with one priority. Of ten pairs, seven are of IPv4 hosts (tunnel), two of IPv6 hosts
# (transport), and one of one of 256 networks and the centre's, for one port each, with three templates.
# SAs come in pairs, between one gateway and as many peers as there are pairs; each has keys of its own.

function v4(first, i)
{
	return sprintf("%d.%d.%d.%d", first, int(i / 65536) % 256, int(i / 256) % 256, i % 256)
}

function v6(first, i)
{
	return sprintf("2001:db8:%x::%x:%x", first, int(i / 65536), i % 65536)
}

function policy(i,    pair, part, near, far, upper, port, there)
{
	pair = int(i / 2)
	part = pair % 10
	upper = "any"
	port = 0
	if (part < 7) {
		near = v4(10, pair) "/32"
		far = v4(11, pair) "/32"
	} else if (part < 9) {
		near = v6(1, pair) "/128"
		far = v6(2, pair) "/128"
	} else {
		near = "172.16.0.0/16"
		far = "172.20." pair % 256 ".0/24"
		upper = "tcp"
		port = 1 + int(pair / 256)
	}
	there = i % 2
	if (form == "setkey")
		setkey_policy(there ? far : near, there ? near : far, upper, port, there ? "in" : "out", part, i)
	else
		ip_policy(there ? far : near, there ? near : far, upper, port, there ? "in" : "out", part, i)
}

function setkey_policy(src, dst, upper, port, dir, part, i,    ends, rule)
{
	ends = dir == "out" ? "192.0.2.1-198.51.100.1" : "198.51.100.1-192.0.2.1"
	rule = sprintf("esp/%s/unique:%d", part < 7 ? "tunnel/" ends : "transport/", 1 + i % 16000)
	if (part >= 9)
		rule = "ipcomp/transport//use " rule " ah/transport//require"
	if (port && dir == "out")
		dst = dst "[" port "]"
	else if (port)
		src = src "[" port "]"
	if (step == "load")
		printf "spdadd %s %s %s -P %s ipsec %s;\n", src, dst, upper, dir, rule
	else
		printf "spddelete %s %s %s -P %s;\n", src, dst, upper, dir
}

function ip_policy(src, dst, upper, port, dir, part, i,    ends, tmpl)
{
	ends = dir == "out" ? "src 192.0.2.1 dst 198.51.100.1" : "src 198.51.100.1 dst 192.0.2.1"
	tmpl = sprintf("tmpl%s proto esp mode %s reqid %d", part < 7 ? " " ends : "", part < 7 ? "tunnel" : "transport", 1 + i % 16000)
	if (part >= 9)
		tmpl = "tmpl proto comp mode transport level use " tmpl " tmpl proto ah mode transport"
	if (port)
		upper = upper " " (dir == "out" ? "dport " : "sport ") port
	upper = port ? " proto " upper : ""
	if (step == "load")
		printf "xfrm policy add src %s dst %s%s dir %s priority 2147483648 %s\n", src, dst, upper, dir, tmpl
	else
		printf "xfrm policy delete src %s dst %s%s dir %s\n", src, dst, upper, dir
}

function sa(i,    peer, src, dst, spi, enc, auth)
{
	peer = v4(10, int(i / 2))
	src = i % 2 ? peer : "192.0.2.1"
	dst = i % 2 ? "192.0.2.1" : peer
	spi = sprintf("0x%x", 4096 + i)
	enc = sprintf("0x%032x", 2 * i + 1)
	auth = sprintf("0x%040x", 2 * i + 2)
	if (form == "setkey" && step == "load")
		printf "add %s %s esp %s -m transport -u %d -E aes-cbc %s -A hmac-sha1 %s;\n", src, dst, spi, 1 + i % 16000, enc, auth
	else if (form == "setkey")
		printf "delete %s %s esp %s;\n", src, dst, spi
	else if (step == "load")
		printf "xfrm state add src %s dst %s proto esp spi %s mode transport reqid %d enc cbc(aes) %s auth-trunc hmac(sha1) %s 96\n",
			src, dst, spi, 1 + i % 16000, enc, auth
	else
		printf "xfrm state delete src %s dst %s proto esp spi %s\n", src, dst, spi
}

BEGIN {
	for (i = 0; i < n; i++)
		if (kind == "sas")
			sa(i)
		else
			policy(i)
}
