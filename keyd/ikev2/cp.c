// SPDX-License-Identifier: MIT
// Configuration payloads: a road warrior's request and a gateway's reply.
#include "keyd/ikev2/cp.h"

#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/ike/report.h"
#include "keyd/ike/tunnel.h"
#include "keyd/wire/cp.h"

#include <string.h>

#define V6_ADDRESS_LEN 17		/* an address and a prefix length (3.15.1) */
#define V4_SUBNET_LEN 8			/* an address and a netmask */
#define WHOLE 128			/* the prefix length of an assigned address: it is one host's */

#define BIT(attr) (1ull << (attr))

/* What we know of; SUPPORTED_ATTRIBUTES tells it. */
static const uint16_t known[] = {
	IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS, IKEV2_CFG_ATTR_INTERNAL_IP4_DNS, IKEV2_CFG_ATTR_APPLICATION_VERSION,
	IKEV2_CFG_ATTR_INTERNAL_IP6_ADDRESS, IKEV2_CFG_ATTR_INTERNAL_IP6_DNS, IKEV2_CFG_ATTR_INTERNAL_IP4_SUBNET,
	IKEV2_CFG_ATTR_SUPPORTED_ATTRIBUTES, IKEV2_CFG_ATTR_INTERNAL_IP6_SUBNET, IKEV2_CFG_ATTR_INTERNAL_DNS_DOMAIN,
};

/* One payload of the peer's, as far as we know it. */
struct cp_content {
	uint64_t attrs;			/* BIT(type) of each that is there */
	struct ipsec_addr addr[TUNNEL_FAMILIES];	/* asked for, or given; AF_UNSPEC: none is named */
	uint8_t ndns;
	struct ipsec_addr dns[ENGINE_DNS_MAX];
	char domain[CONF_DOMAIN_MAX];
};

static void take_dns(struct cp_content *c, const struct wire_cp_attr *a, size_t len)
{
	if (a->value.n == len && c->ndns < ENGINE_DNS_MAX && !ipsec_addr_from_bytes(&c->dns[c->ndns], a->value.p, len) &&
	    !ipsec_addr_is_any(&c->dns[c->ndns]))
		c->ndns++;
}

static void take_domain(struct cp_content *c, const struct wire_cp_attr *a)
{
	char name[CONF_DOMAIN_MAX] = "";

	if (a->value.n >= sizeof(name) || c->domain[0])
		return;
	memcpy(name, a->value.p, a->value.n);
	if (conf_domain_ok(name, a->value.n))
		memcpy(c->domain, name, sizeof(name));
}

/* Of several addresses of one family the first counts. A length that is none counts as no address. */
static void take_address(struct ipsec_addr *to, const struct wire_cp_attr *a, size_t len, size_t addr_len)
{
	if (!to->family && (a->value.n == len || a->value.n == addr_len) &&
	    !ipsec_addr_from_bytes(to, a->value.p, addr_len) && ipsec_addr_is_any(to))
		*to = (struct ipsec_addr){ 0 };
}

/* False: there is no such payload. */
static bool read_cp(const struct wire_message *m, uint8_t type, struct cp_content *c)
{
	const struct wire_payload *p = wire_find(m, IKEV2_PL_CP);
	struct wire_cp_attr a;
	struct wire_cp cp;
	struct rd r;

	*c = (struct cp_content){ 0 };
	if (!p || wire_cp_get(&cp, p->body) || cp.type != type)
		return false;
	for (r = rd_of_view(cp.attrs); wire_cp_next(&r, &a);) {
		if (a.type < 64)
			c->attrs |= BIT(a.type);
		switch (a.type) {
		case IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS: take_address(&c->addr[TUNNEL_V4], &a, 4, 4); break;
		case IKEV2_CFG_ATTR_INTERNAL_IP6_ADDRESS: take_address(&c->addr[TUNNEL_V6], &a, V6_ADDRESS_LEN, 16); break;
		case IKEV2_CFG_ATTR_INTERNAL_IP4_DNS: take_dns(c, &a, 4); break;
		case IKEV2_CFG_ATTR_INTERNAL_IP6_DNS: take_dns(c, &a, 16); break;
		case IKEV2_CFG_ATTR_INTERNAL_DNS_DOMAIN: take_domain(c, &a); break;
		default: break;			/* RFC 7296 2.19: what is unknown is ignored */
		}
	}
	return true;
}

static size_t begin(struct wire_out *out, uint8_t type)
{
	struct wire_cp cp = { .type = type };
	size_t mark = wire_payload_begin(out, IKEV2_PL_CP);

	wire_cp_put(&out->w, &cp);
	return mark;
}

static void put(struct wire_out *out, uint16_t type, const void *p, size_t n)
{
	struct wire_cp_attr a = { .type = type, .value = { p, n } };

	wire_cp_attr_put(&out->w, &a);
}

/* An IPv6 address goes with a prefix length behind it; a is empty where any will do. */
static void put_address(struct wire_out *out, const struct ipsec_addr *a, bool v6)
{
	uint8_t body[V6_ADDRESS_LEN];

	memcpy(body, a->b, 16);
	body[16] = WHOLE;
	put(out, v6 ? IKEV2_CFG_ATTR_INTERNAL_IP6_ADDRESS : IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS, body,
	    !a->family ? 0 : v6 ? V6_ADDRESS_LEN : 4);
}

/* --- initiator --- */

static bool asks(const struct ike_sa *sa)
{
	return sa->peer->conf.virtual_interface[0] != 0;
}

void cp_put_request(const struct ike_sa *sa, struct wire_out *out)
{
	const struct conf_peer *conf = &sa->peer->conf;
	const struct tunnel *t = tunnel_of(sa);
	static const struct ipsec_addr any;
	size_t mark;

	if (!asks(sa))
		return;
	mark = begin(out, IKEV2_CFG_REQUEST);
	if (conf->virtual_v4) {
		put_address(out, t ? &t->given[TUNNEL_V4] : &any, false);
		put(out, IKEV2_CFG_ATTR_INTERNAL_IP4_DNS, NULL, 0);
	}
	if (conf->virtual_v6) {
		put_address(out, t ? &t->given[TUNNEL_V6] : &any, true);
		put(out, IKEV2_CFG_ATTR_INTERNAL_IP6_DNS, NULL, 0);
	}
	put(out, IKEV2_CFG_ATTR_INTERNAL_DNS_DOMAIN, NULL, 0);
	wire_payload_end(out, mark);
}

const char *cp_take(struct exchange *x)
{
	const struct conf_peer *conf = &x->sa->peer->conf;
	struct tunnel *t = tunnel_of(x->sa);
	struct cp_content c;

	if (!asks(x->sa))
		return NULL;
	if (!read_cp(&x->m, IKEV2_CFG_REPLY, &c))
		return "the peer assigns no addresses (no CFG_REPLY): it needs a pool, or \"virtual-address\" is not for it";
	if (!conf->virtual_v4)
		c.addr[TUNNEL_V4] = (struct ipsec_addr){ 0 };
	if (!conf->virtual_v6)
		c.addr[TUNNEL_V6] = (struct ipsec_addr){ 0 };
	if (!c.addr[TUNNEL_V4].family && !c.addr[TUNNEL_V6].family)
		return "the peer's CFG_REPLY has no address of a family that \"virtual-address\" asks for";
	memcpy(x->sa->assigned, c.addr, sizeof(c.addr));
	if (!t)
		return NULL;
	memcpy(t->given, c.addr, sizeof(t->given));
	t->resolv.ndns = c.ndns;
	memcpy(t->resolv.dns, c.dns, sizeof(t->resolv.dns));
	memcpy(t->resolv.domain, c.domain, sizeof(t->resolv.domain));
	return NULL;
}

bool cp_is_refusal(uint16_t error)
{
	return error == IKEV2_N_INTERNAL_ADDRESS_FAILURE || error == IKEV2_N_FAILED_CP_REQUIRED;
}

/* --- responder --- */

static struct pool *pool_of(const struct ike_sa *sa)
{
	return sa->peer->conf.pool[0] ? pool_find(&sa->e->pools, sa->peer->conf.pool) : NULL;
}

static uint16_t refuse(struct exchange *x, uint16_t notify, const char *what, const char *remedy)
{
	char id[CONF_ID_STRLEN];

	report_reason(x->sa, REASON_ADDRESS_FAILURE);
	report_sa(x->sa, LOG_LEVEL_WARNING, ikev2_exchange_name(x->m.h.exchange), "failed", "%s: \"%s\" %s pool \"%s\"%s",
		  ikev2_notify_name(notify), conf_id_format(&x->sa->remote_id, id, sizeof(id)), what,
		  x->sa->peer->conf.pool, remedy);
	return notify;
}

static const uint16_t address_attr[TUNNEL_FAMILIES] = {
	[TUNNEL_V4] = IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS,
	[TUNNEL_V6] = IKEV2_CFG_ATTR_INTERNAL_IP6_ADDRESS,
};
static const uint16_t families[TUNNEL_FAMILIES] = { [TUNNEL_V4] = AF_INET, [TUNNEL_V6] = AF_INET6 };

uint16_t cp_serve(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct pool *pool = pool_of(sa);
	bool wants_child = wire_find(&x->m, IKEV2_PL_SA), given = false, exhausted = false;
	struct cp_content c;
	bool asked = read_cp(&x->m, IKEV2_CFG_REQUEST, &c);

	if (!sa->peer->conf.traffic.remote.assigned)
		return 0;
	if (!asked || !(c.attrs & (BIT(IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS) | BIT(IKEV2_CFG_ATTR_INTERNAL_IP6_ADDRESS))))
		return !wants_child ? 0 : refuse(x, IKEV2_N_FAILED_CP_REQUIRED, "does not ask for an address, and its traffic "
						 "here is for one of", ": it must be configured to ask (strongSwan: vips)");
	for (unsigned f = 0; pool && f < TUNNEL_FAMILIES; f++) {
		if (!(c.attrs & BIT(address_attr[f])) || !pool_has(pool, families[f]))
			continue;
		if (!sa->lease[f])
			sa->lease[f] = lease_take(&sa->e->pools, pool, &sa->remote_id, families[f], &c.addr[f], sa->e->now);
		given = given || sa->lease[f];
		exhausted = exhausted || !sa->lease[f];
	}
	if (given)
		return 0;
	if (exhausted)
		return refuse(x, IKEV2_N_INTERNAL_ADDRESS_FAILURE, "gets no address, as others have all those of",
			      ": \"keydctl pools\" shows who; give it more");
	return refuse(x, IKEV2_N_INTERNAL_ADDRESS_FAILURE, "asks for an address of a family that is not in", "");
}

static void put_subnet(struct wire_out *out, const struct conf_net *net)
{
	uint8_t body[V6_ADDRESS_LEN];

	memcpy(body, net->addr.b, 16);
	if (net->addr.family == AF_INET) {
		uint32_t mask = htonl(net->len ? UINT32_MAX << (32 - net->len) : 0);

		memcpy(body + 4, &mask, sizeof(mask));
		put(out, IKEV2_CFG_ATTR_INTERNAL_IP4_SUBNET, body, V4_SUBNET_LEN);
	} else {
		body[16] = net->len;
		put(out, IKEV2_CFG_ATTR_INTERNAL_IP6_SUBNET, body, V6_ADDRESS_LEN);
	}
}

static void put_supported(struct wire_out *out)
{
	uint8_t body[2 * sizeof(known) / sizeof(known[0])];

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		body[2 * i] = (uint8_t)(known[i] >> 8);
		body[2 * i + 1] = (uint8_t)known[i];
	}
	put(out, IKEV2_CFG_ATTR_SUPPORTED_ATTRIBUTES, body, sizeof(body));
}

/* Name servers of the families that the client has an address of. */
static void put_pool(const struct ike_sa *sa, struct wire_out *out)
{
	const struct conf_pool *pool = NULL;

	for (unsigned f = 0; f < TUNNEL_FAMILIES; f++) {
		if (!sa->lease[f])
			continue;
		pool = &sa->lease[f]->pool->conf;
		put_address(out, &sa->lease[f]->addr, f == TUNNEL_V6);
		for (unsigned i = 0; i < pool->ndns; i++)
			if (pool->dns[i].family == families[f])
				put(out, f == TUNNEL_V6 ? IKEV2_CFG_ATTR_INTERNAL_IP6_DNS : IKEV2_CFG_ATTR_INTERNAL_IP4_DNS,
				    pool->dns[i].b, ipsec_addr_size(families[f]));
	}
	if (pool && pool->domain[0])
		put(out, IKEV2_CFG_ATTR_INTERNAL_DNS_DOMAIN, pool->domain, strlen(pool->domain));
}

/* Which version this is, is told nobody: an empty text says so (3.15.1). */
void cp_put_reply(const struct exchange *x, struct wire_out *out)
{
	const struct conf_nets *nets = &x->sa->peer->conf.traffic.local;
	struct cp_content c;
	size_t mark;

	if (!read_cp(&x->m, IKEV2_CFG_REQUEST, &c))
		return;
	mark = begin(out, IKEV2_CFG_REPLY);
	put_pool(x->sa, out);
	for (unsigned i = 0; i < nets->n; i++)
		if (nets->net[i].addr.family && c.attrs & BIT(nets->net[i].addr.family == AF_INET ? IKEV2_CFG_ATTR_INTERNAL_IP4_SUBNET :
									IKEV2_CFG_ATTR_INTERNAL_IP6_SUBNET))
			put_subnet(out, &nets->net[i]);
	if (c.attrs & BIT(IKEV2_CFG_ATTR_APPLICATION_VERSION))
		put(out, IKEV2_CFG_ATTR_APPLICATION_VERSION, NULL, 0);
	if (c.attrs & BIT(IKEV2_CFG_ATTR_SUPPORTED_ATTRIBUTES))
		put_supported(out);
	wire_payload_end(out, mark);
}
