// SPDX-License-Identifier: MIT
// model_probe: the statements of scripts.
#include "pfkey/alg.h"
#include "tests/netns/model_probe_run.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX (12 * SECOND)

/* --- reading --- */

static void set_soft(struct args *a, uint64_t v) { a->sa.soft.add_seconds = v; }
static void set_hard(struct args *a, uint64_t v) { a->sa.hard.add_seconds = v; }
static void set_soft_packets(struct args *a, uint64_t v) { a->sa.soft.packets = v; }
static void set_hard_packets(struct args *a, uint64_t v) { a->sa.hard.packets = v; }
static void set_soft_bytes(struct args *a, uint64_t v) { a->sa.soft.bytes = v; }
static void set_hard_bytes(struct args *a, uint64_t v) { a->sa.hard.bytes = v; }
static void set_window(struct args *a, uint64_t v) { a->sa.replay_window = (uint32_t)v; }
static void set_reqid(struct args *a, uint64_t v) { a->sa.reqid = (uint32_t)v; }
static void set_port(struct args *a, uint64_t v) { a->port = (unsigned)v; }
static void set_priority(struct args *a, uint64_t v) { a->priority = (unsigned)v; }
static void set_key(struct args *a, uint64_t v) { a->key = (unsigned)v; }
static void set_encap(struct args *a, uint64_t v) { a->encap = (unsigned)v; }
static void set_connected(struct args *a, uint64_t v) { a->connected = v; }
static void set_tunnel(struct args *a, uint64_t v) { a->tunnel = v; }
static void set_first(struct args *a, uint64_t v) { a->sa.ae = v ? IPSEC_AE_FIRST : IPSEC_AE_SYSCTL; }
static void set_answers(struct args *a, uint64_t v) { a->answers = v; }
static void set_to(struct args *a, uint64_t v) { a->sa.dst.b[3] = (uint8_t)v; }

static void set_resume(struct args *a, uint64_t v)
{
	a->sa.resume = true;
	a->sa.usage.seq = a->sa.usage.oseq = v;
}

static const struct {
	const char *name;
	void (*set)(struct args *a, uint64_t v);
} keys[] = {
	{ "soft", set_soft }, { "hard", set_hard }, { "soft-packets", set_soft_packets }, { "hard-packets", set_hard_packets },
	{ "soft-bytes", set_soft_bytes }, { "hard-bytes", set_hard_bytes }, { "window", set_window }, { "reqid", set_reqid },
	{ "port", set_port }, { "priority", set_priority }, { "key", set_key }, { "encap", set_encap },
	{ "connected", set_connected }, { "tunnel", set_tunnel }, { "first", set_first }, { "answers", set_answers },
	{ "to", set_to }, { "resume", set_resume },
};

static void finish_sa(struct args *a)
{
	static const uint8_t zeros[20];
	uint8_t key[sizeof(zeros)] = { 0 };

	a->sa.spi = 0x1000 + (uint32_t)a->number;
	a->sa.mode = a->tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT;
	key[0] = (uint8_t)(a->key ? a->key : a->number);
	ipsec_alg_set(&a->sa.aead, ipsec_alg_by_name(IPSEC_ALG_AEAD, "aes-gcm-16"), key, 8 * sizeof(key));
	if (a->encap)
		a->sa.encap = (struct ipsec_encap){ .type = UDP_ENCAP_ESPINUDP, .sport = (uint16_t)a->encap, .dport = 4500 };
	if (!a->port)
		return;
	a->sa.sel.src.family = a->sa.sel.dst.family = AF_INET;
	a->sa.sel.proto = IPPROTO_UDP;
	a->sa.sel.dport = (uint16_t)(PROBE_TO - 1 + a->port);
	a->sa.sel.dport_mask = 0xffff;
}

static void parse_word(struct args *a, const char *word)
{
	const char *value = strchr(word, '=');

	for (size_t i = 0; value && i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i].name) == (size_t)(value - word) && !strncmp(keys[i].name, word, (size_t)(value - word))) {
			keys[i].set(a, strtoull(value + 1, NULL, 0));
			return;
		}
	if (value || a->nwords == 4)
		mistake("what is this word of a script", word);
	if (*word >= '0' && *word <= '9')
		a->number = strtoull(word, NULL, 0);
	snprintf(a->word[a->nwords++], sizeof(a->word[0]), "%s", word);
}

void statement_parse(struct args *a, const char *text, size_t n)
{
	char copy[256], *rest = copy, *word;

	if (n >= sizeof(copy))
		mistake("too long a statement", text);
	snprintf(copy, sizeof(copy), "%.*s", (int)n, text);
	*a = (struct args){ .priority = 1000 };
	ipsec_addr_parse(&a->sa.src, "192.0.2.1");
	ipsec_addr_parse(&a->sa.dst, "192.0.2.2");
	a->sa.proto = IPPROTO_ESP;
	a->sa.reqid = 7;
	a->sa.hard.add_seconds = 3600;
	a->sa.replay_window = 32;
	while ((word = strtok_r(rest, " \n\t", &rest)))
		parse_word(a, word);
	finish_sa(a);
}

static unsigned host_of(const char *word)
{
	if (!strcmp(word, "alice") || !strcmp(word, "out"))
		return ALICE;
	if (!strcmp(word, "bob") || !strcmp(word, "in"))
		return BOB;
	mistake("no such host", word);
}

static const char *error_name(int error)
{
	return error ? strerrorname_np(-error) : "done";
}

/* --- what may be said --- */

static void ask(const struct args *a, unsigned host, enum kern_op op, bool tell_usage)
{
	struct kern_request rq = { .id = 1, .op = (uint8_t)op };
	struct kern_answer an = { 0 };

	rq.sa = a->sa;
	rq.old_dst = a->sa.dst;
	if (op == KERN_SA_MOVE)
		ipsec_addr_parse(&rq.old_dst, "192.0.2.2");
	if (a->answers)
		rq.sa.acquire_seq = run.told[host].larval.acquire_seq;
	if (op == KERN_LARVAL_DELETE)
		rq.sa = run.told[host].larval;
	run.world->ask(host, &rq, &an);
	say(ANSWERS, "%s", error_name(an.error));
	if (tell_usage && !an.error)
		say(ANSWERS, ", packets=%" PRIu64 " bytes=%" PRIu64, an.usage.packets, an.usage.bytes);
}

static void do_out(const struct args *a)
{
	ask(a, ALICE, KERN_SA_ADD, false);
}

static void do_in(const struct args *a)
{
	ask(a, BOB, KERN_SA_ADD, false);
}

static void do_pair(const struct args *a)
{
	do_in(a);
	say(ANSWERS, ", ");
	do_out(a);
}

static void do_delete(const struct args *a)
{
	ask(a, host_of(a->word[1]), KERN_SA_DELETE, false);
}

static void do_get(const struct args *a)
{
	ask(a, host_of(a->word[1]), KERN_SA_GET, true);
}

static void do_move(const struct args *a)
{
	ask(a, host_of(a->word[1]), KERN_SA_MOVE, false);
}

static void do_forget(const struct args *a)
{
	ask(a, ALICE, KERN_LARVAL_DELETE, false);
}

static void do_steal(const struct args *a)
{
	const struct ipsec_sa_id id = { .dst = a->sa.dst, .proto = a->sa.proto, .spi = a->sa.spi };

	say(ANSWERS, "%s", error_name(run.world->sa_delete(host_of(a->word[1]), &id)));
}

static void do_flush(const struct args *a)
{
	run.world->flush(host_of(a->word[1]));
}

static void do_keyd(const struct args *a)
{
	run.world->listen(ALICE, !strcmp(a->word[1], "comes"));
}

static struct ipsec_policy policy_of(const struct args *a, unsigned host)
{
	struct ipsec_policy pol = { .dir = host == ALICE ? IPSEC_DIR_OUT : IPSEC_DIR_IN, .priority = a->priority, .ntmpl = 1 };

	pol.sel = a->sa.sel;
	pol.sel.src = a->sa.src;
	pol.sel.dst = a->sa.dst;
	pol.sel.src_len = pol.sel.dst_len = 32;
	pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = a->sa.mode, .reqid = a->sa.reqid };
	if (a->tunnel) {
		pol.tmpl[0].src = a->sa.src;
		pol.tmpl[0].dst = a->sa.dst;
	}
	return pol;
}

static void do_policy(const struct args *a)
{
	struct ipsec_policy pol = policy_of(a, host_of(a->word[1]));

	say(ANSWERS, "%s", error_name(run.world->policy_add(host_of(a->word[1]), &pol)));
}

static void do_policies(const struct args *a)
{
	for (unsigned host = 0; host < HOSTS; host++) {
		struct ipsec_policy pol = policy_of(a, host);

		say(ANSWERS, "%s ", error_name(run.world->policy_add(host, &pol)));
	}
}

static void do_no_policy(const struct args *a)
{
	struct ipsec_policy pol = policy_of(a, host_of(a->word[1]));

	say(ANSWERS, "%s", error_name(run.world->policy_delete(host_of(a->word[1]), &pol)));
}

static void do_send(const struct args *a)
{
	unsigned before = run.nframes, refused = 0;

	for (uint64_t i = 0; i < a->number; i++)
		refused += !run.world->send(a->port ? a->port - 1 : 0, ++run.npackets, a->connected);
	say(ANSWERS, "%u left, %u refused%s", run.nframes - before, refused, run.world->losses());
}

static void do_line(const struct args *a)
{
	run.through = strcmp(a->word[1], "keeps");
}

static void do_deliver(const struct args *a)
{
	if (a->number < 1 || a->number > run.nframes)
		say(ANSWERS, "there is no such frame");
	else
		run.world->deliver((unsigned)a->number - 1, (uint16_t)a->encap);
}

static void do_second(const struct args *a)
{
	(void)a;		/* see play() */
}

static void do_pass(const struct args *a)
{
	run.world->until(run.out->at[run.out->n] + a->number * 1000);
}

static bool wait_frames(unsigned n, uint64_t *at)
{
	*at = run.nframes ? run.frame[run.nframes - 1].at : 0;
	return run.nframes >= n;
}

static bool wait_event(unsigned host, unsigned type, uint64_t *at)
{
	*at = run.told[host].at[type];
	return run.told[host].n[type] > run.told[host].waited[type];
}

static unsigned type_of(const char *word)
{
	static const struct { const char *name; unsigned type; } rows[] = {
		{ "acquire", IPSEC_EVENT_ACQUIRE }, { "expire", IPSEC_EVENT_EXPIRE }, { "first", IPSEC_EVENT_AE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(word, rows[i].name))
			return rows[i].type;
	mistake("no such event", word);
}

static void do_wait(const struct args *a)
{
	uint64_t limit = run.world->now() + WAIT_MAX, at = 0;
	bool line = !strcmp(a->word[1], "line"), came;
	unsigned host = line ? 0 : host_of(a->word[1]), type = line ? 0 : type_of(a->word[2]);

	for (;;) {
		came = line ? wait_frames((unsigned)a->number, &at) : wait_event(host, type, &at);
		if (came || run.world->now() >= limit)
			break;
		run.world->until_told(limit);
	}
	say(ANSWERS, "%s", came ? "came" : "never came");
	run.out->waited[run.out->n] = came ? at : 0;
	if (!line && came)
		run.told[host].waited[type]++;
}

static const struct {
	const char *name;
	void (*run)(const struct args *a);
} statements[] = {
	{ "policy", do_policy },	/* alice|bob [port= priority= reqid= tunnel=1]: added or replaced */
	{ "policies", do_policies },	/* the same at both */
	{ "no-policy", do_no_policy },
	{ "out", do_out },		/* N …: alice's SA number N, by keyd */
	{ "in", do_in },		/* N …: bob's */
	{ "pair", do_pair },		/* N …: both, bob's first */
	{ "delete", do_delete },	/* alice|bob N, by keyd */
	{ "get", do_get },		/* alice|bob N */
	{ "move", do_move },		/* alice|bob N [to= encap=] */
	{ "forget", do_forget },	/* the larval SA of alice's last ACQUIRE */
	{ "steal", do_steal },		/* alice|bob N, by somebody else */
	{ "flush", do_flush },		/* alice|bob */
	{ "keyd", do_keyd },		/* goes|comes, at alice */
	{ "send", do_send },		/* N packets [port= connected=1] */
	{ "line", do_line },		/* keeps|carries what leaves */
	{ "deliver", do_deliver },	/* N: that frame, counted from 1, gets to bob [encap=: from that port] */
	{ "second", do_second },	/* until the wall clock shows another one */
	{ "pass", do_pass },		/* N ms */
	{ "wait", do_wait },		/* alice|bob acquire|expire|first: another one; or: line N: so many frames in all */
};

void statement_run(const struct args *a)
{
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (!strcmp(a->word[0], statements[i].name)) {
			say(ANSWERS, "%s ", a->word[0]);
			statements[i].run(a);
			say(ANSWERS, "; ");
			return;
		}
	mistake("no such statement", a->word[0]);
}

