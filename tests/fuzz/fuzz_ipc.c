// SPDX-License-Identifier: MIT
// What a role that was taken over could write into its channels: records of a 16-bit length and a message.
#include "keyd/auth/codec.h"
#include "keyd/crypto/alg.h"
#include "keyd/ctl/ask.h"
#include "keyd/ctl/line.h"
#include "keyd/ctl/render.h"
#include "keyd/kern/door.h"
#include "keyd/trust/codec.h"
#include "keyd/trust/trust.h"
#include "keyd/util/ipc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ctl_line line;

static int on_auth(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct auth_request rq;

	(void)ch;
	(void)arg;
	return auth_request_get(&r, &rq);
}

static int on_secret(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct psk_entry e;
	int bad = auth_secret_get(&r, &e);

	(void)ch;
	(void)arg;
	secret_clear(&e.key);
	return bad;
}

static int on_kern(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	static const struct kern_allows none;
	struct kern_request rq = { 0 };
	char why[160];

	(void)ch;
	(void)arg;
	memcpy(&rq, m->body.p, m->body.n < sizeof(rq) ? m->body.n : sizeof(rq));
	door_check(&none, &rq, why, sizeof(why));
	return 0;
}

static int on_line(char *text, size_t n, void *arg)
{
	struct ctl_ask ask;
	char why[200];

	(void)arg;
	ctl_ask_parse(&ask, text, n, why, sizeof(why));
	return 0;
}

static int on_ctl(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	return ctl_line_feed(&line, (const char *)m->body.p, m->body.n, on_line, NULL);
}

static int on_event(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct engine_event ev = { 0 };

	(void)ch;
	(void)arg;
	memcpy(&ev, m->body.p, m->body.n < sizeof(ev) ? m->body.n : sizeof(ev));
	json_decref(render_event(&ev, 0));
	return 0;
}

static void no_answer(void *arg, const struct trust_answer *an)
{
	(void)arg;
	if (an->text[sizeof(an->text) - 1] || an->subject[sizeof(an->subject) - 1] || an->nticket > TRUST_TICKET_MAX)
		abort();
}

/* Nobody is believed here, so nothing may be fetched. */
static void no_fetch(void *arg, const struct trust_fetch *f)
{
	(void)arg;
	(void)f;
	abort();
}

static void no_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

/* What the trust role is asked, certificates and all. */
static int on_trust(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	static const struct trust_hooks hooks = { .answer = no_answer, .fetch = no_fetch, .log = no_log };
	static const struct trust_time now = { 1, 1800000000 };
	static struct trust *t;
	struct rd r = rd_of_view(m->body);
	struct trust_request rq;

	(void)ch;
	(void)arg;
	if (trust_request_get(&r, &rq))
		return -1;
	if (!t && (crypto_init() || !(t = trust_new(&hooks, NULL))))
		abort();
	trust_begin(t, true, 0);
	trust_end(t, now);
	trust_ask(t, now, &rq);
	return 0;
}

static const struct ipc_rule rules[] = {
	{ 1, false, 1, AUTH_REQUEST_MAX, on_auth },
	{ 2, false, 1, AUTH_SECRET_MAX, on_secret },
	{ 3, false, 0, sizeof(struct kern_request), on_kern },
	{ 4, false, 0, 4096, on_ctl },
	{ 5, false, 0, sizeof(struct engine_event), on_event },
	{ 6, false, 1, TRUST_REQUEST_MAX, on_trust },
	{ 0 },
};
static const struct ipc_table table = { "fuzz", rules };

static void on_end(struct ipc *ch, enum ipc_end why, void *arg)
{
	(void)ch;
	(void)why;
	loop_stop(arg, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size), record;
	struct loop *l = loop_new();
	struct ipc *ch;
	uint16_t n;
	int fds[2];

	if (!l || ipc_pair(fds))
		abort();
	line.n = 0;
	ch = ipc_open(l, fds[0], &table, on_end, l);
	if (!ch)
		abort();
	while (!rd_u16(&r, &n) && !rd_sub(&r, n, &record))
		if (send(fds[1], record.p, rd_left(&record), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	close(fds[1]);
	loop_run(l);
	ipc_close(ch);
	loop_free(l);
	return 0;
}
