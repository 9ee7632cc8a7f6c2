/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What pfkeyv2.ko understands beyond <linux/pfkeyv2.h>: AEADs by their numbers, extended sequence
 * numbers and wide replay windows, lengths of ICVs, whole selectors of SAs.
 *
 * Who speaks it is told it: a socket that has sent one of the extensions SADB_X_EXT_REPLAY, _ICV,
 * _EXTENDED or _SELECTOR gets them, too, in what the kernel says from then on, behind all others. Other sockets
 * never see them, for programs have been written that refuse extensions they do not know. In the
 * answer to a SADB_REGISTER with SADB_X_EXT_EXTENDED the same extension stands when the kernel
 * understands them all; others (af_key) pass over it.
 *
 * All but ports and addresses in the byte order of the machine; lengths of extensions count 8 bytes, as ever.
 */
#ifndef GAPLESS_UAPI_PFKEYV2_EXT_H
#define GAPLESS_UAPI_PFKEYV2_EXT_H

#include <linux/types.h>

/*
 * sadb_sa_encrypt of an AEAD; sadb_sa_auth is 0, and the key ends with the salt (RFC 4106, 4309, 4543,
 * 7634). The numbers 14-16, 18-20 and 23 of <linux/pfkeyv2.h> work the same; this one is FreeBSD's.
 */
#define SADB_X_EALG_CHACHA20POLY1305	31

#define SADB_X_EXT_REPLAY	60
#define SADB_X_EXT_ICV		61
#define SADB_X_EXT_EXTENDED	62
#define SADB_X_EXT_SELECTOR	63

/* SADB_ADD, SADB_UPDATE; takes the place of sadb_sa_replay. */
struct sadb_x_replay {
	__u16	sadb_x_replay_len;
	__u16	sadb_x_replay_exttype;
	__u32	sadb_x_replay_window;		/* packets, at most SADB_X_REPLAY_MAX; 0: not checked */
	__u32	sadb_x_replay_flags;		/* SADB_X_REPLAY_* */
	__u32	sadb_x_replay_reserved;		/* 0 */
	__u64	sadb_x_replay_oseq;		/* last number sent; below 2^32 without ESN */
	__u64	sadb_x_replay_seq;		/* highest number received; those before it count as received, too */
} __attribute__((packed));
/* sizeof(struct sadb_x_replay) == 32 */

#define SADB_X_REPLAY_ESN	1		/* extended sequence numbers (RFC 4303 2.2.1); needs a window */
#define SADB_X_REPLAY_MAX	4096

/* SADB_ADD, SADB_UPDATE: length of the ICV of sadb_sa_auth (RFC 4868 has 128 for HMAC-SHA-256, Linux 96). */
struct sadb_x_icv {
	__u16	sadb_x_icv_len;
	__u16	sadb_x_icv_exttype;
	__u16	sadb_x_icv_bits;		/* a multiple of 8, at most the hash's */
	__u16	sadb_x_icv_reserved;		/* 0 */
} __attribute__((packed));
/* sizeof(struct sadb_x_icv) == 8 */

/* Any message: no more than that it is here. */
struct sadb_x_extended {
	__u16	sadb_x_extended_len;
	__u16	sadb_x_extended_exttype;
	__u32	sadb_x_extended_reserved;	/* 0 */
} __attribute__((packed));
/* sizeof(struct sadb_x_extended) == 8 */

/* SADB_ADD, SADB_UPDATE; takes the place of SADB_EXT_ADDRESS_PROXY: the packets that the SA is for. */
struct sadb_x_selector {
	__u16	sadb_x_selector_len;
	__u16	sadb_x_selector_exttype;
	__u16	sadb_x_selector_family;		/* 0, and all that follows: a tunnel for packets of both families */
	__u8	sadb_x_selector_splen;		/* bits */
	__u8	sadb_x_selector_dplen;
	__u8	sadb_x_selector_proto;		/* 0: any */
	__u8	sadb_x_selector_reserved[3];	/* 0 */
	__u32	sadb_x_selector_ifindex;	/* 0: any */
	__be16	sadb_x_selector_sport;
	__be16	sadb_x_selector_sport_mask;	/* 0: any port */
	__be16	sadb_x_selector_dport;
	__be16	sadb_x_selector_dport_mask;
	__u8	sadb_x_selector_saddr[16];	/* of IPv4 the first 4 bytes */
	__u8	sadb_x_selector_daddr[16];
} __attribute__((packed));
/* sizeof(struct sadb_x_selector) == 56 */

#endif
