// SPDX-License-Identifier: MIT
// Traffic selectors of a child as payloads.
#include "keyd/ikev2/child_ts.h"

#include "keyd/ike/child_traffic.h"
#include "keyd/ikev2/message.h"

static bool is_transport(const struct child_sa *c)
{
	return c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT;
}

static void put_ts(struct wire_out *out, uint8_t type, const struct wire_ts_list *ts)
{
	size_t mark = wire_payload_begin(out, type);

	wire_ts_put(&out->w, ts);
	wire_payload_end(out, mark);
}

/* -1: absent or malformed. What we do not know was left out, so that nothing may be left. */
static int get_ts(const struct wire_message *m, uint8_t type, struct wire_ts_list *ts)
{
	const struct wire_payload *p = wire_find(m, type);

	return p && !wire_ts_get(ts, p->body) ? 0 : -1;
}

void child_ts_put_offer(struct exchange *x, struct wire_out *out)
{
	child_traffic_offer(x);
	put_ts(out, IKEV2_PL_TSI, &x->ts_local);
	put_ts(out, IKEV2_PL_TSR, &x->ts_remote);
	if (is_transport(x->child))
		message_put_notify(out, IKEV2_N_USE_TRANSPORT_MODE, (struct view){ 0 });
}

const char *child_ts_take(struct exchange *x)
{
	struct wire_ts_list local, remote;

	if (get_ts(&x->m, IKEV2_PL_TSI, &local) || get_ts(&x->m, IKEV2_PL_TSR, &remote) || !local.n || !remote.n)
		return "the answer has no usable traffic selectors";
	return child_traffic_take(x, &local, &remote);
}

uint16_t child_ts_choose(struct exchange *x)
{
	struct wire_ts_list local, remote;

	if (get_ts(&x->m, IKEV2_PL_TSI, &remote) || get_ts(&x->m, IKEV2_PL_TSR, &local))
		return IKEV2_N_INVALID_SYNTAX;
	return child_traffic_choose(x, &local, &remote, message_has_notify(&x->m, IKEV2_N_USE_TRANSPORT_MODE, NULL));
}

void child_ts_put_answer(struct exchange *x, struct wire_out *out)
{
	put_ts(out, IKEV2_PL_TSI, &x->ts_remote);
	put_ts(out, IKEV2_PL_TSR, &x->ts_local);
	if (is_transport(x->child))
		message_put_notify(out, IKEV2_N_USE_TRANSPORT_MODE, (struct view){ 0 });
	if (x->more_ts)
		message_put_notify(out, IKEV2_N_ADDITIONAL_TS_POSSIBLE, (struct view){ 0 });
}
