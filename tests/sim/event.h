/* SPDX-License-Identifier: MIT */
/* What will happen, in the order of its time; what is due at the same moment happens in the order in which it was added. */
#ifndef TESTS_SIM_EVENT_H
#define TESTS_SIM_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* The first member of whatever a kind of event carries. */
struct event {
	uint64_t at, order;
	void (*run)(struct event *ev);
};

struct events {
	struct event **heap;
	size_t n, cap;
	uint64_t order;
};

/* size zeroed bytes that begin with a struct event; freed after run. */
void *event_add(struct events *es, uint64_t at, size_t size, void (*run)(struct event *ev));
/* The next; NULL: nothing will happen. */
const struct event *events_first(const struct events *es);
/* Runs it and frees it. */
void events_run_first(struct events *es);
/* What has not happened never will. */
void events_free(struct events *es);

#endif
