/* SPDX-License-Identifier: MIT */
/*
 * The fake backend's memory: a SAD and an SPD that answer as Linux does, and a queue of events. It has no clock and moves
 * no packets: nothing expires by itself and usage stays as it is; ipsec_fake_event() plays those parts.
 */
#ifndef PFKEY_FAKE_H
#define PFKEY_FAKE_H

#include "pfkey/handle.h"

#include <sys/queue.h>

#define FAKE_EVENTS_MAX 65536		/* events nobody reads; then they are lost, as netlink loses them */

struct fake_sa {
	TAILQ_ENTRY(fake_sa) all;
	LIST_ENTRY(fake_sa) by_spi;	/* only with an SPI */
	LIST_ENTRY(fake_sa) larval;	/* only in IPSEC_STATE_LARVAL */
	struct ipsec_sa sa;
};

struct fake_policy {
	TAILQ_ENTRY(fake_policy) all;
	struct ipsec_policy pol;
};

struct fake_event {
	STAILQ_ENTRY(fake_event) next;
	struct ipsec_event ev;
};

LIST_HEAD(fake_sa_list, fake_sa);

struct fake {
	TAILQ_HEAD(fake_sa_all, fake_sa) sas;		/* the newest first, as the kernel dumps them */
	struct fake_sa_list *by_spi, larval;
	uint32_t buckets, count;
	uint32_t last_spi;
	TAILQ_HEAD(fake_policy_all, fake_policy) policies;
	uint32_t last_index, last_seq;
	STAILQ_HEAD(fake_queue, fake_event) queue;
	uint32_t queued;
	bool overrun;
	unsigned int fail_in;				/* changes until one fails; 0: none will */
	int fail_err;
	int fd;						/* eventfd: readable while there are events; -1: nobody subscribed */
};

/* Puts an event of our own making (.pid is filled in) into the queue, when somebody has subscribed. */
void fake_raise(struct fake *f, struct ipsec_event *ev);

/* The error that ipsec_fake_fail ordered for this change, or 0. Every change asks once, first. */
int fake_refuse(struct ipsec *ip);

int fake_sa_init(struct fake *f);
void fake_sa_free_all(struct fake *f);
int fake_sa_add(struct ipsec *ip, const struct ipsec_sa *sa, bool update);
int fake_sa_get(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out);
int fake_sa_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when);
int fake_sa_delete(struct ipsec *ip, const struct ipsec_sa_id *id);
int fake_sa_flush(struct ipsec *ip, uint8_t proto);
int fake_sa_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg);
int fake_spi_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi);
/* What the kernel does to its SAD as it raises these: an ACQUIRE leaves a larval SA, a hard EXPIRE removes the SA. */
int fake_sa_acquired(struct fake *f, const struct ipsec_event *ev);
void fake_sa_expired(struct fake *f, const struct ipsec_event *ev);

void fake_policy_free_all(struct fake *f);
int fake_policy_add(struct ipsec *ip, const struct ipsec_policy *pol, bool update);
int fake_policy_get(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out);
int fake_policy_delete(struct ipsec *ip, const struct ipsec_policy *key);
int fake_policy_flush(struct ipsec *ip);
int fake_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg);

#endif
