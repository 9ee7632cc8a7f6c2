// SPDX-License-Identifier: MIT
// Binary heap of timers.
#include "keyd/ike/timer.h"

#include <stdlib.h>

static void place(struct timers *ts, struct timer *t, size_t pos)
{
	ts->heap[pos] = t;
	t->pos = pos;
}

static void sift_up(struct timers *ts, struct timer *t, size_t pos)
{
	for (; pos > 1 && ts->heap[pos / 2]->at > t->at; pos /= 2)
		place(ts, ts->heap[pos / 2], pos);
	place(ts, t, pos);
}

static void sift_down(struct timers *ts, struct timer *t, size_t pos)
{
	for (size_t child = pos * 2; child <= ts->n; child = pos * 2) {
		if (child < ts->n && ts->heap[child + 1]->at < ts->heap[child]->at)
			child++;
		if (t->at <= ts->heap[child]->at)
			break;
		place(ts, ts->heap[child], pos);
		pos = child;
	}
	place(ts, t, pos);
}

static int timers_grow(struct timers *ts)
{
	size_t cap = ts->cap ? ts->cap * 2 : 64;
	struct timer **heap = realloc(ts->heap, cap * sizeof(*heap));

	if (!heap)
		return -1;
	ts->heap = heap;
	ts->cap = cap;
	return 0;
}

void timers_free(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers){ 0 };
}

int timer_set(struct timers *ts, struct timer *t, uint64_t at, void (*fn)(struct timer *t))
{
	timer_cancel(ts, t);
	if (ts->n + 1 >= ts->cap && timers_grow(ts))
		return -1;
	t->at = at;
	t->fn = fn;
	sift_up(ts, t, ++ts->n);
	return 0;
}

void timer_cancel(struct timers *ts, struct timer *t)
{
	struct timer *last;
	size_t pos = t->pos;

	if (!pos)
		return;
	t->pos = 0;
	last = ts->heap[ts->n--];
	if (last == t)
		return;
	if (pos > 1 && ts->heap[pos / 2]->at > last->at)
		sift_up(ts, last, pos);
	else
		sift_down(ts, last, pos);
}

struct timer *timers_first(const struct timers *ts)
{
	return ts->n ? ts->heap[1] : NULL;
}
