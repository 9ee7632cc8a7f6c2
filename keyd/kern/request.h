/* SPDX-License-Identifier: MIT */
/* What the engine may ask of the kernel, and the answers. Plain data, sent between roles as it is. */
#ifndef KEYD_KERN_REQUEST_H
#define KEYD_KERN_REQUEST_H

#include "pfkey/ipsec.h"

/* What keyd's own policies are known by, among those of setkey and others. An administrator's policy wins over them. */
#define KERN_OWN_REQID 0x6b000000u	/* the first of 2^24 */
#define KERN_OWN_REQIDS 0x1000000u
#define KERN_OWN_PRIORITY 0x8b000000u
#define KERN_GUARD_PRIORITY 0xfb000000u	/* what nothing else covers */

#define KERN_TRAFFIC_MAX 32
#define KERN_ROUTES_MAX 32
#define KERN_INTERFACE_MAX 16

enum kern_op {
	KERN_SA_ADD,		/* .sa whole; with ae IPSEC_AE_FIRST its first packet is told once; .settled */
	KERN_SA_DELETE,		/* .sa: dst, proto, spi, mark; an SA that is gone already is no error */
	KERN_SA_GET,		/* .sa: dst, proto, spi, mark; the answer has usage and no key */
	KERN_LARVAL_DELETE,	/* .sa: src, dst, proto, mode, reqid, acquire_seq */
	KERN_SA_MOVE,		/* .old_dst, .sa: proto, spi, mark; src, dst, encap as they are to be (kern/move.h) */
	KERN_TRAFFIC_SET,	/* .traffic: policies out, in and (of a tunnel) fwd for each selector, added or replaced; all or none */
	KERN_TRAFFIC_CLEAR,	/* .traffic: those with its reqid; what is gone already is no error */
	KERN_GUARD_SET,		/* .guard (src is our side): what goes that way, or comes back, without a policy of its own is dropped */
	KERN_GUARD_CLEAR,
	KERN_VIRTUAL_SET,	/* .virtual: the address, and routes that use it; added or replaced */
	KERN_VIRTUAL_CLEAR,	/* .virtual: addr, gateway */
	KERN_SOURCE_GET,	/* .source: another host's address; the answer has ours that packets for it leave with */
	KERN_OPS
};

struct kern_prefix {
	struct ipsec_addr addr;
	uint8_t len;
};

/* Traffic that goes through one tunnel, or between two hosts in transport mode. */
struct kern_traffic {
	struct ipsec_addr local, remote;	/* ends of the tunnel */
	uint32_t reqid;			/* from KERN_OWN_REQID on */
	bool transport;
	uint8_t n;
	struct ipsec_selector sel[KERN_TRAFFIC_MAX];	/* src is our side */
};

/* An address that a gateway has given us, and what is reached by it. */
struct kern_virtual {
	struct ipsec_addr addr;
	struct ipsec_addr gateway;	/* whose own packets take the usual way; AF_UNSPEC when cleared: leave that rule */
	char interface[KERN_INTERFACE_MAX];	/* made as a dummy one where there is none */
	uint8_t n;
	struct kern_prefix to[KERN_ROUTES_MAX];
};

struct kern_request {
	uint32_t id;		/* comes back in the answer; 0: no answer wanted */
	uint8_t op;		/* enum kern_op */
	union {
		struct kern_traffic traffic;	/* the largest first: an initializer wipes all */
		struct ipsec_sa sa;
		struct ipsec_selector guard;
		struct kern_virtual virtual;
		struct ipsec_addr source;
	};
	uint32_t settled;		/* of KERN_SA_ADD: the SPI of an SA whose first packet need not be told any more; or 0 */
	struct ipsec_addr old_dst;	/* of KERN_SA_MOVE: what the SA has now */
};

struct kern_answer {
	uint32_t id;
	int32_t error;		/* 0 or -errno */
	char why[160];		/* one sentence when error; else "" */
	struct ipsec_usage usage;	/* of KERN_SA_GET */
	struct ipsec_addr addr;		/* of KERN_SOURCE_GET */
};

#endif
