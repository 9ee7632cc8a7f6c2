// SPDX-License-Identifier: MIT
// Pools of a draft: addresses as keyd takes them, each in one pool only.
#include "keyd/import/draft.h"

#include "keyd/conf/parser.h"

#include <string.h>

/* A network, with what lies beyond its length cut off, a range, or an address. */
static bool range_of(struct draft *d, const char *text, struct draft_range *r)
{
	const char *dash = strchr(text, '-');
	uint8_t len;

	if (dash) {
		if (ipsec_addr_parse(&r->first, draft_text(d, "%.*s", (int)(dash - text), text)) ||
		    ipsec_addr_parse(&r->last, dash + 1))
			return false;
		r->text = text;
		return r->first.family == r->last.family && ipsec_addr_cmp(&r->first, &r->last) <= 0;
	}
	if (!conf_remote_parse(text, &r->first, &len) || len == UINT8_MAX || !len)
		return false;
	ipsec_addr_prefix_range(&r->first, len, &r->first, &r->last);
	r->text = draft_net_text(d, &(struct draft_net){ .addr = r->first, .len = len }, false);
	if (!strchr(r->text, '/'))
		r->text = draft_text(d, "%s-%s", r->text, r->text);
	return true;
}

static bool has_some(const struct draft_pool *p, const struct draft_range *r)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->range[i].first.family == r->first.family && ipsec_addr_cmp(&p->range[i].first, &r->last) <= 0 &&
		    ipsec_addr_cmp(&r->first, &p->range[i].last) <= 0)
			return true;
	return false;
}

/* The pool that has addresses of these already. */
static struct draft_pool *taken(const struct draft *d, const struct draft_range *r)
{
	struct draft_pool *p = d->pools;

	while (p && !has_some(p, r))
		p = p->next;
	return p;
}

/* keyd has names of pools without blanks. */
static const char *pool_name(struct draft *d, const char *wanted)
{
	char name[CONF_NAME_MAX - 8];
	const char *with;

	snprintf(name, sizeof(name), "%s", wanted);
	for (char *c = name; *c; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '"' || *c == '\\')
			*c = '-';
	with = draft_text(d, "%s", name);
	for (const struct draft_pool *p = d->pools; p; p = p->next)
		if (!strcmp(p->name, with))
			return draft_text(d, "%s-%u", name, d->npools + 1);
	return with;
}

struct draft_pool *draft_pool_add(struct draft *d, struct draft_peer *peer, struct import_at at, const char *name,
				  const char *addresses)
{
	struct draft_pool pool = { .n = 0 }, **end = &d->pools, *p;
	char *copy = (char *)draft_text(d, "%s", addresses), *save = NULL;

	for (char *one = *copy ? strtok_r(copy, ", \t", &save) : NULL; one; one = strtok_r(NULL, ", \t", &save)) {
		if (pool.n == CONF_RANGES_MAX || !range_of(d, one, &pool.range[pool.n]) ||
		    has_some(&pool, &pool.range[pool.n])) {
			draft_note(d, peer, IMPORT_NOT, at,
				   "addresses from '%s': keyd has pools of its own only: "
				   "'pool NAME { address 10.3.0.0/24 }'", one);
			return NULL;
		}
		p = taken(d, &pool.range[pool.n++]);
		if (p) {
			draft_note(d, peer, IMPORT_CHOICE, at,
				   "the pool \"%s\" has addresses of these already, and serves here, too", p->name);
			return p;
		}
	}
	if (!pool.n || d->npools == CONF_POOLS_MAX) {
		draft_note(d, peer, IMPORT_NOT, at, pool.n ? "keyd takes %u pools at most" : "a pool without addresses",
			   CONF_POOLS_MAX);
		return NULL;
	}
	pool.name = pool_name(d, name);
	p = draft_keep(d, sizeof(*p));
	if (!p)
		return NULL;
	while (*end)
		end = &(*end)->next;
	*p = pool;
	p->at = at;
	*end = p;
	d->npools++;
	return p;
}
