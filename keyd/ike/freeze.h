/* SPDX-License-Identifier: MIT */
/*
 * Records of what must survive an engine (engine_thaw): version, kind, and then the fields in one order, which the same
 * walk reads and writes (frost.h). What had been received and not been answered or finished is left out, so that whoever
 * goes on gets it again: the peer repeats its request, and its answer to a request that is repeated byte for byte.
 */
#ifndef KEYD_IKE_FREEZE_H
#define KEYD_IKE_FREEZE_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/frost.h"

/*
 * The first byte of each record; another number with each change of what follows (tests/unit/test_frozen.c knows of each).
 * Records of earlier builds are read from this version on. 2: how both ends have proved who they are. 3: by which key we
 * have. 4: which version of IKE an SA is of, what IKEv1 has of its own, and how long a peer keeps a child.
 */
#define FREEZE_VERSION 4
#define FREEZE_VERSION_READ 1
/* Exchanges that wait are kept up to this many; what the rest was for shows in the state of the children. */
#define FREEZE_QUEUE_MAX 8
/* SAs that are being added to the kernel for a request of the peer, and whose record would come too late. */
#define FREEZE_LEFT_MAX 4

/* Of an IKE SA, what makes it one and is needed to begin. */
struct frozen_head {
	char peer[CONF_NAME_MAX];
	uint8_t major;			/* of its version */
	bool initiator;
	uint8_t spi_i[8], spi_r[8];
	struct ipsec_addr local, remote;
	uint16_t local_port, remote_port;
};

/* What stands for pointers, timers and the like; times are of the engine's clock, 0: the timer does not run. */
struct frozen_ike {
	uint8_t state;
	uint64_t counter;		/* the next IV of ours, where IVs are counted */
	char rekey_why[32];
	uint64_t rekey, end, reauth;
	struct frozen_lease {
		char pool[CONF_NAME_MAX];	/* "": none */
		struct ipsec_addr addr;
	} lease[2];
	uint8_t nleft;
	uint32_t left[FREEZE_LEFT_MAX];	/* inbound SPIs */
	uint8_t nexchanges;
};

struct frozen_child {
	uint8_t sa[8];			/* our SPI of its IKE SA */
	uint8_t state;
	uint32_t reqid;			/* of its traffic; 0: none of keyd's own */
	char rekey_why[32];
	uint64_t rekey, switchover, drop, retire;
	bool rekeying, deleting, switching;
};

struct frozen_exchange {
	uint8_t ops;			/* exchange_ops.kept */
	bool active;			/* else it waits */
	bool then;			/* somebody wants to know of the answer */
	bool installing;		/* the answer has been taken, and the kernel is at it */
	uint8_t new_sa[8];		/* our SPI of the IKE SA that it makes; zero: none */
	struct secret kex;		/* the private value */
	const struct crypto_alg *ke;
	bool has_child;
	struct frozen_child child;	/* with has_child */
};

/* Writes k's record. False: in this state it has none. What does not fit shows in w. */
bool freeze(struct engine *e, struct keep *k, struct wr *w);

/* The walks. fz is filled in before they write, and by them when they read. */
void frost_head(struct frost *f, struct frozen_head *h);
void frost_ike(struct frost *f, struct ike_sa *sa, struct frozen_ike *fz);
void frost_child(struct frost *f, struct child_sa *c, struct frozen_child *fz);
/* x->child is there already if fz says so. */
void frost_exchange(struct frost *f, struct exchange *x, struct frozen_exchange *fz);
struct straggler;
struct traffic;
struct tunnel;

/* thaw.c */
void thaw_free(struct engine *e);

#endif
