// SPDX-License-Identifier: MIT
// Statements of a peer for which keyd makes the policies: "traffic" and "virtual-address".
#include "keyd/conf/parser.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

bool conf_domain_ok(const char *s, size_t n)
{
	return n && n < CONF_DOMAIN_MAX && s[0] != '.' && s[0] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n && !s[n];
}

/* As the kernel takes names of interfaces. */
bool conf_ifname_ok(const char *s, size_t n)
{
	return n && n < CONF_IFNAME_MAX && strcspn(s, "/: \t\r\n\v\f") == n && !s[n] && strcmp(s, ".") && strcmp(s, "..");
}

void conf_do_traffic(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_TRAFFIC, at))
		p->peer.traffic = (struct conf_traffic){ 0 };
}

void conf_do_traffic_mode(struct conf_parser *p, const struct conf_word *w)
{
	if (!strcmp(w->s, "transport"))
		p->peer.traffic.transport = true;
	else if (strcmp(w->s, "tunnel") != 0)
		conf_err(p, &w->at, "'%s' has no meaning here: transport or tunnel is expected, or a network", w->s);
}

/* Protocols that are written by name; others by their number. */
static const struct {
	const char *name;
	uint8_t n;
	bool ports;
} protocols[] = {
	{ "udp", IPPROTO_UDP, true }, { "tcp", IPPROTO_TCP, true }, { "sctp", IPPROTO_SCTP, true },
	{ "dccp", IPPROTO_DCCP, true }, { "udplite", IPPROTO_UDPLITE, true }, { "icmp", IPPROTO_ICMP, false },
	{ "ipv6-icmp", IPPROTO_ICMPV6, false }, { "gre", IPPROTO_GRE, false }, { "ipip", IPPROTO_IPIP, false },
};
#define PROTOCOLS (sizeof(protocols) / sizeof(*protocols))

const char *conf_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].n == proto)
			return protocols[i].name;
	return NULL;
}

bool conf_proto_has_ports(uint8_t proto)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].n == proto)
			return protocols[i].ports;
	return false;
}

/* All of s as a number from 1 to max; 0: it is none. */
static unsigned number(const char *s, unsigned max)
{
	char *end;
	unsigned long n = *s >= '0' && *s <= '9' ? strtoul(s, &end, 10) : 0;

	return n && !*end && n <= max ? (unsigned)n : 0;
}

/* "udp/1701", without its brackets. */
static bool proto_parse(const char *text, struct conf_net *net)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char proto[16];

	if (!n || n >= sizeof(proto))
		return false;
	memcpy(proto, text, n);
	proto[n] = 0;
	net->proto = (uint8_t)number(proto, UINT8_MAX);
	for (size_t i = 0; i < PROTOCOLS && !net->proto; i++)
		if (!strcmp(protocols[i].name, proto))
			net->proto = protocols[i].n;
	net->port = slash ? (uint16_t)number(slash + 1, UINT16_MAX) : 0;
	return net->proto && (!slash || (net->port && conf_proto_has_ports(net->proto)));
}

/* "10.0.0.0/24[tcp/80]", "host[udp]", … into its parts; false: it is none of them. */
static bool net_parse(const char *text, struct conf_net *net)
{
	const char *bracket = strchr(text, '[');
	size_t n = bracket ? (size_t)(bracket - text) : strlen(text);
	char part[128];
	bool ok;

	*net = (struct conf_net){ .len = 0 };
	if (bracket && (strlen(bracket) >= sizeof(part) || bracket[strlen(bracket) - 1] != ']'))
		return false;
	if (bracket) {
		memcpy(part, bracket + 1, strlen(bracket) - 2);
		part[strlen(bracket) - 2] = 0;
		ok = proto_parse(part, net);
		if (!ok)
			return false;
	}
	if (n >= sizeof(part))
		return false;
	memcpy(part, text, n);
	part[n] = 0;
	return !strcmp(part, "host") || (conf_remote_parse(part, &net->addr, &net->len) && net->len != UINT8_MAX && net->addr.family);
}

static bool is_whole(struct conf_parser *p, const struct conf_word *w, const struct conf_net *net)
{
	char text[IPSEC_ADDR_STRLEN];
	struct ipsec_addr first = net->addr, last;

	if (net->addr.family)
		ipsec_addr_prefix_range(&net->addr, net->len, &first, &last);
	if (ipsec_addr_equal(&net->addr, &first))
		return true;
	conf_err(p, &w->at, "%s has bits beyond its length; did you mean %s/%u?", w->s,
		 ipsec_addr_format(&first, text, sizeof(text)), net->len);
	return false;
}

static bool dropped(struct conf_parser *p, const struct conf_word *w, struct conf_net *net)
{
	if (strlen(w->s) == w->n && net_parse(w->s, net) && net->addr.family)
		return is_whole(p, w, net);
	conf_err(p, &w->at, "'%s' is not a network such as 10.0.0.0/24, perhaps with a protocol and a port behind it: "
		 "10.0.0.0/24[tcp/80]", w->s);
	return false;
}

void conf_do_drop(struct conf_parser *p, const struct conf_word *local, const struct conf_word *remote)
{
	struct conf_drop d = { .at = conf_at_of(p, &local->at) };
	struct conf *c = p->conf;

	if (!dropped(p, local, &d.local) || !dropped(p, remote, &d.remote))
		return;
	if (d.local.addr.family != d.remote.addr.family)
		conf_err(p, &remote->at, "one of the networks is IPv4, the other IPv6");
	else if (d.local.proto && d.remote.proto && d.local.proto != d.remote.proto)
		conf_err(p, &remote->at, "the two ends of a packet have one protocol");
	else if (c->ndrops == CONF_DROPS_MAX)
		conf_err(p, &local->at, "more than %u pairs of networks to drop", CONF_DROPS_MAX);
	else
		c->drop[c->ndrops++] = d;
}

void conf_do_net(struct conf_parser *p, bool local, const struct conf_word *at, const struct conf_word *w)
{
	struct conf_nets *side = local ? &p->peer.traffic.local : &p->peer.traffic.remote;
	struct conf_net net;

	if (!w) {
		side->assigned = true;
		return;
	}
	if (strlen(w->s) != w->n || !net_parse(w->s, &net)) {
		conf_err(p, &at->at, "'%s' is not a network such as 10.0.0.0/24, or host, perhaps with a protocol and "
			 "a port behind it: host[udp/1701]", w->s);
		return;
	}
	if (!is_whole(p, w, &net))
		return;
	if (side->n == CONF_NETS_MAX)
		conf_err(p, &at->at, "more than %u networks on one side", CONF_NETS_MAX);
	else
		side->net[side->n++] = net;
}

void conf_do_start(struct conf_parser *p, const struct conf_word *at, bool yes)
{
	if (conf_once(p, CONF_STMT_START, at))
		p->peer.start = yes;
}

void conf_do_virtual(struct conf_parser *p, const struct conf_word *at)
{
	if (!conf_once(p, CONF_STMT_VIRTUAL, at))
		return;
	p->peer.virtual_v4 = p->peer.virtual_v6 = false;
	memset(p->peer.virtual_interface, 0, sizeof(p->peer.virtual_interface));
	snprintf(p->peer.virtual_interface, sizeof(p->peer.virtual_interface), "%s", CONF_VIRTUAL_INTERFACE);
}

void conf_do_virtual_family(struct conf_parser *p, uint16_t family)
{
	if (family == AF_INET)
		p->peer.virtual_v4 = true;
	else
		p->peer.virtual_v6 = true;
}

void conf_do_virtual_interface(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_ifname_ok(w->s, w->n))
		conf_err(p, &w->at, "'%s' cannot be the name of an interface", w->s);
	else if (!strcmp(w->s, "lo"))
		conf_err(p, &w->at, "the kernel encrypts nothing that is routed to lo; without 'on', keyd makes an interface %s",
			 CONF_VIRTUAL_INTERFACE);
	else
		strncpy(p->peer.virtual_interface, w->s, sizeof(p->peer.virtual_interface) - 1);	/* fills up with NULs */
}

/* Which families can be on this side: 1 for IPv4, 2 for IPv6. */
static unsigned families(const struct conf_peer *peer, const struct conf_nets *side, bool local)
{
	unsigned f = 0;

	if (side->assigned)
		return local ? peer->virtual_v4 | peer->virtual_v6 << 1 : 3;
	for (unsigned i = 0; i < side->n; i++) {
		uint16_t family = side->net[i].addr.family ? side->net[i].addr.family : peer->remote.family;

		f |= family == AF_INET ? 1 : family ? 2 : 3;
	}
	return f;
}

/* Who asks for an address and does not say what for wants all that the gateway lets through. */
static void everything(struct conf_traffic *t)
{
	*t = (struct conf_traffic){ .local.assigned = true, .remote.n = 2 };
	t->remote.net[0].addr.family = AF_INET;
	t->remote.net[1].addr.family = AF_INET6;
}

static bool hosts_only(const struct conf_nets *side)
{
	for (unsigned i = 0; i < side->n; i++)
		if (side->net[i].addr.family)
			return false;
	return !side->assigned;
}

void conf_traffic_check(struct conf_parser *p)
{
	struct conf_peer *peer = &p->peer;
	struct conf_traffic *t = &peer->traffic;
	bool virtual = peer->virtual_interface[0], set = t->local.n || t->local.assigned;
	const struct conf_where *at = p->seen[CONF_STMT_TRAFFIC].line ? &p->seen[CONF_STMT_TRAFFIC] : &p->peer_at;

	if (virtual && !set) {
		everything(t);
		return;
	}
	if (peer->start && (!set || t->remote.assigned || !conf_peer_is_single(peer)))
		conf_err(p, &p->seen[CONF_STMT_START], "peer '%s': 'start' is for a tunnel that begins here: one with "
			 "'traffic' or 'virtual-address', to a single address", peer->name);
	else if (t->transport && !(hosts_only(&t->local) && hosts_only(&t->remote)))
		conf_err(p, at, "peer '%s': transport mode is between the two hosts: "
			 "'traffic transport host <-> host', perhaps with protocols and ports", peer->name);
	else if (t->local.assigned && t->remote.assigned)
		conf_err(p, at, "peer '%s': only one side can be assigned its addresses by the other", peer->name);
	else if (t->local.assigned && !virtual)
		conf_err(p, at, "peer '%s': nothing is assigned to this side without 'virtual-address ipv4' (or ipv6)",
			 peer->name);
	else if (t->remote.assigned && !peer->pool[0])
		conf_err(p, at, "peer '%s': nothing is assigned to the peer without 'pool NAME'", peer->name);
	else if (virtual && !t->local.assigned)
		conf_err(p, at, "peer '%s' gives us an address that no traffic uses: 'traffic assigned <-> NETWORK' "
			 "is missing", peer->name);
	else if (peer->pool[0] && !t->remote.assigned)
		conf_err(p, at, "peer '%s' gets addresses that no traffic uses: 'traffic NETWORK <-> assigned' is "
			 "missing", peer->name);
	else if (set && t->remote.n + t->remote.assigned &&
		 !(families(peer, &t->local, true) & families(peer, &t->remote, false)))
		conf_err(p, at, "peer '%s': one side of its traffic is IPv4, the other IPv6", peer->name);
}
