// SPDX-License-Identifier: MIT
// Mode config: addresses and what goes with them, asked for or told (draft-dukes-ike-mode-cfg-02; Cisco's UNITY attributes).
#include "keyd/ikev1/config.h"

#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/ike/report.h"
#include "keyd/ike/tunnel.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char exchange_name[] = "mode config";

#define V6_ADDRESS_LEN 17		/* an address and a prefix length */
#define WHOLE 128
#define TEXT_MAX 300			/* bytes of what a gateway tells people */
#define SPLITS_TOLD 16			/* networks of a gateway's that are logged */

static const uint16_t address_attr[TUNNEL_FAMILIES] = { [TUNNEL_V4] = ISAKMP_CFG_IP4_ADDRESS, [TUNNEL_V6] = ISAKMP_CFG_IP6_ADDRESS };
static const uint16_t dns_attr[TUNNEL_FAMILIES] = { [TUNNEL_V4] = ISAKMP_CFG_IP4_DNS, [TUNNEL_V6] = ISAKMP_CFG_IP6_DNS };
static const uint16_t families[TUNNEL_FAMILIES] = { [TUNNEL_V4] = AF_INET, [TUNNEL_V6] = AF_INET6 };

/* Both of the same length in the short form would be misread: an address always goes in the long one. */
static void put_address(struct wr *w, unsigned f, const struct ipsec_addr *a)
{
	uint8_t body[V6_ADDRESS_LEN];

	memcpy(body, a->b, 16);
	body[16] = WHOLE;
	isakmp_attr_put_bytes(w, address_attr[f], (struct view){ body, !a->family ? 0 : f == TUNNEL_V6 ? V6_ADDRESS_LEN : 4 });
}

/* --- what a gateway tells --- */

struct told {
	struct ipsec_addr addr[TUNNEL_FAMILIES];
	uint8_t ndns;
	struct ipsec_addr dns[ENGINE_DNS_MAX];
	char domain[CONF_DOMAIN_MAX];
};

static void plain(struct view v, char text[TEXT_MAX])
{
	size_t n = v.n < TEXT_MAX - 1 ? v.n : TEXT_MAX - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = v.p[i] >= ' ' && v.p[i] <= '~' ? (char)v.p[i] : v.p[i] == '\n' || v.p[i] == '\r' ? ' ' : '?';
	text[n] = 0;
}

static void tell_text(struct ike_sa *sa, const char *what, struct view v)
{
	char text[TEXT_MAX];

	plain(v, text);
	if (v.n)
		report_sa(sa, LOG_LEVEL_NOTICE, exchange_name, what, "the gateway says: \"%s\"", text);
}

/*
 * Who says no "traffic" wants what the gateway lets through, and that is this. IKEv1 has one network for a child, so of
 * several none is taken.
 */
static void narrow(struct ike_sa *sa, struct view v)
{
	const struct conf_peer *conf = &sa->peer->conf;
	struct rd r = rd_of_view(v);
	struct isakmp_split s, other;
	struct conf_net net = { .len = 0 };
	uint32_t mask;

	if (conf->at[CONF_STMT_TRAFFIC].line || !conf->traffic.local.assigned || !isakmp_split_next(&r, &s) ||
	    isakmp_split_next(&r, &other))
		return;
	memcpy(&mask, s.mask, sizeof(mask));
	mask = ntohl(mask);
	if ((mask & (~mask >> 1)) || ipsec_addr_from_bytes(&net.addr, s.addr, sizeof(s.addr)))
		return;
	net.len = (uint8_t)__builtin_popcount(mask);
	net.addr.v4.s_addr &= htonl(mask);
	sa->narrowed = net;
}

static void tell_splits(struct ike_sa *sa, struct view v)
{
	struct rd r = rd_of_view(v);
	char text[TEXT_MAX] = "", a[INET_ADDRSTRLEN], m[INET_ADDRSTRLEN];
	struct isakmp_split s;
	size_t n = 0;

	for (unsigned i = 0; i < SPLITS_TOLD && isakmp_split_next(&r, &s) && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s/%s", i ? ", " : "",
				      inet_ntop(AF_INET, s.addr, a, sizeof(a)), inet_ntop(AF_INET, s.mask, m, sizeof(m)));
	narrow(sa, v);
	if (n)
		report_sa(sa, LOG_LEVEL_INFO, exchange_name, "networks", "behind the gateway, as it says, are %s; %s",
			  text, sa->narrowed.addr.family ? "the tunnel is for this, as its section has no \"traffic\"" :
							   "\"traffic\" in its section decides");
}

static void take_address(struct ipsec_addr *to, struct view v, unsigned f)
{
	size_t len = ipsec_addr_size(families[f]);

	if (!to->family && (v.n == len || (f == TUNNEL_V6 && v.n == V6_ADDRESS_LEN)) &&
	    !ipsec_addr_from_bytes(to, v.p, len) && ipsec_addr_is_any(to))
		*to = (struct ipsec_addr){ 0 };
}

static void take_dns(struct told *t, struct view v, unsigned f)
{
	if (v.n == ipsec_addr_size(families[f]) && t->ndns < ENGINE_DNS_MAX && !ipsec_addr_from_bytes(&t->dns[t->ndns], v.p, v.n) &&
	    !ipsec_addr_is_any(&t->dns[t->ndns]))
		t->ndns++;
}

static void take_domain(struct told *t, struct view v)
{
	char name[CONF_DOMAIN_MAX] = "";

	while (v.n && !v.p[v.n - 1])
		v.n--;
	if (!v.n || v.n >= sizeof(name) || t->domain[0])
		return;
	memcpy(name, v.p, v.n);
	if (conf_domain_ok(name, v.n))
		memcpy(t->domain, name, sizeof(name));
}

static void read_told(struct ike_sa *sa, const struct isakmp_cfg *c, struct told *t)
{
	struct rd r = rd_of_view(c->attrs);
	struct isakmp_attr a;

	memset(t, 0, sizeof(*t));
	while (isakmp_attr_next(&r, &a)) {
		switch (a.type) {
		case ISAKMP_CFG_IP4_ADDRESS: take_address(&t->addr[TUNNEL_V4], a.value, TUNNEL_V4); break;
		case ISAKMP_CFG_IP6_ADDRESS: take_address(&t->addr[TUNNEL_V6], a.value, TUNNEL_V6); break;
		case ISAKMP_CFG_IP4_DNS: take_dns(t, a.value, TUNNEL_V4); break;
		case ISAKMP_CFG_IP6_DNS: take_dns(t, a.value, TUNNEL_V6); break;
		case ISAKMP_CFG_UNITY_DEF_DOMAIN: take_domain(t, a.value); break;
		case ISAKMP_CFG_UNITY_BANNER: tell_text(sa, "banner", a.value); break;
		case ISAKMP_CFG_UNITY_SPLIT_INCLUDE: tell_splits(sa, a.value); break;
		default: break;
		}
	}
}

/* NULL, or why it will not do. */
static const char *take(struct ike_sa *sa, const struct isakmp_cfg *c)
{
	const struct conf_peer *conf = &sa->peer->conf;
	struct tunnel *t = tunnel_of(sa);
	struct told told;

	read_told(sa, c, &told);
	if (!conf->virtual_v4)
		told.addr[TUNNEL_V4] = (struct ipsec_addr){ 0 };
	if (!conf->virtual_v6)
		told.addr[TUNNEL_V6] = (struct ipsec_addr){ 0 };
	if (!told.addr[TUNNEL_V4].family && !told.addr[TUNNEL_V6].family)
		return "the gateway assigns no address of a family that \"virtual-address\" asks for";
	memcpy(sa->assigned, told.addr, sizeof(told.addr));
	if (!t)
		return NULL;
	memcpy(t->given, told.addr, sizeof(t->given));
	t->resolv.ndns = told.ndns;
	memcpy(t->resolv.dns, told.dns, sizeof(t->resolv.dns));
	memcpy(t->resolv.domain, told.domain, sizeof(t->resolv.domain));
	return NULL;
}

static void no_address(struct ike_sa *sa, const char *why)
{
	struct tunnel *t = tunnel_of(sa);

	if (t)
		tunnel_pause(t);
	v1_config_fail(sa, REASON_ADDRESS_FAILURE, why);
}

/* --- client, asking --- */

static bool ask_build(struct exchange *x, struct wire_out *out)
{
	static const uint16_t more[] = { ISAKMP_CFG_UNITY_BANNER, ISAKMP_CFG_UNITY_DEF_DOMAIN, ISAKMP_CFG_UNITY_SPLIT_INCLUDE };
	size_t mark = v1_config_open(out, ISAKMP_CFG_REQUEST, x->sa->v1->config.identifier);
	const struct conf_peer *conf = &x->sa->peer->conf;
	const bool wants[TUNNEL_FAMILIES] = { [TUNNEL_V4] = conf->virtual_v4, [TUNNEL_V6] = conf->virtual_v6 };
	const struct tunnel *t = tunnel_of(x->sa);
	static const struct ipsec_addr any;

	for (unsigned f = 0; f < TUNNEL_FAMILIES; f++) {
		if (!wants[f])
			continue;
		put_address(&out->w, f, t ? &t->given[f] : &any);
		if (f == TUNNEL_V4)
			isakmp_attr_put_bytes(&out->w, ISAKMP_CFG_IP4_NETMASK, (struct view){ 0 });
		isakmp_attr_put_bytes(&out->w, dns_attr[f], (struct view){ 0 });
	}
	for (unsigned i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		isakmp_attr_put_bytes(&out->w, more[i], (struct view){ 0 });
	wire_payload_end(out, mark);
	return true;
}

static void ask_answer(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	const char *why = "the gateway's answer to mode config is none";
	struct isakmp_cfg c;

	if (v1_config_get(x, &c) && c.type == ISAKMP_CFG_REPLY)
		why = take(sa, &c);
	exchange_done(x);
	if (why)
		no_address(sa, why);
	else
		v1_config_done(sa, V1_AWAITS_ADDRESS);
}

static void ask_silent(struct exchange *x)
{
	report_reason(x->sa, REASON_ADDRESS_FAILURE);
	ike_sa_end(x->sa, "the gateway does not answer mode config: it may tell addresses unasked (\"mode-config push\"), or assign none");
}

const struct exchange_ops v1_address_ask_ops = {
	.name = "mode config request", .type = ISAKMP_EXCH_TRANSACTION, .of_this_sa = true, .build = ask_build, .answer = ask_answer,
	.silent = ask_silent,
};

/* --- gateway --- */

/* What a client asks for. */
struct wish {
	bool address[TUNNEL_FAMILIES], dns, domain, split, banner, version;
	struct ipsec_addr addr[TUNNEL_FAMILIES];
};

static void read_wish(const struct isakmp_cfg *c, struct wish *w)
{
	struct rd r = rd_of_view(c->attrs);
	struct isakmp_attr a;

	memset(w, 0, sizeof(*w));
	while (isakmp_attr_next(&r, &a)) {
		for (unsigned f = 0; f < TUNNEL_FAMILIES; f++) {
			w->address[f] = w->address[f] || a.type == address_attr[f];
			w->dns = w->dns || a.type == dns_attr[f];
			if (a.type == address_attr[f])
				take_address(&w->addr[f], a.value, f);
		}
		w->domain = w->domain || a.type == ISAKMP_CFG_UNITY_DEF_DOMAIN;
		w->banner = w->banner || a.type == ISAKMP_CFG_UNITY_BANNER;
		w->split = w->split || a.type == ISAKMP_CFG_UNITY_SPLIT_INCLUDE;
		w->version = w->version || a.type == ISAKMP_CFG_APPLICATION_VERSION;
	}
}

/* Leases for what is asked for. False: there is none (logged). */
static bool lend(struct ike_sa *sa, const struct wish *w)
{
	const struct conf_peer *conf = &sa->peer->conf;
	struct pool *pool = conf->pool[0] && conf->traffic.remote.assigned ?
			    pool_find(&sa->e->pools, conf->pool) : NULL;
	char id[CONF_ID_STRLEN];
	bool given = false;

	for (unsigned f = 0; pool && f < TUNNEL_FAMILIES; f++) {
		if (!w->address[f] || !pool_has(pool, families[f]))
			continue;
		if (!sa->lease[f])
			sa->lease[f] = lease_take(&sa->e->pools, pool, &sa->remote_id, families[f], &w->addr[f],
						  sa->e->now);
		given = given || sa->lease[f];
	}
	ike_sa_touch(sa);
	if (!given)
		report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "\"%s\" gets no address: %s",
			  conf_id_format(&sa->remote_id, id, sizeof(id)),
			  pool ? "others have all those of the pool, or it has none of that family (\"keydctl pools\")" :
				 "its section has no \"pool\", and no traffic to \"assigned\"");
	return given;
}

static void put_splits(const struct ike_sa *sa, struct wr *w)
{
	const struct conf_nets *nets = &sa->peer->conf.traffic.local;
	uint8_t buf[CONF_NETS_MAX * 14];
	struct wr list = wr_of(buf, sizeof(buf));

	for (unsigned i = 0; i < nets->n; i++) {
		struct isakmp_split s;
		uint32_t mask = htonl(nets->net[i].len ? UINT32_MAX << (32 - nets->net[i].len) : 0);

		if (nets->net[i].addr.family != AF_INET || !nets->net[i].len)
			continue;
		memcpy(s.addr, nets->net[i].addr.b, sizeof(s.addr));
		memcpy(s.mask, &mask, sizeof(s.mask));
		isakmp_split_put(&list, &s);
	}
	if (list.len)
		isakmp_attr_put_bytes(w, ISAKMP_CFG_UNITY_SPLIT_INCLUDE, wr_view(&list));
}

static void put_lease(const struct ike_sa *sa, const struct wish *wish, struct wr *w)
{
	static const uint8_t whole[4] = { 255, 255, 255, 255 };
	const struct conf_pool *pool = NULL;

	for (unsigned f = 0; f < TUNNEL_FAMILIES; f++) {
		if (!sa->lease[f])
			continue;
		pool = &sa->lease[f]->pool->conf;
		put_address(w, f, &sa->lease[f]->addr);
		if (f == TUNNEL_V4)
			isakmp_attr_put_bytes(w, ISAKMP_CFG_IP4_NETMASK, (struct view){ whole, sizeof(whole) });
		for (unsigned i = 0; wish->dns && i < pool->ndns; i++)
			if (pool->dns[i].family == families[f])
				isakmp_attr_put_bytes(w, dns_attr[f], (struct view){ pool->dns[i].b, ipsec_addr_size(families[f]) });
	}
	if (wish->domain && pool && pool->domain[0])
		isakmp_attr_put_bytes(w, ISAKMP_CFG_UNITY_DEF_DOMAIN, (struct view){ (const uint8_t *)pool->domain, strlen(pool->domain) });
	if (wish->banner && pool && pool->banner[0])
		isakmp_attr_put_bytes(w, ISAKMP_CFG_UNITY_BANNER, (struct view){ (const uint8_t *)pool->banner, strlen(pool->banner) });
	if (wish->split)
		put_splits(sa, w);
	if (wish->version)
		isakmp_attr_put_bytes(w, ISAKMP_CFG_APPLICATION_VERSION, (struct view){ 0 });
}

static const struct wish everything = { .address = { true, true }, .dns = true, .domain = true, .split = true, .banner = true };

static bool set_build(struct exchange *x, struct wire_out *out)
{
	size_t mark = v1_config_open(out, ISAKMP_CFG_SET, x->sa->v1->config.identifier);

	put_lease(x->sa, &everything, &out->w);
	wire_payload_end(out, mark);
	return true;
}

bool v1_address_lend(struct ike_sa *sa)
{
	return lend(sa, &everything);
}

static void set_answer(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	exchange_done(x);
	v1_config_done(sa, V1_AWAITS_ADDRESS);
}

const struct exchange_ops v1_address_set_ops = {
	.name = "mode config set", .type = ISAKMP_EXCH_TRANSACTION, .of_this_sa = true, .build = set_build, .answer = set_answer,
};

/* --- the peer's --- */

static void serve_request(struct exchange *x, const struct isakmp_cfg *c)
{
	uint8_t buf[V1_CONFIG_ATTRS_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct ike_sa *sa = x->sa;
	struct wish wish;

	read_wish(c, &wish);
	/* Nobody gets an address before the password was looked at. */
	if (!(sa->v1->config.awaits & V1_AWAITS_LOGIN) && (wish.address[TUNNEL_V4] || wish.address[TUNNEL_V6]) && lend(sa, &wish))
		put_lease(sa, &wish, &w);
	v1_config_reply(x, ISAKMP_CFG_REPLY, wr_view(&w));
}

/* Each is acknowledged without its value (3.3). */
static void serve_set(struct exchange *x, const struct isakmp_cfg *c)
{
	struct ike_sa *sa = x->sa;
	bool awaited = sa->v1->config.awaits == V1_AWAITS_ADDRESS && sa->peer->conf.virtual_interface[0];
	const char *why = awaited ? take(sa, c) : NULL;
	uint8_t buf[V1_CONFIG_ATTRS_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r = rd_of_view(c->attrs);
	struct isakmp_attr a;

	while (awaited && isakmp_attr_next(&r, &a))
		isakmp_attr_put_bytes(&w, a.type, (struct view){ 0 });
	v1_config_reply(x, ISAKMP_CFG_ACK, wr_ok(&w) ? wr_view(&w) : (struct view){ 0 });
	if (why)
		no_address(sa, why);
	else if (awaited)
		v1_config_done(sa, V1_AWAITS_ADDRESS);
}

void v1_address_serve(struct exchange *x, const struct isakmp_cfg *c)
{
	if (c->type == ISAKMP_CFG_SET)
		serve_set(x, c);
	else
		serve_request(x, c);
}
