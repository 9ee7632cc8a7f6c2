/* SPDX-License-Identifier: MIT */
/* Do two decoded payloads say the same? For the round trips of the unit tests and of the fuzz target. */
#ifndef TESTS_UNIT_TEST_WIRE_SAME_H
#define TESTS_UNIT_TEST_WIRE_SAME_H

#include "keyd/wire/auth.h"
#include "keyd/wire/cert.h"
#include "keyd/wire/cp.h"
#include "keyd/wire/delete.h"
#include "keyd/wire/eap.h"
#include "keyd/wire/id.h"
#include "keyd/wire/ke.h"
#include "keyd/wire/nonce.h"
#include "keyd/wire/notify.h"
#include "keyd/wire/payload.h"
#include "keyd/wire/sa.h"
#include "keyd/wire/sk.h"
#include "keyd/wire/ts.h"
#include "keyd/wire/vendor.h"

#include <string.h>

static inline bool same_view(struct view a, struct view b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static inline bool same_header(const struct wire_header *a, const struct wire_header *b)
{
	return !memcmp(a->spi_i, b->spi_i, sizeof(a->spi_i)) && !memcmp(a->spi_r, b->spi_r, sizeof(a->spi_r)) &&
	       a->next_payload == b->next_payload && a->major == b->major && a->minor == b->minor &&
	       a->exchange == b->exchange && a->flags == b->flags && a->message_id == b->message_id &&
	       a->length == b->length;
}

static inline bool same_proposal(const struct wire_proposal *a, const struct wire_proposal *b)
{
	if (a->number != b->number || a->protocol != b->protocol || !same_view(a->spi, b->spi) || a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->t[i].type != b->t[i].type || a->t[i].id != b->t[i].id || a->t[i].key_bits != b->t[i].key_bits)
			return false;
	return true;
}

static inline bool same_sa(const struct wire_sa *a, const struct wire_sa *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!same_proposal(&a->p[i], &b->p[i]))
			return false;
	return true;
}

static inline bool same_ke(const struct wire_ke *a, const struct wire_ke *b)
{
	return a->group == b->group && same_view(a->data, b->data);
}

static inline bool same_nonce(const struct wire_nonce *a, const struct wire_nonce *b)
{
	return same_view(a->data, b->data);
}

static inline bool same_id(const struct wire_id *a, const struct wire_id *b)
{
	return a->type == b->type && same_view(a->data, b->data);
}

static inline bool same_auth(const struct wire_auth *a, const struct wire_auth *b)
{
	return a->method == b->method && same_view(a->data, b->data);
}

static inline bool same_notify(const struct wire_notify *a, const struct wire_notify *b)
{
	return a->protocol == b->protocol && a->type == b->type && same_view(a->spi, b->spi) &&
	       same_view(a->data, b->data);
}

static inline bool same_delete(const struct wire_delete *a, const struct wire_delete *b)
{
	return a->protocol == b->protocol && a->spi_size == b->spi_size && a->count == b->count &&
	       same_view(a->spis, b->spis);
}

static inline bool same_ts(const struct wire_ts_list *a, const struct wire_ts_list *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		const struct wire_ts *x = &a->ts[i], *y = &b->ts[i];

		if (x->type != y->type || x->proto != y->proto || x->port_start != y->port_start ||
		    x->port_end != y->port_end || x->addr_len != y->addr_len ||
		    memcmp(x->start, y->start, sizeof(x->start)) || memcmp(x->end, y->end, sizeof(x->end)))
			return false;
	}
	return true;
}

static inline bool same_cert(const struct wire_cert *a, const struct wire_cert *b)
{
	return a->encoding == b->encoding && same_view(a->data, b->data);
}

static inline bool same_certreq(const struct wire_cert *a, const struct wire_cert *b)
{
	return same_cert(a, b);
}

static inline bool same_vendor(const struct wire_vendor *a, const struct wire_vendor *b)
{
	return same_view(a->data, b->data);
}

static inline bool same_cp(const struct wire_cp *a, const struct wire_cp *b)
{
	return a->type == b->type && same_view(a->attrs, b->attrs);
}

static inline bool same_eap(const struct wire_eap *a, const struct wire_eap *b)
{
	return same_view(a->data, b->data);
}

#endif
