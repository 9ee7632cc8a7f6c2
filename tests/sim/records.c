// SPDX-License-Identifier: MIT
// Records that outlive a daemon.
#include "tests/sim/records.h"

#include <stdlib.h>
#include <string.h>

static struct record *of(struct records *r, uint64_t id)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].id == id)
			return &r->list[i];
	r->list = realloc(r->list, (r->n + 1) * sizeof(*r->list));
	if (!r->list)
		abort();
	r->list[r->n] = (struct record){ .id = id };
	return &r->list[r->n++];
}

void records_keep(struct records *r, uint64_t id, const void *record, size_t n)
{
	struct record *to = of(r, id);

	free(to->next);
	to->next = n ? malloc(n) : NULL;
	if (n && !to->next)
		abort();
	if (n)
		memcpy(to->next, record, n);
	to->next_n = n;
	to->changed = true;
}

void records_commit(struct records *r)
{
	size_t kept = 0;

	r->commits++;
	for (size_t i = 0; i < r->n; i++) {
		struct record *e = &r->list[i];

		if (e->changed) {
			free(e->bytes);
			e->bytes = e->next;
			e->n = e->next_n;
			e->next = NULL;
			e->changed = false;
		}
		if (e->n)
			r->list[kept++] = *e;
	}
	r->n = kept;
}

void records_roll_back(struct records *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->list[i].next);
		r->list[i].next = NULL;
		r->list[i].changed = false;
	}
}

void records_free(struct records *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->list[i].bytes);
		free(r->list[i].next);
	}
	free(r->list);
	*r = (struct records){ 0 };
}
