// SPDX-License-Identifier: MIT
// Statements of a peer for which keyd makes the policies: "traffic" and "virtual-address".
#include "keyd/conf/parser.h"

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

void conf_do_net(struct conf_parser *p, bool local, const struct conf_word *at, const struct conf_word *w)
{
	struct conf_nets *side = local ? &p->peer.traffic.local : &p->peer.traffic.remote;
	struct ipsec_addr first, last;
	char text[IPSEC_ADDR_STRLEN];
	struct ipsec_addr addr;
	uint8_t len;

	if (!w) {
		side->assigned = true;
		return;
	}
	if (strlen(w->s) != w->n || !conf_remote_parse(w->s, &addr, &len) || len == UINT8_MAX) {
		conf_err(p, &at->at, "'%s' is not a network such as 10.0.0.0/24", w->s);
		return;
	}
	ipsec_addr_prefix_range(&addr, len, &first, &last);
	if (!ipsec_addr_equal(&addr, &first)) {
		conf_err(p, &at->at, "%s has bits beyond its length; did you mean %s/%u?", w->s,
			 ipsec_addr_format(&first, text, sizeof(text)), len);
	} else if (side->n == CONF_NETS_MAX) {
		conf_err(p, &at->at, "more than %u networks on one side", CONF_NETS_MAX);
	} else {
		side->net[side->n].addr = addr;
		side->net[side->n++].len = len;
	}
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
	for (unsigned i = 0; i < side->n; i++)
		f |= side->net[i].addr.family == AF_INET ? 1 : 2;
	return f;
}

/* Who asks for an address and does not say what for wants all that the gateway lets through. */
static void everything(struct conf_traffic *t)
{
	*t = (struct conf_traffic){ .local.assigned = true, .remote.n = 2 };
	t->remote.net[0].addr.family = AF_INET;
	t->remote.net[1].addr.family = AF_INET6;
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
	if (peer->start && (!set || t->remote.assigned || peer->remote_len != ipsec_addr_bits(peer->remote.family)))
		conf_err(p, &p->seen[CONF_STMT_START], "peer '%s': 'start' is for a tunnel that begins here: one with 'traffic' or "
			 "'virtual-address', to a single address", peer->name);
	else if (t->local.assigned && t->remote.assigned)
		conf_err(p, at, "peer '%s': only one side can be assigned its addresses by the other", peer->name);
	else if (t->local.assigned && !virtual)
		conf_err(p, at, "peer '%s': nothing is assigned to this side without 'virtual-address ipv4' (or ipv6)", peer->name);
	else if (t->remote.assigned && !peer->pool[0])
		conf_err(p, at, "peer '%s': nothing is assigned to the peer without 'pool NAME'", peer->name);
	else if (virtual && !t->local.assigned)
		conf_err(p, at, "peer '%s' gives us an address that no traffic uses: 'traffic assigned <-> NETWORK' is missing",
			 peer->name);
	else if (peer->pool[0] && !t->remote.assigned)
		conf_err(p, at, "peer '%s' gets addresses that no traffic uses: 'traffic NETWORK <-> assigned' is missing",
			 peer->name);
	else if (set && t->remote.n + t->remote.assigned && !(families(peer, &t->local, true) & families(peer, &t->remote, false)))
		conf_err(p, at, "peer '%s': one side of its traffic is IPv4, the other IPv6", peer->name);
}
