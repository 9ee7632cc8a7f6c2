/* SPDX-License-Identifier: MIT */
/* What a daemon gives its parent to keep (engine_hooks.keep), and the next one gets. */
#ifndef TESTS_SIM_RECORDS_H
#define TESTS_SIM_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct records {
	struct record {
		uint64_t id;
		size_t n, next_n;	/* 0: there is none */
		uint8_t *bytes, *next;
		bool changed;		/* next will count */
	} *list;
	size_t n;
	unsigned commits;
};

void records_keep(struct records *r, uint64_t id, const void *record, size_t n);
/* What has been given since the last time counts from now on. */
void records_commit(struct records *r);
/* What does not count yet never will. */
void records_roll_back(struct records *r);
void records_free(struct records *r);

#endif
