// SPDX-License-Identifier: MIT
// One fetch after the other, many at once: name, address, request, perhaps elsewhere, file.
#include "keyd/fetch/fetcher.h"

#include "keyd/fetch/follow.h"
#include "keyd/fetch/http.h"
#include "keyd/fetch/names.h"
#include "keyd/util/list.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fetcher {
	struct loop *loop;
	struct names *names;
	fetcher_fn *fn;
	void *arg;
	struct list running, waiting;
	unsigned int nrunning, nwaiting;
	uint64_t held;			/* bytes in files that are not whole */
	bool no_names;			/* no name server has told the last name that was asked for */
	bool changed;			/* what says who is a name server */
	struct follow *follow;		/* NULL: that is not noticed */
	loop_fn *stale;
};

struct fetch {
	struct list link;
	struct fetcher *f;
	uint32_t id, most, wait_ms;
	uint64_t deadline;
	struct url url;			/* where it is now */
	unsigned int redirects;
	uint8_t *post;
	size_t npost;
	bool running;
	struct loop_timer *timer;	/* to the deadline, or until the next address is tried */
	struct names_question *question;
	struct names_answer addrs;
	unsigned int at;		/* of addrs */
	struct http *http;
	int fd;
};

static void kick(struct fetcher *f);
static void locate(struct fetch *t);

static void fetch_free(struct fetch *t)
{
	unsigned int *count = t->running ? &t->f->nrunning : &t->f->nwaiting;

	list_del(&t->link);
	--*count;
	names_cancel(t->question);
	http_free(t->http);
	loop_timer_free(t->timer);
	if (t->fd >= 0)
		close(t->fd);
	free(t->post);
	free(t);
}

/* --- ends; t is gone afterwards --- */

static void failed(struct fetch *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void failed(struct fetch *t, const char *fmt, ...)
{
	char why[FETCHER_WHY_MAX], url[URL_STRLEN];
	struct fetcher *f = t->f;
	uint32_t id = t->id;
	int n = 0;
	va_list ap;

	if (t->redirects)
		n = snprintf(why, sizeof(why), "leads to %s, which ", url_format(&t->url, url, sizeof(url)));
	va_start(ap, fmt);
	vsnprintf(why + n, sizeof(why) - (size_t)n, fmt, ap);
	va_end(ap);
	fetch_free(t);
	f->fn(f->arg, id, -1, why);
	kick(f);
}

static void got(struct fetch *t)
{
	struct fetcher *f = t->f;
	uint32_t id = t->id;
	int fd = t->fd;

	t->fd = -1;
	if (lseek(fd, 0, SEEK_CUR) == 0) {
		close(fd);
		return failed(t, "answers with nothing");
	}
	fetch_free(t);
	lseek(fd, 0, SEEK_SET);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	f->fn(f->arg, id, fd, NULL);
	close(fd);
	kick(f);
}

static void unreached(struct fetch *t, int error)
{
	if (error == ECONNREFUSED)
		return failed(t, "refuses the connection");
	if (error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL || error == EACCES || error == EPERM)
		return failed(t, "cannot be reached: %s", strerror(error));
	failed(t, "cannot be connected to");
}

static void out_of_time(struct fetch *t)
{
	double s = t->wait_ms / 1000.0;

	if (!t->running)
		return failed(t, "has to wait for other fetches for more than %.3g s", s);
	t->f->no_names |= t->question != NULL;
	if (t->question)
		return failed(t, "is at \"%s\", whose address no name server tells within %.3g s", t->url.host, s);
	if (t->http && http_answers(t->http))
		return failed(t, "does not answer in full within %.3g s", s);
	failed(t, "does not answer within %.3g s", s);
}

static void long_words(struct fetch *t)
{
	if (t->most >= 1u << 20)
		return failed(t, "sends more than %u MB", t->most >> 20);
	if (t->most >= 1u << 10)
		return failed(t, "sends more than %u kB", t->most >> 10);
	failed(t, "sends more than %u bytes", t->most);
}

/* --- one address after the other --- */

static void try_address(struct fetch *t);

/* The next address; but what a server said, it meant. */
static void try_next(struct fetch *t, const struct http_answer *a)
{
	if (t->at + 1 < t->addrs.n) {
		t->at++;
		return try_address(t);
	}
	if (a->end == HTTP_UNREACHED)
		return unreached(t, a->error);
	failed(t, a->error == ECONNRESET ? "breaks the connection off" : "ends the connection without an answer");
}

static void elsewhere(struct fetch *t, const struct http_answer *a)
{
	const char *why;

	if (t->redirects == FETCHER_REDIRECTS)
		return failed(t, "leads elsewhere, after %u such answers", FETCHER_REDIRECTS);
	/* 303 asks for a GET instead (RFC 9110 15.4.4), which is no answer to an OCSP request. */
	if (t->npost && a->status == 303)
		return failed(t, "answers %d %s", a->status, a->phrase);
	t->redirects++;
	if (url_follow(&t->url, &t->url, a->location, &why)) {
		t->redirects--;
		return failed(t, "leads to a URL that %s", why);
	}
	locate(t);
}

static void on_http(void *arg, const struct http_answer *answer)
{
	struct fetch *t = arg;
	struct http_answer a = *answer;

	http_free(t->http);
	t->http = NULL;
	switch (a.end) {
	case HTTP_GOT: return got(t);
	case HTTP_STATUS:
		if (a.location[0])
			return elsewhere(t, &a);
		return failed(t, "answers %d%s%s", a.status, a.phrase[0] ? " " : "", a.phrase);
	case HTTP_UNREACHED:
	case HTTP_NOTHING: return try_next(t, &a);
	case HTTP_CUT: return failed(t, "ends the connection in the middle of its answer");
	case HTTP_GARBAGE: return failed(t, "answers with something that is not http");
	case HTTP_LONG: return long_words(t);
	case HTTP_NO_ROOM: return failed(t, "sends what there is no room for: %s", strerror(a.error));
	}
}

/* Each address gets its share of the time that is left; the last one all. */
static uint64_t share(const struct fetch *t)
{
	uint64_t now = loop_now(), left = t->deadline > now ? t->deadline - now : 0;

	return now + left / (t->addrs.n - t->at);
}

static void try_address(struct fetch *t)
{
	const struct http_request r = {
		.url = &t->url, .addr = t->addrs.addr[t->at], .post = { t->post, t->npost }, .most = t->most,
		.fd = t->fd, .held = &t->f->held, .held_most = FETCHER_HELD_MAX,
	};

	http_free(t->http);
	t->http = http_new(t->f->loop, t->f->names, &r, on_http, t);
	if (!t->http)
		return failed(t, "cannot be fetched: %s", strerror(ENOMEM));
	loop_timer_set(t->timer, share(t));
}

static void on_timer(void *arg)
{
	struct fetch *t = arg;

	if (loop_now() >= t->deadline)
		return out_of_time(t);
	if (t->http && http_answers(t->http))
		return loop_timer_set(t->timer, t->deadline);
	try_next(t, &(struct http_answer){ .end = HTTP_UNREACHED, .error = ETIMEDOUT });
}

static void on_names(void *arg, const struct names_answer *a)
{
	struct fetch *t = arg;

	t->question = NULL;
	t->f->no_names = a->error == NAMES_FAILED;
	if (a->error == NAMES_NONE)
		return failed(t, "is at \"%s\", which has no address", t->url.host);
	if (a->error)
		return failed(t, "is at \"%s\", whose address no name server tells", t->url.host);
	t->addrs = *a;
	t->at = 0;
	try_address(t);
}

static void locate(struct fetch *t)
{
	loop_timer_set(t->timer, t->deadline);
	t->question = names_ask(t->f->names, t->url.host, on_names, t);
	if (!t->question)
		failed(t, "cannot be fetched: %s", strerror(ENOMEM));
}

/* --- who goes when --- */

static bool server_is_free(const struct fetcher *f, const struct url *url)
{
	unsigned int n = 0;

	list_each(t, &f->running, struct fetch, link)	/* NOLINT(clang-analyzer-unix.Malloc): see list_del */
		n += t->url.port == url->port && !strcmp(t->url.host, url->host);
	return n < FETCHER_SERVER_AT_ONCE;
}

static void start(struct fetch *t)
{
	struct fetcher *f = t->f;

	list_del(&t->link);
	f->nwaiting--;
	list_add_tail(&f->running, &t->link);
	f->nrunning++;
	t->running = true;
	t->fd = memfd_create("fetched", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (t->fd < 0)
		return failed(t, "cannot be fetched: %s", strerror(errno));
	locate(t);
}

static struct fetch *next(struct fetcher *f)
{
	if (f->nrunning >= FETCHER_AT_ONCE)
		return NULL;
	list_each(t, &f->waiting, struct fetch, link)	/* NOLINT(clang-analyzer-unix.Malloc): likewise */
		if (server_is_free(f, &t->url))
			return t;
	return NULL;
}

/* What fails at once makes room again: that call found nothing more to do, or did it. */
static void kick(struct fetcher *f)
{
	struct fetch *t;

	while ((t = next(f)))
		start(t);
}

static struct fetch *fetch_new(struct fetcher *f, uint32_t id, const struct fetcher_want *want)
{
	struct fetch *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->timer = loop_timer_new(f->loop, on_timer, t);
	t->post = want->post.n ? malloc(want->post.n) : NULL;
	if (!t->timer || (want->post.n && !t->post)) {
		loop_timer_free(t->timer);
		free(t->post);
		free(t);
		return NULL;
	}
	if (want->post.n)
		memcpy(t->post, want->post.p, want->post.n);
	t->npost = want->post.n;
	t->f = f;
	t->fd = -1;
	t->id = id;
	t->most = want->most;
	t->wait_ms = want->wait_ms;
	t->deadline = loop_now() + (uint64_t)want->wait_ms * 1000;
	return t;
}

void fetcher_begin(struct fetcher *f, uint32_t id, const struct fetcher_want *want)
{
	const char *why;
	struct url url;
	struct fetch *t;

	if (url_parse(&url, want->url, &why))
		return f->fn(f->arg, id, -1, why);
	if (f->nwaiting >= FETCHER_WAITING)
		return f->fn(f->arg, id, -1, "is one of too many that are to be fetched");
	t = fetch_new(f, id, want);
	if (!t)
		return f->fn(f->arg, id, -1, "cannot be fetched: no memory");
	t->url = url;
	list_add_tail(&f->waiting, &t->link);
	f->nwaiting++;
	loop_timer_set(t->timer, t->deadline);
	kick(f);
}

static struct fetch *find(const struct fetcher *f, uint32_t id)
{
	list_each(t, &f->running, struct fetch, link)
		if (t->id == id)
			return t;
	list_each(t, &f->waiting, struct fetch, link)
		if (t->id == id)
			return t;
	return NULL;
}

bool fetcher_stale(const struct fetcher *f)
{
	return (f->no_names || f->changed) && !f->nrunning && !f->nwaiting;
}

struct names *fetcher_names(struct fetcher *f)
{
	return f->names;
}

void fetcher_no_names(struct fetcher *f)
{
	f->no_names = true;
}

bool fetcher_has(const struct fetcher *f, uint32_t id)
{
	return find(f, id);
}

void fetcher_cancel(struct fetcher *f, uint32_t id)
{
	struct fetch *t = find(f, id);

	if (!t)
		return;
	fetch_free(t);
	kick(f);
}

void fetcher_cancel_all(struct fetcher *f)
{
	list_each(t, &f->running, struct fetch, link)
		fetch_free(t);
	list_each(t, &f->waiting, struct fetch, link)
		fetch_free(t);
}

/* Servers that lie would fill the log; what is wrong with one is told by its fetch. */
static void on_log(int severity, const char *text)
{
	(void)severity;
	log_debug("libevent: %s", text);
}

static void on_changed(void *arg)
{
	struct fetcher *f = arg;

	f->changed = true;
	if (fetcher_stale(f))
		f->stale(f->arg);
}

struct fetcher *fetcher_new(struct loop *l, fetcher_fn *fn, loop_fn *stale, void *arg)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	event_set_log_callback(on_log);
	f->loop = l;
	f->fn = fn;
	f->stale = stale;
	f->arg = arg;
	list_init(&f->running);
	list_init(&f->waiting);
	f->follow = follow_new(l, on_changed, f);	/* before they are read */
	f->names = names_new(l);
	if (f->names)
		return f;
	follow_free(f->follow);
	free(f);
	return NULL;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	fetcher_cancel_all(f);
	names_free(f->names);
	follow_free(f->follow);
	free(f);
}
