/* SPDX-License-Identifier: MIT */
/*
 * Requests for signatures, which cost, in the order in which they are served: of each source one after the other, and the
 * sources in turns, so that a burst from one holds nobody else up.
 */
#ifndef KEYD_AUTH_QUEUE_H
#define KEYD_AUTH_QUEUE_H

#include "keyd/conf/conf.h"
#include "keyd/util/list.h"
#include "keyd/util/secret.h"

#define QUEUE_JOBS_MAX 4096
#define QUEUE_BYTES_MAX (64u << 20)

struct queue {
	struct list sources;		/* that have jobs; the first is served next */
	unsigned jobs;
	size_t bytes;
};

void queue_init(struct queue *q);
void queue_free(struct queue *q);
/* A copy of body waits. 0, or -1: there is no room or no memory. */
int queue_put(struct queue *q, const struct ipsec_addr *source, uint32_t id, struct view body) RD_MUST_CHECK;
/* The next one; *body is the caller's to clear. False: nothing waits. */
bool queue_take(struct queue *q, uint32_t *id, struct secret *body);

#endif
