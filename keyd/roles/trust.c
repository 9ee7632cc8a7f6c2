// SPDX-License-Identifier: MIT
// The trust role: looks at what peers sign and show. It has no key of ours, and no door to the network.
#include "keyd/trust/trust.h"

#include "keyd/crypto/alg.h"
#include "keyd/crypto/status.h"
#include "keyd/roles/worker.h"
#include "keyd/trust/codec.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READ_FIRST 65536		/* bytes of memory for a file, at first */

_Static_assert(TRUST_URL_MAX == MESSAGE_URL_MAX, "what is wanted can be asked for");

static struct {
	struct worker *w;
	struct trust *trust;
	struct loop_timer *timer;
	bool ready;
	int fetched;			/* the file that is being looked at; -1: none */
} role = { .fetched = -1 };

static struct trust_time now(void)
{
	return (struct trust_time){ .us = loop_now(), .wall = (int64_t)time(NULL) };
}

static void rearm(void)
{
	loop_timer_set(role.timer, trust_deadline(role.trust, now()));
}

static void on_timer(void *arg)
{
	(void)arg;
	trust_tick(role.trust, now());
	rearm();
}

/* --- what it wants --- */

static void on_answer(void *arg, const struct trust_answer *an)
{
	(void)arg;
	if (an->error)
		log_debug("refused: role=trust error=%d subject=\"%s\" text=\"%s\"", an->error, an->subject, an->text);
	ipc_send(role.w->peer[ROLE_IKE], M_TRUST_ANSWER, 0, an, sizeof(*an));
}

static void on_changed(void *arg)
{
	(void)arg;
	ipc_send(role.w->peer[ROLE_IKE], M_TRUST_CHANGED, 0, NULL, 0);
}

static void on_staple(void *arg, const struct conf_digest *key, struct view response)
{
	const struct view parts[] = { { key->b, sizeof(key->b) }, response };

	(void)arg;
	ipc_sendv(role.w->peer[ROLE_IKE], M_TRUST_STAPLE, 0, parts, 2, -1);
}

static void on_fetch(void *arg, const struct trust_fetch *f)
{
	const struct message_fetch head = {
		.most = f->most, .wait_ms = f->wait_ms, .nurl = (uint16_t)f->url.n, .npost = (uint16_t)f->post.n,
	};
	const struct view parts[] = { { (const uint8_t *)&head, sizeof(head) }, f->url, f->post };

	(void)arg;
	log_debug("fetch: role=trust url=%.*s", (int)f->url.n, (const char *)f->url.p);
	ipc_sendv(role.w->peer[ROLE_FETCH], M_FETCH, f->id, parts, 3, -1);
}

static void on_cancel(void *arg, uint32_t id)
{
	(void)arg;
	ipc_send(role.w->peer[ROLE_FETCH], M_FETCH_CANCEL, id, NULL, 0);
}

/* The file is the one that was just fetched, and sealed. */
static void on_cache(void *arg, struct view url, struct view bytes)
{
	(void)arg;
	(void)bytes;
	if (role.fetched >= 0)
		ipc_sendv(role.w->parent, M_TRUST_CACHE, 0, &url, 1, role.fetched);
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	log_line(level, text);
}

static const struct trust_hooks hooks = { on_answer, on_changed, on_staple, on_fetch, on_cancel, on_cache, on_log };

/* --- files --- */

/* All of a file, at most CRYPTO_CRL_MAX + 1 bytes, which is too much. The caller's to free; NULL: *why says it. */
static uint8_t *read_all(int fd, size_t *n, const char **why)
{
	size_t room = READ_FIRST;
	uint8_t *p = malloc(room), *more;
	ssize_t got = 1;

	*n = 0;
	while (p && got > 0 && *n <= CRYPTO_CRL_MAX) {
		if (*n == room) {
			more = realloc(p, 2 * room);
			if (!more)
				free(p);
			p = more;
			room *= 2;
			continue;
		}
		got = pread(fd, p + *n, room - *n, (off_t)*n);
		*n += got > 0 ? (size_t)got : 0;
	}
	if (p && got >= 0)
		return p;
	*why = p ? "it cannot be read" : "there is no memory";
	free(p);
	return NULL;
}

/* --- from the parent --- */

static void complain(const char *what, struct view name, const char *why)
{
	log_error("%.*s: %s: %s", (int)name.n, (const char *)name.p, what, why);
}

static int on_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct message_trust head;

	(void)ch;
	(void)arg;
	memcpy(&head, m->body.p, sizeof(head));
	trust_begin(role.trust, head.fetch != 0, head.warning_days);
	return 0;
}

static int on_ca(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct conf_digest set;
	const char *why;
	struct view v;

	(void)ch;
	(void)arg;
	if (rd_view(&r, sizeof(set.b), &v))
		return -1;
	memcpy(set.b, v.p, v.n);
	if (trust_ca(role.trust, &set, rd_rest(&r), &why))
		log_error("a CA is not believed: role=trust error=\"%s\"", why);
	return 0;
}

static int on_pin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	const char *why;

	(void)ch;
	(void)arg;
	if (trust_pin(role.trust, m->body, &why))
		log_error("a peer's key is not known: role=trust error=\"%s\"", why);
	return 0;
}

static int on_own(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct message_own head;
	const char *why;
	struct view v;

	(void)ch;
	(void)arg;
	if (rd_view(&r, sizeof(head), &v))
		return -1;
	memcpy(&head, v.p, sizeof(head));
	head.at[sizeof(head.at) - 1] = 0;
	if (trust_own(role.trust, &head.key, head.at, rd_rest(&r), &why))
		log_error("%s: nobody looks after this certificate: %s", head.at, why);
	return 0;
}

static int on_crl(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	const char *why;
	size_t n;
	uint8_t *p = read_all(m->fd, &n, &why);

	(void)ch;
	(void)arg;
	if (!p || trust_crl(role.trust, now(), (struct view){ p, n }, &why))
		complain("this revocation list is of no use", m->body, why);
	free(p);
	return 0;
}

static int on_crl_url(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	const char *why;

	(void)ch;
	(void)arg;
	if (trust_crl_url(role.trust, m->body, &why))
		complain("no revocation list can come from there", m->body, why);
	return 0;
}

static int on_cached(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	const char *why;
	size_t n;
	uint8_t *p = read_all(m->fd, &n, &why);

	(void)ch;
	(void)arg;
	if (!p || trust_cached(role.trust, now(), m->body, (struct view){ p, n }, &why))
		log_info("what was kept of an earlier fetch is of no use: url=%.*s error=\"%s\"", (int)m->body.n,
			 (const char *)m->body.p, why);
	free(p);
	return 0;
}

static int on_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	trust_end(role.trust, now());
	rearm();
	if (!role.ready)
		worker_ready(arg, "");
	role.ready = true;
	return 0;
}

/* --- from the others --- */

static int on_request(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct trust_request rq;

	(void)ch;
	(void)arg;
	if (trust_request_get(&r, &rq))
		return -1;
	rq.id = m->id;
	trust_ask(role.trust, now(), &rq);
	rearm();
	return 0;
}

static int on_fetched(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	static const char unread[] = "gave something that cannot be read";
	const char *why;
	size_t n;
	uint8_t *p = read_all(m->fd, &n, &why);

	(void)ch;
	(void)arg;
	role.fetched = m->fd;
	if (p)
		trust_fetched(role.trust, now(), m->id, (struct view){ p, n });
	else
		trust_fetch_failed(role.trust, now(), m->id, (struct view){ (const uint8_t *)unread, sizeof(unread) - 1 });
	role.fetched = -1;
	free(p);
	rearm();
	return 0;
}

static int on_fetch_failed(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	trust_fetch_failed(role.trust, now(), m->id, m->body);
	rearm();
	return 0;
}

static void peer_up(struct worker *w, enum role_id peer)
{
	(void)w;
	if (peer == ROLE_IKE)
		trust_asker(role.trust, true);
	else if (peer == ROLE_FETCH)
		trust_fetcher(role.trust, now(), true);
	rearm();
}

static void peer_down(struct worker *w, enum role_id peer)
{
	(void)w;
	if (!role.trust)
		return;
	if (peer == ROLE_IKE)
		trust_asker(role.trust, false);
	else if (peer == ROLE_FETCH)
		trust_fetcher(role.trust, now(), false);
	rearm();
}

static int prepare(struct worker *w)
{
	role.w = w;
	if (crypto_init())
		return worker_fail(w, KEYD_FAILED, crypto_error());
	role.trust = trust_new(&hooks, NULL);
	role.timer = loop_timer_new(w->loop, on_timer, NULL);
	return role.trust && role.timer ? 0 : worker_fail(w, KEYD_FAILED, "role trust: out of memory");
}

static void stop(struct worker *w)
{
	(void)w;
	trust_free(role.trust);
	role.trust = NULL;
	loop_timer_free(role.timer);
	crypto_exit();
}

static const struct ipc_rule from_parent[] = {
	IPC_EXACT(M_TRUST_BEGIN, message_trust, on_begin),
	{ M_TRUST_CA, false, 1, sizeof(struct conf_digest) + CRYPTO_CERT_MAX, on_ca },
	{ M_TRUST_PIN, false, 1, CRYPTO_SPKI_MAX, on_pin },
	{ M_TRUST_OWN, false, sizeof(struct message_own), sizeof(struct message_own) + CONF_CHAIN_MAX, on_own },
	{ M_TRUST_CRL, true, 1, MESSAGE_NAME_MAX, on_crl },
	{ M_TRUST_CRL_URL, false, 1, MESSAGE_URL_MAX, on_crl_url },
	{ M_TRUST_CACHED, true, 1, MESSAGE_URL_MAX, on_cached },
	IPC_EMPTY(M_TRUST_END, on_end),
	{ 0 },
};
static const struct ipc_rule from_ike[] = {
	{ M_TRUST_REQUEST, false, 1, TRUST_REQUEST_MAX, on_request },
	{ 0 },
};
static const struct ipc_rule from_fetch[] = {
	{ M_FETCHED, true, 0, 0, on_fetched },
	{ M_FETCH_FAILED, false, 0, MESSAGE_FETCH_WHY_MAX, on_fetch_failed },
	{ 0 },
};

const struct role role_trust = {
	.name = "trust",
	.title = "keyd: trust",
	.who = "keyd[trust]",
	.prepare = prepare,
	.stop = stop,
	.peer_up = peer_up,
	.peer_down = peer_down,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_IKE] = from_ike, [ROLE_FETCH] = from_fetch },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.undumpable = true,
	.expendable = true,
};
