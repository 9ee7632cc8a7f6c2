// SPDX-License-Identifier: MIT
// Names, through evdns.
#include "keyd/fetch/names.h"

#include "keyd/util/log.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct names {
	struct loop *loop;
	struct evdns_base *evdns;
};

#define SKEW 300000u			/* µs that what one family brought waits for the other one */

/* Each family is a question of its own: only what brings an address may make the other one hurry. */
static const int families[] = { AF_INET6, AF_INET };
#define FAMILIES (sizeof(families) / sizeof(families[0]))

struct half {
	struct names_question *q;	/* NULL: cancelled, evdns has not yet let go of it */
	struct evdns_getaddrinfo_request *request;
};

struct names_question {
	struct half *half[FAMILIES];	/* NULL: answered */
	struct loop_timer *timer;
	names_fn *fn;
	void *arg;
	struct names_answer answer;
};

/* Before resolv.conf, whose options win. What is fetched has seconds in all, so a dead server must not cost them all. */
static const struct {
	const char *option, *value;
} options[] = {
	{ "timeout:", "1.5" },			/* s until the next server is asked */
	{ "attempts:", "3" },
	{ "max-timeouts:", "1" },		/* then it counts as dead, and the others are asked */
	{ "initial-probe-timeout:", "5" },	/* s until a dead one is tried again; twice as long after each */
};

/* A dead name server is told with each fetch that fails of it; here it would be told again and again. */
static void on_log(int warning, const char *text)
{
	(void)warning;
	log_debug("evdns: %s", text);
}

struct names *names_new(struct loop *l)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->loop = l;
	evdns_set_log_fn(on_log);
	evutil_secure_rng_init();
	n->evdns = evdns_base_new(loop_base(l), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!n->evdns) {
		free(n);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		evdns_base_set_option(n->evdns, options[i].option, options[i].value);
	if (evdns_base_resolv_conf_parse(n->evdns, DNS_OPTIONS_ALL, "/etc/resolv.conf"))
		log_info("no name server is known: file=/etc/resolv.conf");
	return n;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	event_base_loop(loop_base(n->loop), EVLOOP_NONBLOCK);	/* evdns lets go of what was cancelled */
	evdns_base_free(n->evdns, 0);
	free(n);
}

struct evdns_base *names_evdns(struct names *n)
{
	return n->evdns;
}

void names_cancel(struct names_question *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < FAMILIES; i++)
		if (q->half[i]) {
			q->half[i]->q = NULL;
			evdns_getaddrinfo_cancel(q->half[i]->request);
		}
	loop_timer_free(q->timer);
	free(q);
}

static void on_timer(void *arg)
{
	struct names_question *q = arg;
	names_fn *fn = q->fn;
	void *fn_arg = q->arg;
	struct names_answer answer = q->answer;

	names_cancel(q);
	if (answer.n)
		answer.error = NAMES_OK;
	fn(fn_arg, &answer);
}

static void take(struct names_answer *a, const struct evutil_addrinfo *list)
{
	for (const struct evutil_addrinfo *i = list; i && a->n < NAMES_ADDRS_MAX; i = i->ai_next) {
		const void *at = i->ai_family == AF_INET ?
			(const void *)&((const struct sockaddr_in *)(const void *)i->ai_addr)->sin_addr :
			(const void *)&((const struct sockaddr_in6 *)(const void *)i->ai_addr)->sin6_addr;

		if (inet_ntop(i->ai_family, at, a->addr[a->n], sizeof(a->addr[0])))
			a->n++;
	}
}

/* That there is none is only known when both say so. */
static bool says_none(int result)
{
	return !result || result == EVUTIL_EAI_NONAME || result == EVUTIL_EAI_NODATA || result == EVUTIL_EAI_ADDRFAMILY;
}

static void on_answer(int result, struct evutil_addrinfo *list, void *arg)
{
	struct half *half = arg;
	struct names_question *q = half->q;
	bool open = false;

	if (q) {
		take(&q->answer, list);
		if (!list && !says_none(result))
			q->answer.error = NAMES_FAILED;
		for (size_t i = 0; i < FAMILIES; i++) {
			if (q->half[i] == half)
				q->half[i] = NULL;
			open |= q->half[i] != NULL;
		}
		if (!open || q->answer.n)
			loop_timer_set(q->timer, open ? loop_now() + SKEW : 0);
	}
	if (list)
		evutil_freeaddrinfo(list);
	free(half);
}

static int ask(struct names *n, struct names_question *q, size_t i, const char *host)
{
	const struct evutil_addrinfo hints = { .ai_family = families[i], .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
	struct half *half = calloc(1, sizeof(*half));
	struct evdns_getaddrinfo_request *request;

	if (!half)
		return -1;
	half->q = q;
	q->half[i] = half;
	request = evdns_getaddrinfo(n->evdns, host, NULL, &hints, on_answer, half);
	if (request)			/* otherwise the answer has come already */
		half->request = request;
	return 0;
}

/* evdns would ask for an address of the other family as if it were a name. */
static bool is_address(struct names_question *q, const char *host)
{
	uint8_t b[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, b) != 1 && inet_pton(AF_INET6, host, b) != 1)
		return false;
	snprintf(q->answer.addr[q->answer.n++], sizeof(q->answer.addr[0]), "%s", host);
	return true;
}

struct names_question *names_ask(struct names *n, const char *host, names_fn *fn, void *arg)
{
	struct names_question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->answer.error = NAMES_NONE;
	q->fn = fn;
	q->arg = arg;
	q->timer = loop_timer_new(n->loop, on_timer, q);
	if (q->timer && is_address(q, host))
		loop_timer_set(q->timer, 0);
	if (q->timer && (q->answer.n || (!ask(n, q, 0, host) && !ask(n, q, 1, host))))
		return q;
	names_cancel(q);
	return NULL;
}
