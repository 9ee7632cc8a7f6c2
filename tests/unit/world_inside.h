/* SPDX-License-Identifier: MIT */
/* Between the files of a world. */
#ifndef TESTS_UNIT_WORLD_INSIDE_H
#define TESTS_UNIT_WORLD_INSIDE_H

#include "tests/unit/world.h"

#define WORLD_KERNEL_DELAY 150		/* µs until a kernel's answer or event is there */

/* What happens to a host: */
enum what {
	DATAGRAM,		/* bytes */
	KERN_RQ,		/* struct kern_request */
	KERN_AN,		/* struct kern_answer */
	AUTH_AN,		/* struct auth_answer */
	TRUST_AN,		/* struct trust_answer */
	PACKET,			/* struct world_esp */
	KERN_EVENT		/* struct ipsec_event */
};

struct world_event {
	struct list link;		/* in world.events */
	uint64_t at;
	enum what what;
	unsigned host;
	struct world_path path;		/* as it arrives */
	size_t n;
	_Alignas(uint64_t) uint8_t body[];	/* as what says */
};

/* A packet in an SA. */
struct world_esp {
	uint32_t spi;
	struct ipsec_alg alg;
};

/* world.c */
uint64_t world_random(struct world *w);
/* Happens to host at that time, after what is to happen then already. The body of n bytes is copied. */
struct world_event *world_event_new(struct world *w, enum what what, unsigned host, uint64_t at, const void *body, size_t n);
unsigned world_index(const struct world_host *h);
void world_engine_begin(struct world_host *h);
/* What was asked by an engine that is gone must not reach the next one. */
void world_forget_events(struct world *w, unsigned host);
/* Policies, SAs, and that this was all. */
void world_tell_kernel(struct world_host *h);

/* world_kernel.c */
void world_kernel_do(struct world_host *h, const struct kern_request *rq);
void world_packet_arrives(struct world *w, const struct world_event *ev);
/* The outbound policy of t's pair i. */
struct ipsec_policy world_own_policy(const struct kern_traffic *t, unsigned i);

/* world_kill.c: is it dead, or does it die just before this? Every hook asks. */
bool world_dead(struct world_host *h);
void world_keep(void *arg, uint64_t id, const void *record, size_t n);
void world_kept(void *arg);
void world_records_free(struct world_host *h);
/* After each step: kills and wakes those whose time it is, checks records. */
void world_look_after(struct world *w);

#endif
