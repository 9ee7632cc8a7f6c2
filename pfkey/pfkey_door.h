/* SPDX-License-Identifier: MIT */
/* What is behind an open pfkey backend; apart from the backend's table for tests, which put their own sockets there. */
#ifndef PFKEY_PFKEY_DOOR_H
#define PFKEY_PFKEY_DOOR_H

#include "pfkey/handle.h"
#include "pfkey/pfkey_sock.h"

/*
 * All sockets are made at the start: they belong to the network namespace (and the rights) the process had then, whatever
 * becomes of it later.
 */
struct pfkey_door {
	struct pfkey_sock ask;
	struct pfkey_sock dump;		/* apart from ask: who reads a dump may make requests meanwhile */
	struct pfkey_sock events;
	bool dumping, subscribed;
	/* Does the kernel speak kmod/uapi/pfkeyv2_ext.h? Asked when first it matters: it looks for the modules of all algorithms. */
	bool extended, extended_known;
	struct {			/* the last larval SA that got an SPI; the kernel does not tell its ACQUIRE */
		struct ipsec_sa_id id;
		uint32_t seq;
	} larval;
};

/* Dumps through a socket of its own when one is being read already. */
int pfkey_door_dump(struct ipsec *ip, struct pfkey_msg *m, pfkey_answer_fn *fn, void *arg);

/* The parts of the backend's table that stand in files of their own. */
int pfkey_subscribe(struct ipsec *ip);
int pfkey_subscribe_ae(struct ipsec *ip, bool on);
int pfkey_sa_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when);
int pfkey_event_fd(struct ipsec *ip);
int pfkey_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg);
int pfkey_policy_add(struct ipsec *ip, const struct ipsec_policy *pol, bool update);
int pfkey_policy_read(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out);
int pfkey_policy_delete(struct ipsec *ip, const struct ipsec_policy *key);
int pfkey_policy_flush(struct ipsec *ip);
int pfkey_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg);
/* The policy with this index, also one of a socket, or one that has a mark. 0, -ENOENT, or another -errno. */
int pfkey_policy_by_index(struct ipsec *ip, uint32_t index, struct ipsec_policy *out);

#endif
