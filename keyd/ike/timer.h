/* SPDX-License-Identifier: MIT */
/* Timers of one engine: a heap over simulated or real microseconds. */
#ifndef KEYD_IKE_TIMER_H
#define KEYD_IKE_TIMER_H

#include <stddef.h>
#include <stdint.h>

#define SECONDS(n) ((uint64_t)(n) * 1000000)
#define MILLISECONDS(n) ((uint64_t)(n) * 1000)

/* Part of whatever it belongs to; fn finds that by container_of. Zero-initialised it is not armed. */
struct timer {
	uint64_t at;
	size_t pos;			/* place in the heap, from 1; 0: not armed */
	void (*fn)(struct timer *t);
};

struct timers {
	struct timer **heap;		/* heap[0] is not used */
	size_t n, cap;
};

void timers_free(struct timers *ts);
/* Arms t, or moves it. Without memory t stays unarmed and -1 comes back. */
int timer_set(struct timers *ts, struct timer *t, uint64_t at, void (*fn)(struct timer *t));
void timer_cancel(struct timers *ts, struct timer *t);
/* The earliest, or NULL. */
struct timer *timers_first(const struct timers *ts);

#endif
