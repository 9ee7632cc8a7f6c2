/* SPDX-License-Identifier: MIT */
/* What is behind struct ipsec: shared by ipsec.c and the backends, nobody else. */
#ifndef PFKEY_HANDLE_H
#define PFKEY_HANDLE_H

#include "pfkey/backend.h"

struct ipsec {
	const struct ipsec_backend *ops;
	void *state;			/* the backend's own, made by its open, freed by its close */
	uint32_t last_reqid;		/* the last one that ipsec_reqid_alloc gave away */
	char error[256];
};

/* Keeps the sentence for ipsec_error() and returns err. */
int ipsec_fail(struct ipsec *ip, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
