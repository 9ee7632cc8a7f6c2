/* SPDX-License-Identifier: MIT */
/* What is behind struct ipsec: shared by ipsec.c and the backends, nobody else. */
#ifndef PFKEY_HANDLE_H
#define PFKEY_HANDLE_H

#include "pfkey/backend.h"

struct ipsec {
	const struct ipsec_backend *ops;
	void *state;			/* the backend's own, made by its open, freed by its close */
	uint32_t last_reqid;		/* the last one that ipsec_reqid_alloc gave away; 0: none */
	bool batching;
	ipsec_result_fn *on_result;	/* of the batch */
	void *result_arg;
	ipsec_raw_fn *on_raw;		/* NULL: nobody wants to see messages */
	void *raw_arg;
	char error[256];
};

/* Keeps the sentence for ipsec_error() and returns err. */
int ipsec_fail(struct ipsec *ip, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The end of every call: an error always has a sentence, if only errno's. Returns err. */
int ipsec_done(struct ipsec *ip, int err);
/* For backends that batch: the next result, with its sentence (or "") kept by ipsec_fail before. */
void ipsec_batch_result(struct ipsec *ip, uint64_t tag, int err);

#endif
