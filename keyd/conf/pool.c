// SPDX-License-Identifier: MIT
// Pools: addresses for peers that ask for one, and which peer gets them from where.
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool pool_name_ok(const struct conf_word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if ((unsigned char)w->s[i] <= 0x20 || w->s[i] == 0x7f)
			return false;
	return w->n && w->n < CONF_NAME_MAX;
}

void conf_pool_begin(struct conf_parser *p, const struct conf_word *name)
{
	for (unsigned i = CONF_STMT_PEER_END; i < CONF_STMT_POOL_END; i++)
		p->seen[i].line = 0;
	p->pool = (struct conf_pool){ 0 };
	p->pool_at = name->at;
	p->pool_has_range = false;
	if (pool_name_ok(name))
		memcpy(p->pool.name, name->s, name->n + 1);
	else
		conf_err(p, &name->at, "a pool has a name of 1 to %u printable bytes without blanks", CONF_NAME_MAX - 1);
}

static bool range_parse(const char *text, struct conf_range *r)
{
	char first[IPSEC_ADDR_STRLEN];
	const char *dash = strchr(text, '-');
	struct ipsec_addr net;
	uint8_t len;

	*r = (struct conf_range){ 0 };
	if (dash) {
		if ((size_t)(dash - text) >= sizeof(first))
			return false;
		memcpy(first, text, (size_t)(dash - text));
		first[dash - text] = 0;
		return !ipsec_addr_parse(&r->first, first) && !ipsec_addr_parse(&r->last, dash + 1) &&
		       r->first.family == r->last.family && ipsec_addr_cmp(&r->first, &r->last) <= 0;
	}
	if (!strchr(text, '/'))
		return !ipsec_addr_parse(&r->first, text) && !ipsec_addr_parse(&r->last, text);
	if (!conf_remote_parse(text, &net, &len) || len == UINT8_MAX || !len)
		return false;
	ipsec_addr_prefix_range(&net, len, &r->first, &r->last);
	r->len = len;
	return ipsec_addr_equal(&net, &r->first);
}

/* Two clients must not get one address. */
static const char *range_taken(const struct conf *c, const struct conf_pool *own, const struct conf_range *r)
{
	for (unsigned i = 0; i <= c->npools; i++) {
		const struct conf_pool *pool = i < c->npools ? &c->pools[i] : own;

		for (unsigned k = 0; k < pool->nranges; k++)
			if (pool->range[k].first.family == r->first.family &&
			    ipsec_addr_cmp(&pool->range[k].first, &r->last) <= 0 &&
			    ipsec_addr_cmp(&r->first, &pool->range[k].last) <= 0)
				return pool->name;
	}
	return NULL;
}

void conf_do_range(struct conf_parser *p, const struct conf_word *w)
{
	struct conf_range r;
	const char *taken;

	p->pool_has_range = true;
	if (strlen(w->s) != w->n || !range_parse(w->s, &r)) {
		conf_err(p, &w->at, "'%s' is no network such as 10.3.0.0/24, nor a range such as 10.3.0.10-10.3.0.99", w->s);
		return;
	}
	taken = range_taken(p->conf, &p->pool, &r);
	if (taken)
		conf_err(p, &w->at, "%s shares addresses with what pool '%s' has already", w->s, taken);
	else if (p->pool.nranges == CONF_RANGES_MAX)
		conf_err(p, &w->at, "more than %u networks or ranges in one pool", CONF_RANGES_MAX);
	else
		p->pool.range[p->pool.nranges++] = r;
}

void conf_do_dns(struct conf_parser *p, const struct conf_word *w)
{
	struct ipsec_addr a;

	if (!conf_address(p, w, &a))
		return;
	if (p->pool.ndns == CONF_DNS_MAX)
		conf_err(p, &w->at, "more than %u name servers", CONF_DNS_MAX);
	else
		p->pool.dns[p->pool.ndns++] = a;
}

void conf_do_except(struct conf_parser *p, const struct conf_word *w)
{
	struct ipsec_addr a;

	if (!conf_address(p, w, &a))
		return;
	if (p->pool.nexcept == CONF_EXCEPT_MAX)
		conf_err(p, &w->at, "more than %u exceptions; a range such as 10.3.0.10-10.3.0.99 leaves out more", CONF_EXCEPT_MAX);
	else
		p->pool.except[p->pool.nexcept++] = a;
}

/* Lines and printable text, which clients show as they are. */
static void set_banner(struct conf_parser *p, const struct conf_where *at, const char *s, size_t n)
{
	if (n >= sizeof(p->pool.banner) || memchr(s, 0, n))
		conf_err(p, at, "a banner has at most %u bytes, and no NUL", CONF_BANNER_MAX - 1);
	else
		memcpy(p->pool.banner, s, n);
}

void conf_do_banner(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_BANNER, w))
		set_banner(p, &w->at, w->s, w->n);
}

void conf_do_banner_file(struct conf_parser *p, const struct conf_word *w)
{
	const char *name = conf_once(p, CONF_STMT_BANNER, w) ? conf_file_name(p, w) : NULL;
	struct conf_file f;
	char why[256];
	int r;

	if (!name)
		return;
	r = conf_file_read(&f, name, CONF_BANNER_MAX, why, sizeof(why));
	if (r < 0) {
		conf_err(p, &w->at, "'%s' %s", name, why);
		p->error = r;
		return;
	}
	set_banner(p, &w->at, f.text, f.n);
	conf_file_clear(&f);
}

void conf_do_domain(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_DOMAIN, w))
		return;
	if (conf_domain_ok(w->s, w->n))
		memcpy(p->pool.domain, w->s, w->n + 1);
	else
		conf_err(p, &w->at, "'%s' is not the name of a domain", w->s);
}

static struct conf_pool *pool_by_name(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->npools; i++)
		if (!strcmp(c->pools[i].name, name))
			return &c->pools[i];
	return NULL;
}

void conf_pool_end(struct conf_parser *p)
{
	struct conf *c = p->conf;
	struct conf_pool *other = pool_by_name(c, p->pool.name);

	if (!p->pool.name[0])
		return;			/* said already */
	if (!p->pool_has_range)
		conf_err(p, &p->pool_at, "pool '%s' has no addresses: a line such as 'address 10.3.0.0/24' is missing", p->pool.name);
	if (other) {
		conf_err(p, &p->pool_at, "pool '%s' stands at %s:%u already", p->pool.name, p->pools_at[other - c->pools].file,
			 p->pools_at[other - c->pools].line);
		return;
	}
	if (c->npools == CONF_POOLS_MAX) {
		conf_err(p, &p->pool_at, "more than %u pools", CONF_POOLS_MAX);
		return;
	}
	other = reallocarray(c->pools, c->npools + 1, sizeof(*other));
	if (!other) {
		conf_err(p, &p->pool_at, "out of memory");
		p->error = -ENOMEM;
		return;
	}
	c->pools = other;
	p->pools_at[c->npools] = p->pool_at;
	c->pools[c->npools++] = p->pool;
}

void conf_do_pool(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_POOL, w))
		return;
	if (pool_name_ok(w))
		strncpy(p->peer.pool, w->s, sizeof(p->peer.pool) - 1);	/* fills up with NULs */
	else
		conf_err(p, &w->at, "'%s' is no name of a pool", w->s);
}

/* A pool may stand behind the peers that use it. */
void conf_pools_check(struct conf_parser *p)
{
	for (unsigned i = 0; i < p->conf->npeers; i++) {
		const struct conf_peer *peer = &p->conf->peers[i];

		if (peer->pool[0] && !pool_by_name(p->conf, peer->pool))
			conf_err(p, &p->peers_at[i], "peer '%s': there is no pool '%s'", peer->name, peer->pool);
	}
}
