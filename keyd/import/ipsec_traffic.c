// SPDX-License-Identifier: MIT
// Where the two ends of a conn are, and which traffic is protected between them.
#include "keyd/import/ipsec.h"

#include "keyd/conf/parser.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- hosts --- */

static bool is_any(const char *host)
{
	return !host || !strcasecmp(host, "%any") || !strcasecmp(host, "%any4") || !strcasecmp(host, "%any6") ||
	       !strcmp(host, "0.0.0.0") || !strcmp(host, "::") || !strcmp(host, "0.0.0.0/0") || !strcmp(host, "::/0");
}

static bool is_default_route(const char *host)
{
	return host && (!strncasecmp(host, "%defaultroute", 13) || !strncasecmp(host, "%dynamic", 8) ||
			!strncasecmp(host, "%eth", 4) || !strncasecmp(host, "%ppp", 4));
}

static bool is_own(const struct ipsec *i, const char *host)
{
	struct ipsec_addr a;

	if (!host || ipsec_addr_parse(&a, host))
		return false;
	for (unsigned n = 0; n < i->d->options->nown; n++)
		if (ipsec_addr_equal(&i->d->options->own[n], &a))
			return true;
	return false;
}

/* As the plutos find out: by our addresses; else left is local. */
static unsigned local_side(const struct ipsec *i, const struct ipsec_conn *c)
{
	const char *left = SAID(c, KEY_HOST), *right = ipsec_said(c, RIGHT, KEY_HOST);

	if (is_default_route(left) || is_own(i, left))
		return LEFT;
	if (is_default_route(right) || is_own(i, right))
		return RIGHT;
	return is_any(left) && left && right && !is_any(right) &&
	       !ipsec_said(c, LEFT, KEY_CERT) && ipsec_said(c, RIGHT, KEY_CERT) ? RIGHT : LEFT;
}

/* The plutos write an IPv6 or IPv4 address; strongSwan several, or networks, too. */
static const char *remote_host(struct ipsec *i, struct ipsec_conn *c, const char *host)
{
	struct draft_peer *p = c->peer;
	struct import_at at = ipsec_at(c, !c->local, KEY_HOST);
	struct ipsec_addr last;

	draft_say(p, SET_ADDRESS, at, "any");
	if (is_any(host))
		return NULL;
	if (*host == '%')
		return draft_text(i->d, "%s: name the peers, each with a section of its own", host);
	if (strchr(host, ','))
		return draft_text(i->d, "several addresses (%s): make a section of each", host);
	if (!conf_remote_parse(host, &p->remote, &p->remote_len) || p->remote_len == UINT8_MAX) {
		p->remote = (struct ipsec_addr){ .family = 0 };
		p->remote_len = 0;
		return draft_host(i->d, p, at, host) ? NULL :
		       draft_text(i->d, "%s is neither an address nor a host name", host);
	}
	ipsec_addr_prefix_range(&p->remote, p->remote_len, &p->remote, &last);
	draft_say(p, SET_ADDRESS, at,
		  draft_net_text(i->d, &(struct draft_net){ .addr = p->remote, .len = p->remote_len }, false));
	return NULL;
}

void ipsec_hosts(struct ipsec *i, struct ipsec_conn *c)
{
	struct draft_peer *p = c->peer;
	const char *ours, *theirs, *port;

	c->local = local_side(i, c);
	ours = ipsec_said(c, c->local, KEY_HOST);
	theirs = ipsec_said(c, !c->local, KEY_HOST);
	p->off = remote_host(i, c, theirs);
	if (ours && !is_any(ours) && !is_default_route(ours)) {
		if (!ipsec_addr_parse(&p->local, ours))
			draft_say(p, SET_LOCAL, ipsec_at(c, c->local, KEY_HOST), ours);
		else
			draft_note(i->d, p, IMPORT_NOT, ipsec_at(c, c->local, KEY_HOST),
				   "%s: 'local' takes an address; without it, the one that the route takes", ours);
	}
	if (ipsec_said(c, c->local, KEY_IKEPORT))
		draft_note(i->d, p, IMPORT_NOT, ipsec_at(c, c->local, KEY_IKEPORT),
			   "our own ports are 'port' and 'nat-port', for all peers");
	port = ipsec_said(c, !c->local, KEY_IKEPORT);
	if (port && atoi(port) > 0 && atoi(port) < 65536) {
		draft_say(p, SET_PORT, ipsec_at(c, !c->local, KEY_IKEPORT), draft_text(i->d, "%d", atoi(port)));
		draft_say(p, SET_NAT_PORT, ipsec_at(c, !c->local, KEY_IKEPORT), p->set[SET_PORT]);
	}
}

/* --- networks --- */

struct nets {
	struct draft_net net[DRAFT_NETS_MAX];
	unsigned n;
};

/* "255.255.255.0" as a length; 255: it is none. */
static uint8_t mask_len(const char *text)
{
	struct ipsec_addr a;
	uint32_t v;

	if (ipsec_addr_parse(&a, text) || a.family != AF_INET)
		return UINT8_MAX;
	v = ntohl(a.v4.s_addr);
	return v & (~v >> 1) || (~v & (~v + 1)) ? UINT8_MAX : (uint8_t)__builtin_popcount(v);
}

static bool proto_port(const char *text, struct draft_net *n)
{
	static const struct {
		const char *name;
		unsigned n;
	} names[] = {
		{ "udp", 17 }, { "tcp", 6 }, { "icmp", 1 }, { "gre", 47 }, { "l2tp", 1701 }, { "%any", 0 },
		{ "any", 0 }, { "%opaque", 0 }, { "", 0 },
	};
	const char *slash = strchr(text, '/');
	char part[2][16];
	unsigned v[2] = { 0, 0 };

	snprintf(part[0], sizeof(part[0]), "%.*s", (int)(slash ? slash - text : 15), text);
	snprintf(part[1], sizeof(part[1]), "%s", slash ? slash + 1 : "");
	for (unsigned i = 0; i < 2; i++) {
		char *end;
		size_t k = 0;

		v[i] = (unsigned)strtoul(part[i], &end, 10);
		if (*part[i] && !*end)
			continue;
		while (k < sizeof(names) / sizeof(*names) && strcasecmp(names[k].name, part[i]) != 0)
			k++;
		if (k == sizeof(names) / sizeof(*names))
			return false;
		v[i] = names[k].n;
	}
	if (v[0] > 255 || v[1] > 65535)
		return false;
	n->proto = (uint8_t)v[0];
	n->port = (uint16_t)v[1];
	return true;
}

/* One network, perhaps with [proto/port]. */
static void add_net(struct ipsec *i, struct ipsec_conn *c, struct import_at at, struct nets *nets, char *text)
{
	struct draft_net n = { .len = 0 };
	struct ipsec_addr last;
	char *bracket = strchr(text, '['), *slash;

	if (bracket) {
		*bracket++ = 0;
		bracket[strcspn(bracket, "]")] = 0;
	}
	if (!strcasecmp(text, "%default"))
		text = (char *)draft_text(i->d, "0.0.0.0/0");
	slash = strchr(text, '/');
	if (!conf_remote_parse(text, &n.addr, &n.len) ||
	    (n.len == UINT8_MAX && (!slash || (n.len = mask_len(slash + 1)) == UINT8_MAX)) ||
	    (bracket && !proto_port(bracket, &n)) || nets->n == DRAFT_NETS_MAX) {
		draft_note(i->d, c->peer, IMPORT_NOT, at,
			   "'%s' is no network that keyd takes, such as 10.0.0.0/24, or one too many: "
			   "give setkey its policies", text);
		return;
	}
	ipsec_addr_prefix_range(&n.addr, n.len, &n.addr, &last);
	nets->net[nets->n++] = n;
}

/* What stands for an address that is not known before the peer comes. */
static bool is_virtual(const char *text)
{
	return !strncasecmp(text, "vhost:", 6) || !strncasecmp(text, "vnet:", 5) || !strncasecmp(text, "%dynamic", 8) ||
	       !strncasecmp(text, "%priv", 5) || !strncasecmp(text, "%no", 3);
}

/* The end itself, whose address may be known only later. */
static void add_host(struct nets *nets, const struct draft_net *end)
{
	bool known = end->addr.family && end->len == ipsec_addr_bits(end->addr.family);

	nets->net[nets->n++] = known ? (struct draft_net){ .addr = end->addr, .len = end->len, .host = true } :
			       (struct draft_net){ .host = true };
}

/* A network that is the end's address is the end itself. */
static void mark_host(struct nets *nets, const struct draft_net *end)
{
	for (unsigned n = 0; n < nets->n; n++)
		nets->net[n].host = end->addr.family && end->len == ipsec_addr_bits(end->addr.family) &&
				    nets->net[n].len == end->len && ipsec_addr_equal(&nets->net[n].addr, &end->addr);
}

static void side_nets(struct ipsec *i, struct ipsec_conn *c, unsigned side, bool transport, struct nets *nets)
{
	const char *text = ipsec_said(c, side, KEY_SUBNETS) ?: ipsec_said(c, side, KEY_SUBNET);
	const char *port = ipsec_said(c, side, KEY_PROTOPORT);
	enum conn_key key = ipsec_said(c, side, KEY_SUBNETS) ? KEY_SUBNETS : KEY_SUBNET;
	const struct draft_net own = { .addr = c->peer->local, .len = ipsec_addr_bits(c->peer->local.family) };
	const struct draft_net theirs = { .addr = c->peer->remote, .len = c->peer->remote_len };
	const struct draft_net *host = side == c->local ? &own : &theirs;
	char *save = NULL, *copy;

	if (text && is_virtual(text)) {
		if (!transport && strstr(text, "%priv"))
			draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, side, key),
				   "%s: in a tunnel a peer is taken by the address that it comes from; "
				   "one behind a NAT gets an address from a 'pool'", text);
		add_host(nets, host);
	} else if (text) {
		copy = (char *)draft_text(i->d, "%s", text);
		for (char *one = *copy ? strtok_r(copy, "{}, \t", &save) : NULL; one;
		     one = strtok_r(NULL, "{}, \t", &save))
			add_net(i, c, ipsec_at(c, side, key), nets, one);
		mark_host(nets, host);
	} else {
		add_host(nets, host);
	}
	if (!port)
		return;
	for (unsigned n = 0; n < nets->n; n++)
		if (!proto_port(port, &nets->net[n])) {
			draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, side, KEY_PROTOPORT),
				   "protoport=%s: a protocol and a port such as 17/1701 are expected", port);
			return;
		}
}

static bool names_nets(const struct ipsec_conn *c, unsigned side)
{
	return ipsec_said(c, side, KEY_SUBNET) || ipsec_said(c, side, KEY_SUBNETS);
}

/* The address that a side is given is not known, and no protocol of it can be named. */
static void warn_of_protocol(struct ipsec *i, struct ipsec_conn *c, unsigned side)
{
	if (ipsec_said(c, side, KEY_PROTOPORT))
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, side, KEY_PROTOPORT),
			   "protoport: all of what goes between an assigned address and the other side is protected: "
			   "protoport is to be left out there, too");
}

static void pair_all(struct ipsec *i, struct ipsec_conn *c, const struct nets *local, const struct nets *remote,
		     bool transport)
{
	for (unsigned a = 0; a < local->n; a++)
		for (unsigned b = 0; b < remote->n; b++) {
			struct draft_pair pair = {
				.local = local->net[a], .remote = remote->net[b], .transport = transport,
			};

			if ((!pair.local.addr.family || !pair.remote.addr.family) && !c->peer->own_policies)
				continue;	/* setkey wants addresses */
			if ((!pair.local.addr.family || !pair.remote.addr.family ||
			     pair.local.addr.family == pair.remote.addr.family) &&
			    !draft_pair_add(i->d, c->peer, c->section->at, &pair))
				return;
		}
}

/* --- addresses that one end gives the other --- */

static bool is_config(const char *text)
{
	return text && (!strncasecmp(text, "%config", 7) || !strncasecmp(text, "%cfg", 4) ||
			!strncasecmp(text, "%modeconfig", 11) || !strncasecmp(text, "%modecfg", 8));
}

/* Name servers, with ',' between. */
static const char *address_list(struct ipsec *i, struct ipsec_conn *c, const char *text)
{
	char *copy = (char *)draft_text(i->d, "%s", text), *save = NULL;
	const char *list = NULL;
	unsigned n = 0;

	for (char *one = *copy ? strtok_r(copy, ", \t", &save) : NULL; one; one = strtok_r(NULL, ", \t", &save)) {
		struct ipsec_addr a;

		if (ipsec_addr_parse(&a, one) || n++ == CONF_DNS_MAX)
			draft_note(i->d, c->peer, IMPORT_NOT, c->section->at,
				   "'%s' is no address of a name server, or one too many", one);
		else
			list = draft_text(i->d, "%s%s%s", list ?: "", list ? ", " : "", one);
	}
	return list;
}

/* The remote side gets addresses from us. */
static void give_pool(struct ipsec *i, struct ipsec_conn *c, const char *text, struct import_at at)
{
	const char *dns = ipsec_said(c, !c->local, KEY_DNS) ?: SAID(c, KEY_CFGDNS), *domain = SAID(c, KEY_CFGDOMAIN);
	struct draft_pool *pool;

	pool = draft_pool_add(i->d, c->peer, at, c->peer->name, text);
	if (!pool)
		return;
	if (dns && !pool->dns)
		pool->dns = address_list(i, c, dns);
	if (domain && conf_domain_ok(domain, strlen(domain)))
		pool->domain = draft_quote(i->d, domain);
	else if (domain)
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, LEFT, KEY_CFGDOMAIN),
			   "a pool has one domain: '%s'", domain);
	if (SAID(c, KEY_CFGBANNER) && strlen(SAID(c, KEY_CFGBANNER)) < CONF_BANNER_MAX)
		pool->banner = draft_quote(i->d, SAID(c, KEY_CFGBANNER));
	c->peer->assigned = true;
	draft_say(c->peer, SET_POOL, at, draft_quote(i->d, pool->name));
}

static void ask_address(struct ipsec *i, struct ipsec_conn *c, const char *text)
{
	bool six = text && strchr(text, '6'), both = text && strchr(text, ',');

	draft_say(c->peer, SET_VIRTUAL, ipsec_at(c, c->local, text ? KEY_SOURCEIP : KEY_MODECFGCLIENT),
		  both ? "ipv4, ipv6" : six ? "ipv6" : "ipv4");
	if (!c->peer->remote.family && !c->peer->host)
		draft_note(i->d, c->peer, IMPORT_NOT, c->section->at,
			   "whom is an address to be asked of? Write 'address'");
}

/* --- all of it --- */

static const char *action_of(const char *type)
{
	return !type ? "ipsec" : !strcasecmp(type, "passthrough") || !strcasecmp(type, "pass") ? "none" :
	       !strcasecmp(type, "drop") || !strcasecmp(type, "reject") ? "discard" : "ipsec";
}

void ipsec_traffic(struct ipsec *i, struct ipsec_conn *c)
{
	const char *type = SAID(c, KEY_TYPE), *source = ipsec_said(c, c->local, KEY_SOURCEIP);
	const char *given = ipsec_said(c, !c->local, KEY_SOURCEIP);
	const char *range = ipsec_said(c, !c->local, KEY_ADDRESSPOOL);
	bool transport = type && !strncasecmp(type, "transport", 9);
	struct nets local = { .n = 0 }, remote = { .n = 0 };
	struct draft_peer *p = c->peer;

	p->action = action_of(type);
	if (strcmp(p->action, "ipsec") != 0)
		p->off = "it is about traffic that is not protected, which is setkey's: "
			 "see its policies (keydctl import --setkey FILE)";
	side_nets(i, c, c->local, transport, &local);
	if (is_config(source) && names_nets(c, c->local))
		draft_note(i->d, p, IMPORT_NOT, ipsec_at(c, c->local, KEY_SOURCEIP),
			   "no address is asked for, as networks are named for this end: "
			   "leave those out if its traffic is to be the address's");
	else if (is_config(source) || ipsec_yes(ipsec_said(c, c->local, KEY_MODECFGCLIENT)))
		ask_address(i, c, source);
	else if (source)
		draft_note(i->d, p, IMPORT_NOT, ipsec_at(c, c->local, KEY_SOURCEIP),
			   "packets of this machine's own take %s when the route says so: ip route change ... src %s",
			   source, source);
	if (range || (given && !is_config(given)))
		give_pool(i, c, range ?: given, ipsec_at(c, !c->local, range ? KEY_ADDRESSPOOL : KEY_SOURCEIP));
	p->own_policies = p->assigned || p->set[SET_VIRTUAL] || (!i->d->options->setkey && !strcmp(p->action, "ipsec"));
	if (p->assigned) {		/* the pool is the other side */
		warn_of_protocol(i, c, !c->local);
		if (!names_nets(c, c->local))
			local.n = 0;
		remote = (struct nets){ .n = 0 };
		for (unsigned n = 0; n < local.n && n < CONF_NETS_MAX; n++)
			draft_pair_add(i->d, p, c->section->at, &(struct draft_pair){ .local = local.net[n] });
		return;
	}
	side_nets(i, c, !c->local, transport, &remote);
	if (p->set[SET_VIRTUAL]) {
		warn_of_protocol(i, c, c->local);
		for (unsigned n = 0; names_nets(c, !c->local) && n < remote.n && n < CONF_NETS_MAX; n++)
			draft_pair_add(i->d, p, c->section->at, &(struct draft_pair){ .remote = remote.net[n] });
		return;
	}
	pair_all(i, c, &local, &remote, transport);
	if (!p->npairs)
		draft_note(i->d, p, IMPORT_NOT, c->section->at,
			   "one end of its traffic is an address that is known only later: "
			   "'traffic' and setkey's policies want networks");
}
