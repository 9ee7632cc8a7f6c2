/* SPDX-License-Identifier: MIT */
/* Do two decoded payloads of ISAKMP say the same? For the round trips of the unit tests and of the fuzz target. */
#ifndef TESTS_UNIT_TEST_ISAKMP_SAME_H
#define TESTS_UNIT_TEST_ISAKMP_SAME_H

#include "keyd/wire/isakmp_attr.h"
#include "keyd/wire/isakmp_cert.h"
#include "keyd/wire/isakmp_cfg.h"
#include "keyd/wire/isakmp_delete.h"
#include "keyd/wire/isakmp_fragment.h"
#include "keyd/wire/isakmp_id.h"
#include "keyd/wire/isakmp_message.h"
#include "keyd/wire/isakmp_notify.h"
#include "keyd/wire/isakmp_sa.h"
#include "keyd/wire/isakmp_vendor.h"

#include <string.h>

static inline bool same_view(struct view a, struct view b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static inline bool same_proposal(const struct isakmp_sa *a, const struct isakmp_sa *b, unsigned i)
{
	const struct isakmp_proposal *p = &a->p[i], *q = &b->p[i];

	if (p->number != q->number || p->protocol != q->protocol || !same_view(p->spi, q->spi) || p->n != q->n)
		return false;
	for (unsigned j = 0; j < p->n; j++) {
		const struct isakmp_transform *t = &a->t[p->first + j], *u = &b->t[q->first + j];

		if (t->number != u->number || t->id != u->id || !same_view(t->attrs, u->attrs))
			return false;
	}
	return true;
}

static inline bool same_sa(const struct isakmp_sa *a, const struct isakmp_sa *b)
{
	bool same = a->doi == b->doi && a->situation == b->situation && a->n == b->n;

	for (unsigned i = 0; same && i < a->n; i++)
		same = same_proposal(a, b, i);
	return same;
}

static inline bool same_life(const struct isakmp_life *a, const struct isakmp_life *b)
{
	return a->seconds == b->seconds && a->kilobytes == b->kilobytes;
}

static inline bool same_ike_attrs(const struct isakmp_ike_attrs *a, const struct isakmp_ike_attrs *b)
{
	return a->encr == b->encr && a->hash == b->hash && a->auth == b->auth && a->group == b->group &&
	       a->key_bits == b->key_bits && a->prf == b->prf && same_life(&a->life, &b->life) && a->unknown == b->unknown;
}

static inline bool same_ipsec_attrs(const struct isakmp_ipsec_attrs *a, const struct isakmp_ipsec_attrs *b)
{
	return a->group == b->group && a->encap == b->encap && a->auth == b->auth && a->key_bits == b->key_bits &&
	       a->esn == b->esn && same_life(&a->life, &b->life) && a->unknown == b->unknown;
}

static inline bool same_id(const struct isakmp_id *a, const struct isakmp_id *b)
{
	return a->type == b->type && a->proto == b->proto && a->port == b->port && same_view(a->data, b->data);
}

static inline bool same_cert(const struct isakmp_cert *a, const struct isakmp_cert *b)
{
	return a->encoding == b->encoding && same_view(a->data, b->data);
}

static inline bool same_certreq(const struct isakmp_cert *a, const struct isakmp_cert *b)
{
	return same_cert(a, b);
}

static inline bool same_notify(const struct isakmp_notify *a, const struct isakmp_notify *b)
{
	return a->doi == b->doi && a->protocol == b->protocol && a->type == b->type && same_view(a->spi, b->spi) &&
	       same_view(a->data, b->data);
}

static inline bool same_delete(const struct isakmp_delete *a, const struct isakmp_delete *b)
{
	return a->doi == b->doi && a->protocol == b->protocol && a->spi_size == b->spi_size && a->count == b->count &&
	       same_view(a->spis, b->spis);
}

static inline bool same_cfg(const struct isakmp_cfg *a, const struct isakmp_cfg *b)
{
	return a->type == b->type && a->identifier == b->identifier && same_view(a->attrs, b->attrs);
}

static inline bool same_fragment(const struct isakmp_fragment *a, const struct isakmp_fragment *b)
{
	return a->id == b->id && a->number == b->number && a->last == b->last && same_view(a->data, b->data);
}

#endif
