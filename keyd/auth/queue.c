// SPDX-License-Identifier: MIT
// Who is served next.
#include "keyd/auth/queue.h"

#include <stdlib.h>

struct source {
	struct list link;
	struct ipsec_addr addr;
	struct list jobs;
};

struct job {
	struct list link;
	uint32_t id;
	struct secret body;
};

void queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	list_init(&q->sources);
}

void queue_free(struct queue *q)
{
	struct secret body = { 0 };
	uint32_t id;

	while (queue_take(q, &id, &body))
		secret_clear(&body);
}

static struct source *source_of(struct queue *q, const struct ipsec_addr *addr)
{
	struct source *fresh;

	list_each(s, &q->sources, struct source, link)
		if (ipsec_addr_equal(&s->addr, addr))
			return s;
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return NULL;
	fresh->addr = *addr;
	list_init(&fresh->jobs);
	list_add_tail(&q->sources, &fresh->link);
	return fresh;
}

int queue_put(struct queue *q, const struct ipsec_addr *addr, uint32_t id, struct view body)
{
	bool room = q->jobs < QUEUE_JOBS_MAX && body.n <= QUEUE_BYTES_MAX - q->bytes;
	struct job *job = room ? calloc(1, sizeof(*job)) : NULL;
	struct source *s = job && !secret_set(&job->body, body.p, body.n) ? source_of(q, addr) : NULL;

	if (!s) {
		if (job)
			secret_clear(&job->body);
		free(job);
		return -1;
	}
	job->id = id;
	list_add_tail(&s->jobs, &job->link);
	q->jobs++;
	q->bytes += body.n;
	return 0;
}

bool queue_take(struct queue *q, uint32_t *id, struct secret *body)
{
	struct source *s;
	struct job *job;

	if (list_empty(&q->sources))
		return false;
	s = list_entry(q->sources.next, struct source, link);
	job = list_entry(s->jobs.next, struct job, link);	/* NOLINT(clang-analyzer-unix.Malloc): see list_del */
	list_del(&job->link);
	list_del(&s->link);
	if (list_empty(&s->jobs))
		free(s);
	else
		list_add_tail(&q->sources, &s->link);
	q->jobs--;
	q->bytes -= job->body.n;
	*id = job->id;
	secret_move(body, &job->body);
	free(job);
	return true;
}
