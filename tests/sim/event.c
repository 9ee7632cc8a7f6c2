// SPDX-License-Identifier: MIT
// A heap of events.
#include "tests/sim/event.h"

#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void sift_up(struct events *es, size_t i)
{
	struct event *ev = es->heap[i];

	for (; i && before(ev, es->heap[(i - 1) / 2]); i = (i - 1) / 2)
		es->heap[i] = es->heap[(i - 1) / 2];
	es->heap[i] = ev;
}

static void sift_down(struct events *es, size_t i)
{
	struct event *ev = es->heap[i];

	for (size_t child; (child = 2 * i + 1) < es->n; i = child) {
		if (child + 1 < es->n && before(es->heap[child + 1], es->heap[child]))
			child++;
		if (!before(es->heap[child], ev))
			break;
		es->heap[i] = es->heap[child];
	}
	es->heap[i] = ev;
}

void *event_add(struct events *es, uint64_t at, size_t size, void (*run)(struct event *ev))
{
	struct event *ev = calloc(1, size);

	if (es->n == es->cap) {
		es->cap = es->cap ? 2 * es->cap : 256;
		es->heap = realloc(es->heap, es->cap * sizeof(*es->heap));
	}
	if (!ev || !es->heap)
		abort();
	*ev = (struct event){ .at = at, .order = ++es->order, .run = run };
	es->heap[es->n] = ev;
	sift_up(es, es->n++);
	return ev;
}

const struct event *events_first(const struct events *es)
{
	return es->n ? es->heap[0] : NULL;
}

void events_run_first(struct events *es)
{
	struct event *ev = es->heap[0];

	es->heap[0] = es->heap[--es->n];
	if (es->n)
		sift_down(es, 0);
	ev->run(ev);
	free(ev);
}

void events_free(struct events *es)
{
	while (es->n)
		free(es->heap[--es->n]);
	free(es->heap);
	*es = (struct events){ 0 };
}
