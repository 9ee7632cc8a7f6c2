/* SPDX-License-Identifier: MIT */
/* What is behind struct ipsec: shared by ipsec.c and the backends, nobody else. */
#ifndef PFKEY_HANDLE_H
#define PFKEY_HANDLE_H

#include "pfkey/backend.h"

/* What a backend does for the calls of backend.h that are named like these. */
struct ipsec_backend {
	const char *name;
	uint32_t reqid_max;		/* the largest reqid that a policy may name; 0: any */
	int (*open)(struct ipsec *ip);
	void (*close)(struct ipsec *ip);
	int (*sa_add)(struct ipsec *ip, const struct ipsec_sa *sa, bool update);
	int (*sa_get)(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out);
	int (*sa_delete)(struct ipsec *ip, const struct ipsec_sa_id *id);
	int (*sa_flush)(struct ipsec *ip, uint8_t proto);
	int (*sa_dump)(struct ipsec *ip, ipsec_sa_fn *fn, void *arg);
	int (*spi_alloc)(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi);
	int (*policy_add)(struct ipsec *ip, const struct ipsec_policy *pol, bool update);
	int (*policy_get)(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out);
	int (*policy_delete)(struct ipsec *ip, const struct ipsec_policy *key);
	int (*policy_flush)(struct ipsec *ip);
	int (*policy_dump)(struct ipsec *ip, ipsec_policy_fn *fn, void *arg);
	/* Both NULL: the API does each operation by itself as it is put. Results are given to ipsec_batch_result(). */
	int (*batch_put)(struct ipsec *ip, const struct ipsec_op *op);
	int (*batch_end)(struct ipsec *ip);
	int (*subscribe)(struct ipsec *ip);
	int (*sa_ae)(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when);
	int (*subscribe_ae)(struct ipsec *ip, bool on);
	int (*event_fd)(struct ipsec *ip);
	int (*events_read)(struct ipsec *ip, ipsec_event_fn *fn, void *arg);
};

extern const struct ipsec_backend ipsec_backend_xfrm;
extern const struct ipsec_backend ipsec_backend_pfkey;
extern const struct ipsec_backend ipsec_backend_fake;

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
