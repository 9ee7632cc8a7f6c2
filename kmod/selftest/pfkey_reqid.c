// SPDX-License-Identifier: GPL-2.0-only
/* Reqids that pfkeyv2.ko chooses (level unique without a number): the next one that no policy has, whoever made the policy. */
#include "kmod/selftest/pfkey_say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST 0x4000		/* those below are for people */
#define TRIED 1024		/* by the module, before it gives up */
#define FULL ((TRIED + 6) / IPSEC_TMPL_MAX)	/* policies that have a few more */
#define EACH 100		/* sockets of each of two threads */

static struct heard h;
static struct pfkey_msg m;
static struct ipsec *netlink;
static int fd;

/* A policy's first two reqids, or the error as a negative number */
struct pair {
	long first, second;
};

/* A policy of n rules of level unique, to another host each time */
static struct pair unique_of(unsigned int n, uint32_t reqid)
{
	static uint8_t host = 100;
	const struct sadb_x_policy *x;
	const uint8_t *rule;
	struct pair got;
	size_t size;
	int err;

	make_spdadd(&m, AF_INET, host++, n, AF_INET);
	size = request_of(&m)->sadb_x_ipsecrequest_len;
	for (unsigned int i = 0; i < n; i++) {
		struct sadb_x_ipsecrequest *rq = (struct sadb_x_ipsecrequest *)((uint8_t *)request_of(&m) + i * size);

		rq->sadb_x_ipsecrequest_level = PFKEY_LEVEL_UNIQUE;
		rq->sadb_x_ipsecrequest_reqid = reqid;
	}
	err = ask(fd, &m, &h);
	if (err)
		return (struct pair){ -err, -err };
	x = heard_ext(&h, SADB_X_EXT_POLICY);
	rule = (const uint8_t *)(x + 1);
	got.first = ((const struct sadb_x_ipsecrequest *)rule)->sadb_x_ipsecrequest_reqid;
	got.second = n < 2 ? 0 : ((const struct sadb_x_ipsecrequest *)(rule + size))->sadb_x_ipsecrequest_reqid;
	return got;
}

static long unique(void)
{
	return unique_of(1, 0).first;
}

/* By netlink, which takes any number: n rules with these and the ones behind */
static bool taken(uint32_t reqid, unsigned int n)
{
	static uint32_t host;
	struct ipsec_policy pol = { .sel = { .src_len = 32, .dst_len = 32 }, .dir = IPSEC_DIR_IN, .ntmpl = (uint8_t)n };

	inet_pton(AF_INET, "192.0.2.1", pol.sel.src.b);
	inet_pton(AF_INET, "198.18.0.0", pol.sel.dst.b);
	pol.sel.src.family = pol.sel.dst.family = AF_INET;
	pol.sel.dst.b[2] = (uint8_t)(++host >> 8);
	pol.sel.dst.b[3] = (uint8_t)host;
	for (unsigned int i = 0; i < n; i++)
		pol.tmpl[i] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .reqid = reqid + i };
	hear_out(fd);		/* of the one before: there must be room for our own answers */
	return !ipsec_policy_add(netlink, &pol);
}

/* A socket that has a policy of its own, of level unique */
static int socket_with_policy(void)
{
	struct { struct sadb_x_policy x; struct sadb_x_ipsecrequest rq; } pol = {
		.x = { .sadb_x_policy_len = sizeof(pol) / 8, .sadb_x_policy_exttype = SADB_X_EXT_POLICY,
		       .sadb_x_policy_type = PFKEY_POLICY_IPSEC, .sadb_x_policy_dir = 2 },
		.rq = { .sadb_x_ipsecrequest_len = sizeof(pol.rq), .sadb_x_ipsecrequest_proto = IPPROTO_ESP,
			.sadb_x_ipsecrequest_mode = PFKEY_MODE_TRANSPORT, .sadb_x_ipsecrequest_level = PFKEY_LEVEL_UNIQUE },
	};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s >= 0 && !setsockopt(s, IPPROTO_IP, IP_IPSEC_POLICY, &pol, sizeof(pol)))
		return s;
	close(s);
	return -1;
}

/* ---- those that policies of sockets have ---- */

struct seen {
	uint32_t reqid[2 * EACH];
	unsigned int n, twice;
};

static int see(const struct ipsec_policy *pol, void *arg)
{
	struct seen *s = arg;

	if (!pol->socket || !pol->ntmpl)
		return 0;
	for (unsigned int i = 0; i < s->n; i++)
		s->twice += s->reqid[i] == pol->tmpl[0].reqid;
	if (s->n < 2 * EACH)
		s->reqid[s->n++] = pol->tmpl[0].reqid;
	return 0;
}

static struct seen seen_of_sockets(void)
{
	struct seen s = { 0 };

	ipsec_policy_dump(netlink, see, &s);
	return s;
}

static pthread_barrier_t both;

struct opener {
	unsigned int cpu;
	int s[EACH];
};

/* On a processor of its own, where there is one */
static void *open_many(void *arg)
{
	struct opener *o = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(o->cpu, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	pthread_barrier_wait(&both);
	for (unsigned int i = 0; i < EACH; i++)
		o->s[i] = socket_with_policy();
	return NULL;
}

/* Two at once, under no lock; where there is more than one processor. */
static void test_at_once(void)
{
	static struct opener openers[2] = { { .cpu = 0 }, { .cpu = 1 } };
	pthread_t threads[2];
	struct seen seen;

	if (pthread_barrier_init(&both, NULL, 2))
		abort();
	for (unsigned int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, open_many, &openers[i]))
			abort();
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&both);
	seen = seen_of_sockets();
	is("sockets of two threads have a policy each", seen.n, 2 * EACH);
	is("and no two the same reqid", seen.twice, 0);
	for (unsigned int i = 0; i < EACH; i++) {
		close(openers[0].s[i]);
		close(openers[1].s[i]);
	}
}

/* More in a row than the module tries; who asks again goes on behind them. */
static void test_full(long next)
{
	bool good = true;

	for (uint32_t i = 0; i < FULL; i++)
		good &= taken((uint32_t)next + i * IPSEC_TMPL_MAX, IPSEC_TMPL_MAX);
	ok(good, "%u reqids in a row are in use", FULL * IPSEC_TMPL_MAX);
	is("a policy is refused", unique(), -ENOBUFS);
	is("the next one finds one behind them", unique(), next + FULL * IPSEC_TMPL_MAX);
}

void test_reqids(int extended, struct ipsec *other)
{
	struct seen seen;
	struct pair got;
	int s;

	fd = extended;
	netlink = other;
	is("the first reqid that is chosen", unique(), FIRST);
	ok(taken(FIRST + 1, 1) && taken(FIRST + 3, 1), "others have the next but one, and the next");
	is("what is chosen then is between them", unique(), FIRST + 2);
	is("and behind them", unique(), FIRST + 4);
	got = unique_of(2, 0);
	ok(got.first == FIRST + 5 && got.second == FIRST + 6, "two of one policy: %ld, %ld", got.first, got.second);
	is("a number for people is kept", unique_of(1, PFKEY_REQID_MAX).first, PFKEY_REQID_MAX);
	is("one above them is not", unique_of(1, FIRST + 1).first, FIRST + 7);
	s = socket_with_policy();
	seen = seen_of_sockets();
	is("a socket's policy has the next", seen.n == 1 ? (long)seen.reqid[0] : -1, FIRST + 8);
	is("and the policy behind it the one behind", unique(), FIRST + 9);
	close(s);
	test_at_once();		/* as long as the SPD is small: a walk over it holds a lock, and would keep them apart */
	test_full(unique() + 1);
	make_head(&m, SADB_X_SPDFLUSH, SADB_SATYPE_UNSPEC);
	is("SADB_X_SPDFLUSH", ask(fd, &m, &h), 0);
}
