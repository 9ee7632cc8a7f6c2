// SPDX-License-Identifier: MIT
/* Finding reqids for a whole script: one look at the SPD for all of them, and none that the script itself names. */
#include "setkey/apply/reqids.h"

#include <stdlib.h>

#define CHOSEN_MIN 0x4000	/* ipsec_reqid_alloc gives none below, so a number below cannot collide */

struct numbers {
	uint32_t *v;
	size_t n, size;
};

static int add(struct numbers *list, uint32_t v)
{
	if (list->n == list->size) {
		size_t size = list->size ? list->size * 2 : 64;
		uint32_t *more = reallocarray(list->v, size, sizeof(*more));

		if (!more)
			return -1;
		list->v = more;
		list->size = size;
	}
	list->v[list->n++] = v;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Counts what is wanted, and collects what is written out. */
static int look(const struct statement *st, struct numbers *named, size_t *wanted)
{
	bool asks = st->policy && st->command != CMD_SPDDELETE;

	if (st->sa && st->sa->reqid >= CHOSEN_MIN && add(named, st->sa->reqid))
		return -1;
	for (unsigned int i = 0; asks && i < st->policy->nrules; i++) {
		const struct rule_spec *rule = &st->policy->rules[i];

		*wanted += rule->level == LEVEL_UNIQUE && !rule->reqid;
		if (rule->reqid >= CHOSEN_MIN && add(named, rule->reqid))
			return -1;
	}
	return 0;
}

void reqids_reserve(struct reqids *r, struct ipsec *ip, const struct script *sc)
{
	struct numbers named = { 0 };
	size_t wanted = 0, got = 0;
	uint32_t *ids = NULL;

	for (const struct statement *st = sc->first; st; st = st->next)
		if (look(st, &named, &wanted))
			goto out;
	/* With so many more, enough are left when the named ones are taken out. */
	ids = wanted ? calloc(wanted + named.n, sizeof(*ids)) : NULL;
	if (!ids || ipsec_reqid_alloc(ip, ids, wanted + named.n))
		goto out;
	if (named.n)
		qsort(named.v, named.n, sizeof(named.v[0]), compare);
	for (size_t i = 0; i < wanted + named.n; i++)
		if (!named.n || !bsearch(&ids[i], named.v, named.n, sizeof(named.v[0]), compare))
			ids[got++] = ids[i];
	reqids_clear(r);
	*r = (struct reqids){ .free = ids, .n = got };
	ids = NULL;
out:
	free(ids);
	free(named.v);
}

int reqids_take(struct reqids *r, struct ipsec *ip, uint32_t *reqid)
{
	if (r->next == r->n)
		return ipsec_reqid_alloc(ip, reqid, 1);
	*reqid = r->free[r->next++];
	return 0;
}

void reqids_clear(struct reqids *r)
{
	free(r->free);
	*r = (struct reqids){ 0 };
}
