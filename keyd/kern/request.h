/* SPDX-License-Identifier: MIT */
/* What the engine may ask of the kernel, and the answers. Plain data, sent between roles as it is. */
#ifndef KEYD_KERN_REQUEST_H
#define KEYD_KERN_REQUEST_H

#include "pfkey/ipsec.h"

enum kern_op {
	KERN_SA_ADD,		/* .sa whole */
	KERN_SA_DELETE,		/* .sa: dst, proto, spi, mark; an SA that is gone already is no error */
	KERN_SA_GET,		/* .sa: dst, proto, spi, mark; the answer has usage and no key */
	KERN_LARVAL_DELETE,	/* .sa: src, dst, proto, mode, reqid, acquire_seq */
	KERN_SA_MOVE,		/* .old_dst, .sa: proto, spi, mark; src, dst, encap as they are to be (kern/move.h) */
	KERN_OPS
};

struct kern_request {
	uint32_t id;		/* comes back in the answer; 0: no answer wanted */
	uint8_t op;		/* enum kern_op */
	struct ipsec_sa sa;
	struct ipsec_addr old_dst;	/* of KERN_SA_MOVE: what the SA has now */
};

struct kern_answer {
	uint32_t id;
	int32_t error;		/* 0 or -errno */
	char why[160];		/* one sentence when error; else "" */
	struct ipsec_usage usage;	/* of KERN_SA_GET */
};

#endif
