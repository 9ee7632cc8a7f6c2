// SPDX-License-Identifier: MIT
// What the engine asks of the ike role: its hooks.
#include "keyd/roles/ike.h"

#include "keyd/auth/codec.h"
#include "keyd/trust/codec.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define EVENT_QUEUE_MAX (16u << 20)	/* bytes that may wait for the ctl role before events are left out */

static void hook_send(void *arg, const struct engine_datagram *d)
{
	(void)arg;
	udp_send(ike.udp, d);
}

static void hook_kern(void *arg, const struct kern_request *rq)
{
	(void)arg;
	if (rq->id)
		pending_add(&ike.kern, rq->id);
	ipc_send(ike.w->peer[ROLE_KERN], M_KERN_REQUEST, 0, rq, sizeof(*rq));
}

static void hook_auth(void *arg, const struct auth_request *rq)
{
	static uint8_t body[AUTH_REQUEST_MAX];
	struct wr w = wr_of(body, sizeof(body));

	(void)arg;
	auth_request_put(&w, rq);
	pending_add(wr_ok(&w) ? &ike.auth : &ike.refused, rq->id);
	if (wr_ok(&w))
		ipc_send(ike.w->peer[ROLE_AUTH], M_AUTH_REQUEST, rq->id, w.buf, w.len);
}

static void hook_trust(void *arg, const struct trust_request *rq)
{
	static uint8_t body[TRUST_REQUEST_MAX];
	struct wr w = wr_of(body, sizeof(body));

	(void)arg;
	trust_request_put(&w, rq);
	pending_add(wr_ok(&w) ? &ike.trust : &ike.distrusted, rq->id);
	if (wr_ok(&w))
		ipc_send(ike.w->peer[ROLE_TRUST], M_TRUST_REQUEST, rq->id, w.buf, w.len);
}

/* A burst that the ctl role does not keep up with must not end its channel: what is left out is counted and told. */
static void hook_event(void *arg, const struct engine_event *ev)
{
	struct engine_event missed = { .type = ENGINE_MISSED, .at = ev->at, .message_id = ike.events_missed };

	(void)arg;
	if (!ike.w->peer[ROLE_CTL])	/* it has not come yet, or not come back */
		return;
	if (ipc_queued(ike.w->peer[ROLE_CTL]) > EVENT_QUEUE_MAX) {
		ike.events_missed++;
		return;
	}
	if (ike.events_missed)
		ipc_send(ike.w->peer[ROLE_CTL], M_CTL_EVENT, 0, &missed, sizeof(missed));
	ike.events_missed = 0;
	ipc_send(ike.w->peer[ROLE_CTL], M_CTL_EVENT, 0, ev, sizeof(*ev));
}

static void hook_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	log_line(level, text);
}

/* One write for each line: the tables are opened to append. */
static void hook_keys(void *arg, enum engine_key_table table, const char *line, size_t n)
{
	(void)arg;
	if (write(ike.keylog[table], line, n) == (ssize_t)n || ike.keylog_failed)
		return;
	ike.keylog_failed = true;
	log_warning("the key log cannot be written, keys are missing there: role=ike error=\"%s\"", strerror(errno));
}

static void hook_resolv(void *arg, const struct engine_resolv *r)
{
	(void)arg;
	ipc_send(ike.w->parent, M_RESOLV, 0, r, sizeof(*r));
}

static void hook_lookup(void *arg, const char *host)
{
	(void)arg;
	ipc_send(ike.w->parent, M_LOOKUP, 0, host, strlen(host));
}

static void hook_keep(void *arg, uint64_t id, const void *record, size_t n)
{
	(void)arg;
	if (!ike.state || !state_keep(ike.state, id, record, n) || ike.state_full)
		return;
	ike.state_full = true;
	log_warning("there is no more memory for what outlives keyd: some SAs will be negotiated anew after a restart: role=ike records=%u",
		    state_records(ike.state));
}

static void hook_kept(void *arg)
{
	(void)arg;
	if (ike.state)
		state_commit(ike.state);
}

const struct engine_hooks ike_hooks = {
	.keep = hook_keep, .kept = hook_kept,
	.resolv = hook_resolv,
	.lookup = hook_lookup,
	.send = hook_send, .kern = hook_kern, .auth = hook_auth, .trust = hook_trust, .event = hook_event,
	.log = hook_log, .keys = hook_keys,
};
