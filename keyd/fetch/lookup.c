// SPDX-License-Identifier: MIT
// Names of peers that are being looked up.
#include "keyd/fetch/lookup.h"

#include "keyd/util/list.h"

#include <stdlib.h>

struct lookups {
	struct names *names;
	struct list all;
	lookup_fn *fn;
	void *arg;
};

struct lookup {
	struct list link;
	struct lookups *l;
	uint32_t id;
	struct names_question *question;
};

static void lookup_free(struct lookup *q)
{
	list_del(&q->link);
	free(q);
}

static void on_names(void *arg, const struct names_answer *answer)
{
	struct lookup *q = arg;
	struct lookups *l = q->l;
	uint32_t id = q->id;

	lookup_free(q);
	l->fn(l->arg, id, answer);
}

struct lookups *lookups_new(struct names *n, lookup_fn *fn, void *arg)
{
	struct lookups *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct lookups){ .names = n, .fn = fn, .arg = arg };
	list_init(&l->all);
	return l;
}

void lookups_free(struct lookups *l)
{
	if (!l)
		return;
	list_each(q, &l->all, struct lookup, link) {
		names_cancel(q->question);
		lookup_free(q);
	}
	free(l);
}

bool lookups_ask(struct lookups *l, uint32_t id, const char *host)
{
	struct lookup *q = calloc(1, sizeof(*q));

	if (!q)
		return false;
	q->l = l;
	q->id = id;
	list_add_tail(&l->all, &q->link);
	q->question = names_ask(l->names, host, on_names, q);
	if (q->question)
		return true;
	lookup_free(q);
	return false;
}
