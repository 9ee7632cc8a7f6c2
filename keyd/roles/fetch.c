// SPDX-License-Identifier: MIT
// The fetch role: gets revocation lists, OCSP answers and addresses of names; has no key, and believes nothing it gets.
#include "keyd/fetch/fetcher.h"
#include "keyd/fetch/lookup.h"
#include "keyd/roles/worker.h"

#include <string.h>

_Static_assert(URL_MAX == MESSAGE_URL_MAX, "what may be asked for can be fetched");
_Static_assert(FETCHER_WHY_MAX <= MESSAGE_FETCH_WHY_MAX, "why not fits into an answer");

static struct lookups *lookups;

/* In here there is no resolv.conf any more; who is started next reads it as it is then. */
static void on_stale(void *arg)
{
	struct worker *w = arg;

	loop_stop(w->loop, KEYD_OK);
}

static void on_end(void *arg, uint32_t id, int fd, const char *why)
{
	struct worker *w = arg;

	if (why)
		ipc_send(w->peer[ROLE_TRUST], M_FETCH_FAILED, id, why, strlen(why));
	else
		ipc_sendv(w->peer[ROLE_TRUST], M_FETCHED, id, NULL, 0, fd);
	if (fetcher_stale(w->state))
		on_stale(w);
}

static int on_fetch(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct worker *w = arg;
	struct rd r = rd_of_view(m->body);
	struct message_fetch head;
	struct view part;
	struct fetcher_want want;

	(void)ch;
	if (rd_view(&r, sizeof(head), &part))
		return -1;
	memcpy(&head, part.p, sizeof(head));
	want = (struct fetcher_want){ .most = head.most, .wait_ms = head.wait_ms };
	if (rd_view(&r, head.nurl, &want.url) || rd_view(&r, head.npost, &want.post) || rd_left(&r) ||
	    head.most > MESSAGE_FETCH_MOST_MAX || head.wait_ms > MESSAGE_FETCH_WAIT_MAX || fetcher_has(w->state, m->id))
		return -1;
	fetcher_begin(w->state, m->id, &want);
	return 0;
}

static void on_looked(void *arg, uint32_t id, const struct names_answer *a)
{
	struct worker *w = arg;
	struct message_addresses m = { 0 };

	for (unsigned int i = 0; i < a->n && m.n < CONF_ADDRS_MAX; i++)
		m.n += !ipsec_addr_parse(&m.addr[m.n], a->addr[i]);
	ipc_send(w->parent, M_ADDRESSES, id, &m, sizeof(m));
	if (a->error == NAMES_FAILED)
		fetcher_no_names(w->state);
	if (fetcher_stale(w->state))
		on_stale(w);
}

static int on_lookup(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	static const struct names_answer none = { .error = NAMES_NONE };
	char host[CONF_HOST_MAX] = "";

	(void)ch;
	if (memchr(m->body.p, 0, m->body.n))
		return -1;
	memcpy(host, m->body.p, m->body.n);
	if (!lookups_ask(lookups, m->id, host))
		on_looked(arg, m->id, &none);
	return 0;
}

static int on_cancel(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct worker *w = arg;

	(void)ch;
	fetcher_cancel(w->state, m->id);
	return 0;
}

/* Who comes next has asked for nothing yet. */
static void peer_down(struct worker *w, enum role_id peer)
{
	(void)peer;
	if (w->state)
		fetcher_cancel_all(w->state);
}

/* While there are still files: resolv.conf and hosts. */
static int prepare(struct worker *w)
{
	w->state = fetcher_new(w->loop, on_end, on_stale, w);
	lookups = w->state ? lookups_new(fetcher_names(w->state), on_looked, w) : NULL;
	return lookups ? 0 : worker_fail(w, KEYD_FAILED, "the fetch role has no memory");
}

static int start(struct worker *w)
{
	worker_ready(w, "");
	return 0;
}

static void stop(struct worker *w)
{
	lookups_free(lookups);
	lookups = NULL;
	fetcher_free(w->state);
	w->state = NULL;
}

static const struct ipc_rule from_parent[] = {
	{ M_LOOKUP, false, 1, CONF_HOST_MAX - 1, on_lookup },
	{ 0 },
};
static const struct ipc_rule from_trust[] = {
	{ M_FETCH, false, sizeof(struct message_fetch), sizeof(struct message_fetch) + MESSAGE_URL_MAX + MESSAGE_FETCH_POST_MAX,
	  on_fetch },
	{ M_FETCH_CANCEL, false, 0, 0, on_cancel },
	{ 0 },
};

const struct role role_fetch = {
	.name = "fetch",
	.title = "keyd: fetch",
	.who = "keyd[fetch]",
	.prepare = prepare,
	.start = start,
	.stop = stop,
	.peer_down = peer_down,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_TRUST] = from_trust },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.undumpable = true,
	.expendable = true,
};
