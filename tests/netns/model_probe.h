/* SPDX-License-Identifier: MIT */
/*
 * The simulator's model of a kernel (tests/sim/sad.c, kspd.c, kernel.c) beside the real one: two worlds that answer the same
 * calls. Each has two hosts, alice who sends and bob who receives, and a line between them that the probe itself carries.
 */
#ifndef TESTS_NETNS_MODEL_PROBE_H
#define TESTS_NETNS_MODEL_PROBE_H

#include "keyd/kern/request.h"

#include <stdint.h>

enum { ALICE, BOB, HOSTS };

#define PROBE_FLOWS 3			/* UDP from PROBE_FROM at alice to PROBE_TO and the next ports at bob */
#define PROBE_FROM 6000
#define PROBE_TO 7001
#define PROBE_BYTES 1400		/* with the UDP header: what the model takes each packet for */
#define PROBE_ACQUIRE_EXPIRES 2		/* s; test_model.sh sets net.core.xfrm_acq_expires */
#define PROBE_FRAMES 1024

/* What has left alice. */
struct frame {
	uint32_t spi;			/* 0: in clear */
	uint64_t seq;
	uint64_t at;			/* µs */
};

/* What is told by the worlds while they are called. */
void probe_event(unsigned host, uint64_t at, const struct ipsec_event *ev);
/* The number of the frame, from 0. */
unsigned probe_frame(const struct frame *f);
/* Frames are carried to bob at once. */
bool probe_through(void);
/* What became of frame i at bob: NULL: he has packet number, else one of the counters of /proc/net/xfrm_stat. */
void probe_arrived(unsigned i, unsigned number, const char *counter);

struct world {
	/* Nothing is there. wall: of the clock that shows seconds, µs, when this world's time is 0 */
	void (*begin)(uint64_t wall);
	/* µs since begin */
	uint64_t (*now)(void);
	/* It is then; what falls due before happens. */
	void (*until)(uint64_t then);
	/* Until something is told, or it is then. */
	void (*until_told)(uint64_t then);
	/* As keyd asks. */
	void (*ask)(unsigned host, const struct kern_request *rq, struct kern_answer *an);
	/* keyd comes and goes. */
	void (*listen)(unsigned host, bool on);
	/* As setkey and others ask: 0 or -errno */
	int (*policy_add)(unsigned host, const struct ipsec_policy *pol);
	int (*policy_delete)(unsigned host, const struct ipsec_policy *pol);
	int (*sa_delete)(unsigned host, const struct ipsec_sa_id *id);
	void (*flush)(unsigned host);
	/* Packet number is sent. False: the sender is told EAGAIN. */
	bool (*send)(unsigned flow, unsigned number, bool connected);
	/* Which counters of alice's /proc/net/xfrm_stat have grown since begin; "": none. Good until the next call. */
	const char *(*losses)(void);
	/* Frame i gets to bob, once more; from another port, if sport. */
	void (*deliver)(unsigned i, uint16_t sport);
};

extern const struct world probe_kernel, probe_model;

/* Files of the namespaces of both; what is missing ends the probe. */
void probe_kernel_open(const char *const ns[HOSTS]);

struct script {
	const char *name;
	const char *text;		/* statements, see model_probe_words.c, with ; between them */
};

extern const struct script probe_scripts[];

#endif
