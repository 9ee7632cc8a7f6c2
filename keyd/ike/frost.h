/* SPDX-License-Identifier: MIT */
/*
 * One walk over the fields of something that writes them into a record or reads them from one, so that both cannot differ.
 * A record may hold any bytes: what cannot be is remembered (broken), and whatever is read from then on is zero.
 */
#ifndef KEYD_IKE_FROST_H
#define KEYD_IKE_FROST_H

#include "keyd/conf/conf.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/ts_list.h"
#include "keyd/util/rd.h"
#include "keyd/util/secret.h"
#include "keyd/util/wr.h"
#include "pfkey/ipsec.h"

struct frost {
	struct wr *w;			/* NULL: reading */
	struct rd r;
	uint8_t version;		/* reading: of the record */
	bool broken;
};

static inline bool frost_reads(const struct frost *f)
{
	return !f->w;
}

/* Writing: *v is not changed. Reading: zero when the record is broken or ends too early. */
void frost_u8(struct frost *f, uint8_t *v);
void frost_u16(struct frost *f, uint16_t *v);
void frost_u32(struct frost *f, uint32_t *v);
void frost_u64(struct frost *f, uint64_t *v);
void frost_bool(struct frost *f, bool *v);
void frost_mem(struct frost *f, void *p, size_t n);
/* At most so many bytes. */
void frost_secret(struct frost *f, struct secret *s, size_t most);
/* A text of at most n - 1 bytes in buf[n]. */
void frost_text(struct frost *f, char *buf, size_t n);
void frost_addr(struct frost *f, struct ipsec_addr *a);
/* What carries traffic or is an end of an SA: of a family. */
void frost_end(struct frost *f, struct ipsec_addr *a);
void frost_selector(struct frost *f, struct ipsec_selector *s);
void frost_policy(struct frost *f, struct ipsec_policy *p);
void frost_id(struct frost *f, struct conf_id *id);
void frost_ts(struct frost *f, struct wire_ts_list *l);
void frost_lifetime(struct frost *f, struct ipsec_lifetime *l);
/* Reading: that was all; a record that goes on is of a build with other fields, and broken. */
void frost_over(struct frost *f);
/* NULL: none. One that is not known here breaks the record. */
void frost_alg(struct frost *f, const struct crypto_alg **alg, enum crypto_kind kind);

#endif
