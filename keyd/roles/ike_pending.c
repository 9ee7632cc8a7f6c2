// SPDX-License-Identifier: MIT
// A short list of numbers: answers come in the order of the requests, so the search ends at its first step.
#include "keyd/roles/ike_pending.h"

#include <stdlib.h>
#include <string.h>

void pending_add(struct pending *p, uint32_t id)
{
	unsigned int room = p->room ? 2 * p->room : 64;
	uint32_t *ids = p->ids;

	if (p->n == p->room) {
		ids = reallocarray(p->ids, room, sizeof(*ids));
		if (!ids)
			return;
		p->ids = ids;
		p->room = room;
	}
	ids[p->n++] = id;
}

bool pending_done(struct pending *p, uint32_t id)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->ids[i] != id)
			continue;
		memmove(p->ids + i, p->ids + i + 1, (--p->n - i) * sizeof(*p->ids));
		return true;
	}
	return false;
}

bool pending_take(struct pending *p, uint32_t *id)
{
	if (!p->n)
		return false;
	*id = p->ids[--p->n];
	return true;
}

void pending_free(struct pending *p)
{
	free(p->ids);
	*p = (struct pending){ 0 };
}
