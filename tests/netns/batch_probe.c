// SPDX-License-Identifier: MIT
/*
 * libpfkey's batches against a real kernel, whatever happens to their answers. Writes TAP. Policies only, so any kernel
 * with XFRM will do: unshare --net batch_probe
 */
#include "pfkey/xfrm_batch.h"
#include "pfkey/xfrm_door.h"
#include "tests/lib/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 1000

static struct ipsec *ip;

static void reopen(void)
{
	char why[256];

	ipsec_close(ip);
	if (ipsec_open(&ip, "xfrm", why, sizeof(why))) {
		printf("Bail out! %s\n", why);
		exit(1);
	}
}

static struct ipsec_policy policy(unsigned int i)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .priority = 1000, .ntmpl = 1, .if_id = i % 3 };

	pol.sel.src.family = pol.sel.dst.family = AF_INET;
	pol.sel.src_len = pol.sel.dst_len = 32;
	pol.sel.src.v4.s_addr = htonl(0x0a000001);
	pol.sel.dst.v4.s_addr = htonl(0x0b000000 + i);
	pol.tmpl[0].proto = IPPROTO_ESP;
	pol.tmpl[0].reqid = i + 1;
	return pol;
}

/* ---- results ---- */

struct results {
	unsigned int n, out_of_order, without_words, others;
	unsigned int good, exists, missing, lost, denied;
	int last;
	char words[256];		/* of the last that failed */
};

static void result(uint64_t tag, int err, void *arg)
{
	struct results *r = arg;

	r->out_of_order += tag != r->n++;
	r->without_words += !err != !ipsec_error(ip)[0];
	r->last = err;
	if (err)
		snprintf(r->words, sizeof(r->words), "%s", ipsec_error(ip));
	if (!err)
		r->good++;
	else if (err == -EEXIST)
		r->exists++;
	else if (err == -ENOENT)
		r->missing++;
	else if (err == -ENOBUFS)
		r->lost++;
	else if (err == -EPERM)
		r->denied++;
	else
		r->others++;
}

/* The same operation for each of n policies. */
static struct results all(enum ipsec_op_type type, unsigned int n)
{
	struct results r = { 0 };

	ipsec_batch_begin(ip, result, &r);
	for (unsigned int i = 0; i < n; i++) {
		struct ipsec_policy pol = policy(i);
		struct ipsec_op op = { .type = (uint8_t)type, .tag = i, .policy = &pol };

		if (ipsec_batch_put(ip, &op))
			r.others++;
	}
	if (ipsec_batch_end(ip))
		r.others++;
	if (r.n != n || r.out_of_order || r.without_words || r.others)
		printf("# %u of %u results, %u out of order, %u without or with wrong words, %u strange\n", r.n, n, r.out_of_order,
		       r.without_words, r.others);
	r.others += r.n != n || r.out_of_order || r.without_words;
	return r;
}

static int count_policy(const struct ipsec_policy *pol, void *arg)
{
	(void)pol;
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int there(void)
{
	unsigned int n = 0;

	return ipsec_policy_dump(ip, count_policy, &n) ? UINT32_MAX : n;
}

static void probe_many(void)
{
	struct results r = all(IPSEC_OP_POLICY_ADD, MANY);

	ok(r.good == MANY && !r.others && there() == MANY, "%d policies in batches", MANY);
	r = all(IPSEC_OP_POLICY_ADD, MANY);
	ok(r.exists == MANY && !r.others && strstr(r.words, "already") && there() == MANY, "each of %d knows that it is there: %s",
	   MANY, r.words);
	r = all(IPSEC_OP_POLICY_UPDATE, MANY);
	ok(r.good == MANY && !r.others && there() == MANY, "updates");
	r = all(IPSEC_OP_POLICY_DELETE, MANY / 2);
	ok(r.good == MANY / 2 && !r.others && there() == MANY / 2, "deletions");
	r = all(IPSEC_OP_POLICY_DELETE, MANY);
	ok(r.good == MANY / 2 && r.missing == MANY / 2 && !r.others && !there(), "deletions of what is there and of what is not: %s",
	   r.words);
}

/* What goes by itself among what goes together. */
static void probe_mixed(void)
{
	struct ipsec_policy p[3] = { policy(0), policy(1), policy(2) }, bad = policy(3), by_index = { 0 }, got;
	struct results r = { 0 };
	const struct { struct ipsec_op op; int want; } rows[] = {
		{ { .type = IPSEC_OP_POLICY_ADD, .policy = &p[1] }, 0 },
		{ { .type = IPSEC_OP_POLICY_ADD, .policy = &bad }, -EINVAL },
		{ { .type = IPSEC_OP_POLICY_ADD, .policy = &p[1] }, -EEXIST },
		{ { .type = IPSEC_OP_POLICY_DELETE, .policy = &by_index }, 0 },		/* its if_id has to be looked for */
		{ { .type = IPSEC_OP_POLICY_ADD, .policy = &p[1] }, 0 },
		{ { .type = IPSEC_OP_POLICY_DELETE, .policy = &p[2] }, -ENOENT },
		{ { .type = IPSEC_OP_POLICY_FLUSH }, 0 },
		{ { .type = IPSEC_OP_POLICY_DELETE, .policy = &p[1] }, -ENOENT },
		{ { .type = IPSEC_OP_SA_FLUSH }, 0 },
		{ { .type = IPSEC_OPS }, -EINVAL },
		{ { .type = IPSEC_OP_POLICY_ADD, .policy = &p[0] }, 0 },
	};
	bool good = true;

	bad.ntmpl = 7;
	p[1].index = by_index.index = 8 * 4711 + IPSEC_DIR_OUT;
	ipsec_batch_begin(ip, result, &r);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipsec_op op = rows[i].op;

		op.tag = i;
		ipsec_batch_put(ip, &op);
		if (i % 2)		/* by pairs, so that the last result is this one's */
			continue;
		ipsec_batch_end(ip);
		if (r.last != rows[i].want || r.n != i + 1)
			good = ok(false, "row %u: %d, %u results (%s)", i, r.last, r.n, r.words);
		ipsec_batch_begin(ip, result, &r);
	}
	ipsec_batch_end(ip);
	ok(good && !r.out_of_order && !r.without_words && r.n == sizeof(rows) / sizeof(rows[0]), "single ones among many keep their place");
	ok(r.good == 6 && r.exists == 1 && r.missing == 2 && r.others == 2, "and all have their own answer");
	ok(there() == 1 && !ipsec_policy_get(ip, &p[0], &got), "the last one is there");
	ok(got.index && !ipsec_policy_delete(ip, &got) && !there(), "a key from a dump deletes");
	p[0].type = XFRM_POLICY_TYPE_SUB;
	if (!ipsec_policy_add(ip, &p[0]))
		ok(!ipsec_policy_flush(ip) && !there(), "a flush takes both types of policies");
}

static struct ipsec_policy with_prefix(unsigned int i)
{
	struct ipsec_policy pol = policy(i);

	pol.sel.src_len = 0;
	pol.sel.src.v4.s_addr = 0;
	pol.sel.dst_len = 24;
	pol.sel.dst.v4.s_addr = htonl(0x0b000000 + i * 256);
	pol.dir = i % 2 ? IPSEC_DIR_IN : IPSEC_DIR_OUT;
	return pol;
}

/* Deletes policies with prefixes: each one twice in a row, and every third is not there. */
static struct results delete_prefixes(void)
{
	struct results r = { 0 };

	ipsec_batch_begin(ip, result, &r);
	for (unsigned int i = 0; i < 2 * MANY; i++) {
		struct ipsec_policy pol = with_prefix(i / 2);
		struct ipsec_op op = { .type = IPSEC_OP_POLICY_DELETE, .tag = i, .policy = &pol };

		ipsec_batch_put(ip, &op);
	}
	ipsec_batch_end(ip);
	return r;
}

/* These go by index where there are many; nobody must see a difference, not even when the indexes cannot be had. */
static void probe_prefixes(void)
{
	struct ipsec_policy kept = with_prefix(MANY + 1), got;
	int small = 2304;

	for (int lost = 0; lost < 2; lost++) {
		unsigned int put = 0;
		struct results r;

		for (unsigned int i = 0; i < MANY; i++) {
			struct ipsec_policy pol = with_prefix(i);

			if (i % 3 && !ipsec_policy_add(ip, &pol))
				put++;
		}
		if (ipsec_policy_add(ip, &kept))
			put = 0;
		if (lost) {
			all(IPSEC_OP_POLICY_DELETE, 1);
			setsockopt(xfrm_door(ip)->ask.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		}
		r = delete_prefixes();
		ok(put && !r.others && !r.out_of_order && !r.without_words && r.n == 2 * MANY && (lost || r.good == put) &&
		   there() == 1 && !ipsec_policy_get(ip, &kept, &got),
		   "%u policies with prefixes deleted%s: %u gone, %u not there, %u not known", put,
		   lost ? ", and answers lost" : "", r.good, r.missing, r.lost);
		reopen();
		ipsec_policy_flush(ip);
	}
}

/* A receive buffer that cannot hold the answers: nothing is said twice, and nothing that is not known. */
static void probe_lost(void)
{
	struct results r;
	int small = 2304;

	all(IPSEC_OP_POLICY_ADD, XFRM_BATCH_MAX);
	reopen();
	all(IPSEC_OP_POLICY_ADD, 1);	/* which makes the buffer as large as it should be */
	setsockopt(xfrm_door(ip)->ask.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	r = all(IPSEC_OP_POLICY_ADD, XFRM_BATCH_MAX);
	ok(r.lost && r.exists && r.lost + r.exists == XFRM_BATCH_MAX && !r.others, "%u answers came, %u were lost and say so: %s",
	   r.exists, r.lost, r.words);
	r = all(IPSEC_OP_POLICY_DELETE, 1);
	ok(r.good == 1 && !r.others, "and the next batch is not touched by it");
	reopen();
	r = all(IPSEC_OP_POLICY_DELETE, XFRM_BATCH_MAX);
	ok(r.good == XFRM_BATCH_MAX - 1 && r.missing == 1, "all are there all the same");
}

static bool in_child(bool (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		bool good = fn();

		fflush(stdout);
		_exit(good ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* Where nobody may force a larger receive buffer, batches are smaller. */
static bool as_user(void)
{
	struct results r;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	reopen();
	all(IPSEC_OP_POLICY_ADD, MANY);
	r = all(IPSEC_OP_POLICY_ADD, MANY);
	printf("# in a user namespace: %u requests a datagram\n", xfrm_door(ip)->batch->max);
	return r.exists == MANY && !r.others;
}

static bool without_right(void)
{
	struct results r;

	if (setresuid(65534, 65534, 65534))
		return false;
	r = all(IPSEC_OP_POLICY_ADD, MANY);
	printf("# %s\n", r.words);
	return r.denied == MANY && !r.others && strstr(r.words, "CAP_NET_ADMIN");
}

/* ---- events as they came ---- */

struct raw {
	unsigned int messages, events, bad;
};

static void take_raw(const void *msg, size_t n, void *arg)
{
	struct raw *r = arg;
	struct nlmsghdr nlh;

	memcpy(&nlh, msg, sizeof(nlh));
	r->messages++;
	r->bad += nlh.nlmsg_len != n || nlh.nlmsg_type != XFRM_MSG_NEWPOLICY || nlh.nlmsg_pid != (uint32_t)getpid();
	r->bad += r->messages != r->events + 1;		/* the message first */
}

static void take_event(const struct ipsec_event *ev, void *arg)
{
	struct raw *r = arg;

	r->events++;
	r->bad += ev->type != IPSEC_EVENT_POLICY_NEW || ev->pid != (uint32_t)getpid();
}

static void probe_raw(void)
{
	struct raw r = { 0 };

	ipsec_subscribe(ip);
	ipsec_events_raw(ip, take_raw, &r);
	all(IPSEC_OP_POLICY_ADD, MANY);
	while (ipsec_events_read(ip, take_event, &r) > 0)
		;
	ok(r.messages == MANY && r.events == MANY && !r.bad, "%u messages of %u events, each by us", r.messages, r.events);
	ipsec_events_raw(ip, NULL, NULL);
	ipsec_policy_flush(ip);
}

/* ---- dumps ---- */

static int change_it(const struct ipsec_policy *pol, void *arg)
{
	struct results r = { 0 };
	unsigned int *n = arg;

	(void)pol;
	if ((*n)++ == 1)	/* within the dump: its own requests have a socket of their own */
		r = all(IPSEC_OP_POLICY_DELETE, MANY / 2);
	return r.others ? -EIO : 0;
}

static void probe_dump(void)
{
	unsigned int n = 0;
	int err;

	all(IPSEC_OP_POLICY_ADD, MANY);
	err = ipsec_policy_dump(ip, change_it, &n);
	ok((!err || err == -EINTR) && n >= MANY / 2 && there() == MANY / 2, "a batch within a dump: %d, %u seen", err, n);
	ipsec_policy_flush(ip);
}

int main(void)
{
	puts("TAP version 13");
	reopen();
	probe_many();
	probe_mixed();
	probe_prefixes();
	probe_lost();
	ok(in_child(as_user), "no answer is lost with a smaller receive buffer");
	ok(in_child(without_right), "without the right each fails, and says which");
	probe_raw();
	probe_dump();
	ipsec_close(ip);
	return tap_end();
}
