// SPDX-License-Identifier: MIT
// Selectors of quick mode as ID payloads (RFC 2407 4.6.2, RFC 2409 5.5).
#include "keyd/ikev1/quick.h"

#include "keyd/ike/selector.h"
#include "keyd/wire/ikev2.h"
#include "keyd/wire/isakmp_id.h"

#include <string.h>

static bool any_port(const struct wire_ts *ts)
{
	return !ts->port_start && ts->port_end == UINT16_MAX;
}

bool v1_id_says(const struct wire_ts *ts)
{
	return any_port(ts) || (ts->port_start == ts->port_end && ts->port_start && !ts_proto_has_types(ts->proto));
}

static void put_id(struct wire_out *out, const struct wire_ts *ts)
{
	struct isakmp_id id = { .proto = ts->proto, .port = any_port(ts) ? 0 : ts->port_start };
	struct isakmp_id_range r = { .len = ts->addr_len };
	size_t mark = wire_payload_begin(out, ISAKMP_PL_ID);
	uint8_t buf[32];

	memcpy(r.first, ts->start, sizeof(r.first));
	memcpy(r.last, ts->end, sizeof(r.last));
	isakmp_id_of_range(&id, &r, buf);
	isakmp_id_put(&out->w, &id);
	wire_payload_end(out, mark);
}

void v1_put_ids(struct exchange *x, struct wire_out *out)
{
	put_id(out, &x->ts_local.ts[0]);
	put_id(out, &x->ts_remote.ts[0]);
}

static const char *take(const struct wire_payload *p, struct wire_ts_list *l)
{
	struct isakmp_id_range r;
	struct isakmp_id id;
	struct wire_ts *ts = &l->ts[0];

	memset(ts, 0, sizeof(*ts));
	if (isakmp_id_get(&id, p->body) || isakmp_id_range(&id, &r))
		return "its identities are no addresses, subnets or ranges";
	l->n = 1;
	l->skipped = false;
	ts->type = r.len == 4 ? IKEV2_TS_IPV4_ADDR_RANGE : IKEV2_TS_IPV6_ADDR_RANGE;
	ts->addr_len = r.len;
	memcpy(ts->start, r.first, r.len);
	memcpy(ts->end, r.last, r.len);
	ts->proto = id.proto;
	ts->port_start = id.port;
	ts->port_end = id.port ? id.port : UINT16_MAX;
	return NULL;
}

static void host(struct wire_ts_list *l, const struct ipsec_addr *a)
{
	struct ipsec_selector sel = { .src = *a, .src_len = ipsec_addr_bits(a->family) };

	l->n = 1;
	l->skipped = false;
	selector_to_ts(&sel, SELECTOR_SRC, &l->ts[0]);
}

const char *v1_take_ids(const struct exchange *x, struct wire_ts_list *local, struct wire_ts_list *remote)
{
	const struct wire_payload *ci = wire_find(&x->m, ISAKMP_PL_ID), *cr = ci ? wire_next(&x->m, ISAKMP_PL_ID, ci) : NULL;
	struct wire_ts_list *of_ci = x->ops ? local : remote, *of_cr = x->ops ? remote : local;
	const char *why;

	if (!ci) {		/* then the two ends are meant (RFC 2409 5.5) */
		host(local, &x->sa->local);
		host(remote, &x->sa->remote);
		return NULL;
	}
	if (!cr)
		return "one of its two identities is missing";
	why = take(ci, of_ci);
	return why ? why : take(cr, of_cr);
}
