/* SPDX-License-Identifier: MIT */
/*
 * The codec between struct ipsec_* and PF_KEYv2 messages (RFC 2367; what Linux has beyond it, SADB_X_*; what pfkeyv2.ko has
 * beyond that, kmod/uapi/pfkeyv2_ext.h): bytes in, values out and back. It holds no state and touches no socket, so it is
 * tested and fuzzed without a kernel. Only the pfkey backend uses it.
 */
#ifndef PFKEY_PFKEY_H
#define PFKEY_PFKEY_H

#include "kmod/uapi/pfkeyv2_ext.h"
#include "pfkey/backend.h"

#include <linux/pfkeyv2.h>

/* Room for the largest message we make: a policy with six tunnels, lifetimes and a label (less than 1 KB). */
#define PFKEY_MSG_MAX_SIZE 2048

/* Numbers of <linux/ipsec.h>, whose names are ours already. Directions are one more than enum ipsec_dir. */
enum { PFKEY_MODE_ANY, PFKEY_MODE_TRANSPORT, PFKEY_MODE_TUNNEL, PFKEY_MODE_BEET };
enum { PFKEY_POLICY_DISCARD, PFKEY_POLICY_NONE, PFKEY_POLICY_IPSEC, PFKEY_POLICY_ENTRUST, PFKEY_POLICY_BYPASS };
enum { PFKEY_LEVEL_DEFAULT, PFKEY_LEVEL_USE, PFKEY_LEVEL_REQUIRE, PFKEY_LEVEL_UNIQUE };
#define PFKEY_PROTO_ANY 255
#define PFKEY_REQID_MAX 0x3fff		/* above it af_key takes no reqid of a policy, and chooses one itself */

/* A message being written; sadb_msg_len counts as it grows. */
struct pfkey_msg {
	union {
		struct sadb_msg head;
		uint8_t bytes[PFKEY_MSG_MAX_SIZE];
		uint64_t align;
	};
};

/* SADB_SATYPE_* of IPPROTO_*, and back; 0 for 0 and what PF_KEY has no word for. */
uint8_t pfkey_satype(uint8_t proto);
uint8_t pfkey_proto(uint8_t satype);

/* Starts a message. It is whole already as SADB_REGISTER, FLUSH, DUMP, X_PROMISC, X_SPDFLUSH, X_SPDDUMP; seq and pid are 0. */
void pfkey_msg_start(struct pfkey_msg *m, uint8_t type, uint8_t satype);
size_t pfkey_msg_size(const struct pfkey_msg *m);
/* An extension of n zero bytes with its head. Never fails: PFKEY_MSG_MAX_SIZE is more than all of them together. */
void *pfkey_ext_room(struct pfkey_msg *m, uint16_t type, size_t n);

/*
 * The extensions of a message by type, NULL where there is none; those of unknown type are passed over. Each that is here is
 * as long as what it says of itself: key, label, addresses, requests, combinations.
 */
#define PFKEY_EXT_TOP SADB_X_EXT_SELECTOR
struct pfkey_exts {
	const void *e[PFKEY_EXT_TOP + 1];
};

/* n: bytes that arrived at msg, which is aligned to 8. 0, or -EBADMSG: cut short, an extension twice or of type 0. */
int pfkey_exts_get(struct pfkey_exts *t, const struct sadb_msg *msg, size_t n);

/* Parts that messages share. An absent extension leaves zeros. */
void pfkey_addr_put(struct pfkey_msg *m, uint16_t type, const struct ipsec_addr *a, uint8_t len, uint16_t port, uint8_t proto);
struct pfkey_addr { struct ipsec_addr addr; uint8_t len, proto; uint16_t port; };
void pfkey_addr_get(struct pfkey_addr *a, const struct pfkey_exts *t, uint16_t type);
/* Both sockaddrs of a request, one behind the other in n bytes; -EBADMSG when they are none of one family. */
int pfkey_pair_get(struct ipsec_addr *src, struct ipsec_addr *dst, const void *p, size_t n);
size_t pfkey_pair_size(uint16_t family);
void pfkey_pair_put(void *p, const struct ipsec_addr *src, const struct ipsec_addr *dst);
/* SRC and DST with prefixes, ports and protocol. */
void pfkey_selector_put(struct pfkey_msg *m, const struct ipsec_selector *s);
int pfkey_selector_get(struct ipsec_selector *s, const struct pfkey_exts *t);
void pfkey_lifetimes_put(struct pfkey_msg *m, const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard);
void pfkey_lifetimes_get(const struct pfkey_exts *t, struct ipsec_lifetime *soft, struct ipsec_lifetime *hard,
			 struct ipsec_usage *usage);
void pfkey_ctx_put(struct pfkey_msg *m, const char *ctx);
int pfkey_ctx_get(const struct pfkey_exts *t, char ctx[IPSEC_CTX_MAX]);
/* IPSEC_MODE_* to and from the numbers above. */
uint8_t pfkey_mode_put(uint8_t mode);
uint8_t pfkey_mode_get(uint8_t mode);
/* Limits of packets have 32 bits here. */
bool pfkey_lifetimes_fit(const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard);

/*
 * Says "I speak kmod/uapi/pfkeyv2_ext.h": of SAs a kernel that does, too, then tells this socket all. Other kernels pass over it,
 * in any message but SADB_ACQUIRE and SADB_X_PROMISC. In the answer to a SADB_REGISTER it stands only where the kernel does.
 */
void pfkey_extended_put(struct pfkey_msg *m);

/*
 * What PF_KEY, as Linux has it, cannot carry is told by *_refused: 0, or -EOPNOTSUPP and a sentence in why[n] that names it.
 * extended: of a kernel that speaks kmod/uapi/pfkeyv2_ext.h. Others would pass over what is said by it, so the kernel must be known.
 * The functions that write take only what was not refused and has passed ipsec_sa_check or ipsec_policy_check.
 */
int pfkey_sa_refused(const struct ipsec_sa *sa, bool extended, char *why, size_t n);
int pfkey_policy_refused(const struct ipsec_policy *pol, char *why, size_t n);
/* As a key to find or delete a policy by: selector, direction and label only. */
int pfkey_policy_key_refused(const struct ipsec_policy *key, char *why, size_t n);

/* SADB_ADD, UPDATE; SADB_GET, DELETE; SADB_GETSPI. The sequence number is that of the ACQUIRE, which the SA keeps. */
void pfkey_sa_put(struct pfkey_msg *m, const struct ipsec_sa *sa, bool update);
void pfkey_sa_id_put(struct pfkey_msg *m, uint8_t type, const struct ipsec_sa_id *id);
void pfkey_getspi_put(struct pfkey_msg *m, const struct ipsec_sa *larval, uint32_t min, uint32_t max);
/* Narrows a SADB_DUMP to the SAs between two hosts; either may be AF_UNSPEC (any), not both. */
void pfkey_filter_put(struct pfkey_msg *m, const struct ipsec_addr *src, const struct ipsec_addr *dst);
/*
 * From every message that has an SA. 0 or -EBADMSG. What PF_KEY does not tell: marks, if_id, acquire_seq; to who does not
 * speak the extensions: most of a selector, ESN, wide windows, sequence numbers, lengths of ICVs (icv_bits are then those that
 * af_key gives).
 */
int pfkey_sa_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_sa *sa);

/* Parts of both: what of an SA is said by the extensions, where it is not as always. icv: what the algorithm has without a word. */
bool pfkey_sa_selector_fits(const struct ipsec_sa *sa);	/* SADB_EXT_ADDRESS_PROXY is enough for its selector */
void pfkey_sa_extended_put(struct pfkey_msg *m, const struct ipsec_sa *sa, uint16_t icv);
int pfkey_sa_extended_get(const struct pfkey_exts *t, struct ipsec_sa *sa);

/* SADB_X_SPDADD, SPDUPDATE, SPDSETIDX; SPDDELETE (no templates); SPDGET, SPDDELETE2 (by index). */
void pfkey_policy_put(struct pfkey_msg *m, uint8_t type, const struct ipsec_policy *pol);
void pfkey_policy_key_put(struct pfkey_msg *m, const struct ipsec_policy *key);
void pfkey_policy_index_put(struct pfkey_msg *m, uint8_t type, uint32_t index);
int pfkey_policy_get(const struct pfkey_exts *t, struct ipsec_policy *pol);

/* SADB_X_MIGRATE: moves the SAs and templates of a policy from one pair of addresses to another (ev->migrate). */
void pfkey_migrate_put(struct pfkey_msg *m, const struct ipsec_event *ev);
/* SADB_ACQUIRE as an answer: nothing will come of it, the error is err (positive). */
void pfkey_acquire_put(struct pfkey_msg *m, uint8_t proto, uint32_t seq, uint8_t err);

/*
 * Calls fn for each event in a message that arrived (MIGRATE may hold several). Returns their number, 0 for one that is none
 * (an answer, an error, a type that tells nothing), or -EBADMSG; then fn was not called.
 *
 * An ACQUIRE has its policy's index and priority only, a MAPPING neither destination nor reqid: who asks the kernel knows.
 */
int pfkey_event_get(const struct sadb_msg *msg, size_t n, ipsec_event_fn *fn, void *arg);
/* Which of ev->acquire.policy's templates asks, once the policy is whole; the packet is not told, sel is the policy's. */
void pfkey_acquire_complete(struct ipsec_event *ev);

#endif
