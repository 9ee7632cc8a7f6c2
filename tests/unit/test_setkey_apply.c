// SPDX-License-Identifier: MIT
/* What statements do to a kernel (the fake one), as a table: a text, the policies and SAs afterwards, what was refused. */
#include "setkey/apply/apply.h"
#include "setkey/lang/resolve.h"
#include "setkey/lang/script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pfkey/handle.h"

struct output {
	char *text;
	size_t n;
	FILE *f;
};

static void output_open(struct output *o)
{
	o->f = open_memstream(&o->text, &o->n);
	assert_non_null(o->f);
}

static void put_selector_end(FILE *f, const struct ipsec_addr *addr, uint8_t len, uint16_t port, uint16_t mask)
{
	char buf[IPSEC_ADDR_STRLEN];

	fprintf(f, "%s/%u", ipsec_addr_format(addr, buf, sizeof(buf)), len);
	if (mask)
		fprintf(f, "[%u/%x]", port, mask);
	putc(' ', f);
}

static int put_policy(const struct ipsec_policy *pol, void *arg)
{
	FILE *f = arg;

	put_selector_end(f, &pol->sel.src, pol->sel.src_len, pol->sel.sport, pol->sel.sport_mask);
	put_selector_end(f, &pol->sel.dst, pol->sel.dst_len, pol->sel.dport, pol->sel.dport_mask);
	fprintf(f, "%u %s %08x %s", pol->sel.proto, ((const char *[]){ "in", "out", "fwd" })[pol->dir], pol->priority,
		pol->action == IPSEC_ACTION_BLOCK ? "block" : "allow");
	for (unsigned int i = 0; i < pol->ntmpl; i++) {
		const struct ipsec_tmpl *t = &pol->tmpl[i];
		char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

		fprintf(f, " %s/%u/%s-%s/%u%s", protocol_name(t->proto), t->mode,
			ipsec_addr_format(&t->src, src, sizeof(src)), ipsec_addr_format(&t->dst, dst, sizeof(dst)),
			t->reqid, t->optional ? "?" : "");
	}
	putc('\n', f);
	return 0;
}

static int put_sa(const struct ipsec_sa *sa, void *arg)
{
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];
	FILE *f = arg;

	fprintf(f, "%s %s %s %x mode=%u u%u r%u", ipsec_addr_format(&sa->src, src, sizeof(src)),
		ipsec_addr_format(&sa->dst, dst, sizeof(dst)), protocol_name(sa->proto), sa->spi, sa->mode, sa->reqid,
		sa->replay_window);
	fprintf(f, " %u/%u %u/%u", (unsigned int)sa->hard.add_seconds, (unsigned int)sa->soft.add_seconds,
		(unsigned int)sa->hard.bytes, (unsigned int)sa->soft.bytes);
	if (sa->encap.type)
		fprintf(f, " encap=%u:%u:%u:%s", sa->encap.type, sa->encap.sport, sa->encap.dport,
			ipsec_addr_format(&sa->encap.oa, src, sizeof(src)));
	for (unsigned int i = 0; i < 4; i++) {
		const struct ipsec_alg *alg = ((const struct ipsec_alg *[]){ &sa->aead, &sa->enc, &sa->auth, &sa->comp })[i];

		if (alg->name[0])
			fprintf(f, " %s:%u:%u", alg->name, alg->key_bits, alg->icv_bits);
	}
	if (sa->ctx[0])
		fprintf(f, " ctx=%s", sa->ctx);
	putc('\n', f);
	return 0;
}

/* A kernel that lets results wait, as netlink does: they come when LATE_MAX changes are there, and at the end. */
#define LATE_MAX 3

static struct late {
	struct ipsec_op ops[LATE_MAX];
	struct ipsec_sa sa[LATE_MAX];
	struct ipsec_sa_id id[LATE_MAX];
	struct ipsec_policy policy[LATE_MAX];
	unsigned int n, batches;
} late;

static int late_end(struct ipsec *ip)
{
	unsigned int n = late.n;

	late.n = 0;
	late.batches++;
	for (unsigned int i = 0; i < n; i++)
		ipsec_batch_result(ip, late.ops[i].tag, ipsec_do(ip, &late.ops[i]));
	return 0;
}

static int late_put(struct ipsec *ip, const struct ipsec_op *op)
{
	struct ipsec_op *copy = &late.ops[late.n];

	*copy = *op;
	switch (op->type) {
	case IPSEC_OP_SA_ADD:
	case IPSEC_OP_SA_UPDATE:
		late.sa[late.n] = *op->sa;
		copy->sa = &late.sa[late.n];
		break;
	case IPSEC_OP_SA_DELETE:
		late.id[late.n] = *op->sa_id;
		copy->sa_id = &late.id[late.n];
		break;
	case IPSEC_OP_POLICY_ADD:
	case IPSEC_OP_POLICY_UPDATE:
	case IPSEC_OP_POLICY_DELETE:
		late.policy[late.n] = *op->policy;
		copy->policy = &late.policy[late.n];
		break;
	}
	return ++late.n == LATE_MAX ? late_end(ip) : 0;
}

static void make_late(struct ipsec *ip)
{
	static struct ipsec_backend backend;

	backend = *ip->ops;
	backend.batch_put = late_put;
	backend.batch_end = late_end;
	ip->ops = &backend;
	late.n = late.batches = 0;
}

enum { KERNEL_MODE = 1, ERREXIT = 2, ANSWERS = 4, GATHER = 8, LATE = 16, VERBOSE = 32 };

/* For the next load: the change that fails (0: none), and how. */
static unsigned int fail_nth;
static int fail_err;

struct result {
	struct output out, err;		/* what was printed */
	struct output state;		/* policies, then SAs, newest first */
	unsigned int refused;
	bool stop;
};

static void load(const char *text, unsigned int flags, struct result *r)
{
	struct apply ap = { .file = "f", .kernel_mode = flags & KERNEL_MODE, .errexit = flags & ERREXIT,
			    .answers = flags & ANSWERS, .gather = flags & GATHER, .verbose = flags & VERBOSE };
	struct script sc = { 0 };
	char *copy = malloc(strlen(text) + 2);

	assert_non_null(copy);
	memcpy(copy, text, strlen(text));
	assert_int_equal(script_parse_text(&sc, copy, strlen(text)), 0);
	assert_int_equal(resolve_script(&sc), 0);
	assert_int_equal(ipsec_open(&ap.ip, "fake", NULL, 0), 0);
	output_open(&r->out);
	output_open(&r->err);
	output_open(&r->state);
	ap.dump.out = r->out.f;
	ap.err = r->err.f;
	if (fail_nth)
		assert_int_equal(ipsec_fake_fail(ap.ip, fail_nth, fail_err), 0);
	fail_nth = 0;
	if (flags & LATE)
		make_late(ap.ip);
	if (flags & GATHER)
		reqids_reserve(&ap.reqids, ap.ip, &sc);
	for (const struct statement *st = sc.first; st && !ap.stop; st = st->next)
		apply_statement(&ap, st);
	apply_settle(&ap);
	reqids_clear(&ap.reqids);
	assert_int_equal(ipsec_policy_dump(ap.ip, put_policy, r->state.f), 0);
	assert_int_equal(ipsec_sa_dump(ap.ip, put_sa, r->state.f), 0);
	r->refused = ap.refused;
	r->stop = ap.stop;
	fclose(r->out.f);
	fclose(r->err.f);
	fclose(r->state.f);
	ipsec_close(ap.ip);
	script_clear(&sc);
	free(copy);
}

static void result_free(struct result *r)
{
	free(r->out.text);
	free(r->err.text);
	free(r->state.text);
}

#define NETS "10.1.0.0/16 10.2.0.0/16 "
#define ENDS "192.0.2.1 192.0.2.2 "
#define KEY16 "\"0123456789abcdef\""

static const struct {
	const char *text;
	unsigned int flags;
	const char *state;
	unsigned int refused;
} cases[] = {
	/* Policies */
	{ "spdadd " NETS "any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique:5;", 0,
	  NETS "0 out 80000000 allow esp/1/192.0.2.1-192.0.2.2/5\n", 0 },
	{ "spdadd " NETS "any -P out ipsec esp/transport/192.0.2.1-192.0.2.2/use;", 0,
	  NETS "0 out 80000000 allow esp/0/any-any/0?\n", 0 },
	{ "spdadd 192.0.2.1 192.0.2.2[80] tcp -P out prio high discard;", 0,
	  "192.0.2.1/32 192.0.2.2/32[80/ffff] 6 out 40000000 block\n", 0 },
	{ "spdadd ::1[53] ::2[any] udp -P out none;", 0, "::1/128[53/ffff] ::2/128 17 out 80000000 allow\n", 0 },
	{ "spdadd " NETS "icmp 8,0 -P out none;", 0, "10.1.0.0/16[8/ffff] 10.2.0.0/16[0/ffff] 1 out 80000000 allow\n", 0 },
	{ "spdadd " NETS "icmp 8 -P out none;", 0, "10.1.0.0/16[8/ffff] 10.2.0.0/16 1 out 80000000 allow\n", 0 },
	{ "spdadd " NETS "gre 65538 -P out none;", 0, "10.1.0.0/16[1/ffff] 10.2.0.0/16[2/ffff] 47 out 80000000 allow\n", 0 },
	{ "spdadd " NETS "any -P in ipsec esp/transport//unique:5 ah/transport//unique:6;", 0,
	  NETS "0 fwd 80000000 allow esp/0/any-any/0 ah/0/any-any/6\n"
	  NETS "0 in 80000000 allow esp/0/any-any/5 ah/0/any-any/6\n", 0 },
	{ "spdadd " NETS "any -P in ipsec esp/transport//require;", KERNEL_MODE,
	  NETS "0 in 80000000 allow esp/0/any-any/0\n", 0 },
	{ "spdadd " NETS "any -P fwd discard;", 0, NETS "0 fwd 80000000 block\n", 0 },
	{ "spdadd " NETS "any -P in none; spdupdate " NETS "any -P in discard;", 0,
	  NETS "0 fwd 80000000 block\n" NETS "0 in 80000000 block\n", 0 },
	{ "spdadd " NETS "any -P in none; spddelete " NETS "any -P in;", 0, "", 0 },
	{ "spdadd " NETS "any -P in none; spddelete " NETS "any -P in none;", KERNEL_MODE, "", 0 },
	{ "spdadd " NETS "any -P out none; spdadd " NETS "any -P out discard;", 0, NETS "0 out 80000000 allow\n", 1 },
	{ "spddelete " NETS "any -P out; spdadd " NETS "tcp -P out none;", 0, NETS "6 out 80000000 allow\n", 1 },
	{ "spdadd " NETS "any -P in none; spdadd " NETS "any -P out none; spdflush;", 0, "", 0 },
	{ "spdadd tagged \"x\" -P out none; spdadd " NETS "1 -P out none;", 0,
	  NETS "1 out 80000000 allow\n", 1 },
	{ "spdadd tagged \"x\" -P out none;", 0, "", 1 },
	{ "spdadd " NETS "any -ctx 1 2 \"x\" -P out none;", 0, "", 1 },

	/* Security associations */
	{ "add " ENDS "esp 0x1000 -m tunnel -u 5 -r 32 -lh 4 -ls 3 -bh 2 -bs 1 -E aes-cbc " KEY16
	  " -A hmac-sha1 \"this is the test key\";", 0,
	  ENDS "esp 1000 mode=1 u5 r32 4/3 2/1 cbc(aes):128:0 hmac(sha1):160:96\n", 0 },
	{ "add " ENDS "esp 0x1000 -m any -E aes-gcm-16 \"0123456789abcdef0123\";", 0,
	  ENDS "esp 1000 mode=0 u0 r0 0/0 0/0 rfc4106(gcm(aes)):160:128\n", 0 },
	{ "add " ENDS "ah 0x1000 -A hmac-sha2-256 0x1111111111111111111111111111111122222222222222222222222222222222;", 0,
	  ENDS "ah 1000 mode=0 u0 r0 0/0 0/0 hmac(sha256):256:128\n", 0 },
	{ "add " ENDS "ipcomp 0x1000 -C deflate;", 0, ENDS "ipcomp 1000 mode=0 u0 r0 0/0 0/0 deflate:0:0\n", 0 },
	{ "add 192.0.2.1[4501] 192.0.2.2 esp-udp 198.51.100.1 0x1000 -E null -A null;", 0,
	  ENDS "esp 1000 mode=0 u0 r0 0/0 0/0 encap=2:4501:4500:198.51.100.1 ecb(cipher_null):0:0 digest_null:0:0\n", 0 },
	{ "add " ENDS "esp 0x1000 -ctx 1 1 \"label\" -E null;", 0,
	  ENDS "esp 1000 mode=0 u0 r0 0/0 0/0 ecb(cipher_null):0:0 ctx=label\n", 0 },
	{ "add " ENDS "esp 0x1000 -E null; update " ENDS "esp 0x1000 -lh 9 -E null;", 0,
	  ENDS "esp 1000 mode=0 u0 r0 9/0 0/0 ecb(cipher_null):0:0\n", 0 },
	{ "add " ENDS "esp 0x1000 -E null; delete " ENDS "esp 0x1000;", 0, "", 0 },
	{ "delete " ENDS "esp 0x1000; get " ENDS "esp 0x1000; update " ENDS "esp 0x1000 -E null;", 0, "", 3 },
	{ "add " ENDS "esp-old 0x1000 -E null; add " ENDS "tcp 0x1000 -A tcp-md5 \"x\";"
	  "add " ENDS "ah 0x1000 -A keyed-md5 " KEY16 "; add " ENDS "esp 0x1000 -E des-deriv \"12345678\";", 0, "", 4 },
	{ "add " ENDS "esp 0x1000 -E null; add " ENDS "ah 0x1000 -A null; flush esp;", 0,
	  ENDS "ah 1000 mode=0 u0 r0 0/0 0/0 digest_null:0:0\n", 0 },
	{ "add " ENDS "esp 0x1000 -E null; add " ENDS "ah 0x1000 -A null; flush;", 0, "", 0 },
	{ "add " ENDS "esp 0x1000 -E null; add " ENDS "esp 0x1001 -E null; add " ENDS "ah 0x1001 -A null;"
	  "add 192.0.2.3 192.0.2.2 esp 0x1002 -E null; deleteall " ENDS "esp;", 0,
	  "192.0.2.3 192.0.2.2 esp 1002 mode=0 u0 r0 0/0 0/0 ecb(cipher_null):0:0\n"
	  ENDS "ah 1001 mode=0 u0 r0 0/0 0/0 digest_null:0:0\n", 0 },
	{ "add " ENDS "esp 0x1000 -E null; add " ENDS "ah 0x1001 -A null; deleteall " ENDS ";", 0, "", 0 },
	{ "deleteall " ENDS "esp;", 0, "", 0 },
};

/* The same comes out one by one, gathered, and with results that come late; messages too. */
static void test_table(void **state)
{
	static const unsigned int ways[] = { 0, GATHER, GATHER | LATE };
	unsigned int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * 3; i++) {
		size_t c = i / 3;
		struct result r;

		load(cases[c].text, cases[c].flags | ways[i % 3], &r);
		if (strcmp(r.state.text, cases[c].state) || r.refused != cases[c].refused) {
			bad++;
			print_error("case %zu, way %zu: %s\n  want %u refused and\n%s  have %u and\n%s%s", c, i % 3, cases[c].text,
				    cases[c].refused, cases[c].state, r.refused, r.state.text, r.err.text);
		}
		assert_int_equal(r.err.n > 0, r.refused > 0);
		result_free(&r);
	}
	assert_int_equal(bad, 0);
}

/* Each "unique" without a number gets a reqid of its own, and the same one in both directions where both want it. */
static void test_unique(void **state)
{
	struct result r;
	unsigned int in, first, second, fwd_second;

	(void)state;
	load("spdadd " NETS "any -P in ipsec esp/transport//unique ah/transport//unique;", 0, &r);
	assert_int_equal(sscanf(r.state.text, NETS "0 fwd 80000000 allow esp/0/any-any/0 ah/0/any-any/%u", &fwd_second), 1);
	assert_int_equal(sscanf(strchr(r.state.text, '\n') + 1, NETS "0 in 80000000 allow esp/0/any-any/%u ah/0/any-any/%u",
				&in, &second), 2);
	assert_true(in > 0x3fff && second > 0x3fff && in != second);
	assert_int_equal(second, fwd_second);
	result_free(&r);

	load("spdadd " NETS "1 -P out ipsec esp/transport//unique; spdadd " NETS "2 -P out ipsec esp/transport//unique;", 0, &r);
	assert_int_equal(sscanf(r.state.text, NETS "2 out 80000000 allow esp/0/any-any/%u", &second), 1);
	assert_int_equal(sscanf(strchr(r.state.text, '\n') + 1, NETS "1 out 80000000 allow esp/0/any-any/%u", &first), 1);
	assert_true(first && second && first != second);
	result_free(&r);
}

static void test_messages(void **state)
{
	struct result r;

	(void)state;
	load("flush;\n\nspdadd " NETS "any -P out none;\nspdadd " NETS "any -P out none;", 0, &r);
	assert_non_null(strstr(r.err.text, "setkey: f,4: File exists: spdadd " NETS "any -P out"));
	assert_string_equal(r.out.text, "");
	result_free(&r);

	load("delete " ENDS "esp 0x1000; dump; spddump;", 0, &r);
	assert_non_null(strstr(r.err.text, "setkey: f,1: No entry: delete " ENDS "esp 0x1000"));
	assert_non_null(strstr(r.err.text, "setkey: f,1: No SAD entries\nsetkey: f,1: No SPD entries\n"));
	assert_int_equal(r.refused, 1);
	result_free(&r);

	load("delete " ENDS "esp 0x1000; dump; spddump;", ANSWERS, &r);
	assert_string_equal(r.out.text, "No entry.\nNo SAD entries.\nNo SPD entries.\n");
	result_free(&r);
}

/* Keys are in nobody's messages. */
static void test_no_key_in_messages(void **state)
{
	struct result r;

	(void)state;
	load("add " ENDS "esp-old 0x1000 -E aes-cbc " KEY16 "; update " ENDS "esp 0x1000 -E aes-cbc " KEY16 ";", 0, &r);
	assert_int_equal(r.refused, 2);
	assert_null(strstr(r.err.text, "0123456789abcdef"));
	assert_null(strstr(r.err.text, "30313233"));
	result_free(&r);
}

static void test_errexit(void **state)
{
	struct result r;

	(void)state;
	load("delete " ENDS "esp 0x1000; spdadd " NETS "any -P out none;", ERREXIT, &r);
	assert_true(r.stop);
	assert_int_equal(r.refused, 1);
	assert_string_equal(r.state.text, "");
	result_free(&r);
}

/* What is refused in the middle of a batch is told with its own line, in order, and the rest is done. */
static const char batch[] =
	"spdadd 10.0.0.1 10.0.0.2 any -P in none;\n"		/* changes 1, 2 */
	"spdadd 10.0.0.1 10.0.0.2 tcp -P out none;\n"		/* 3 */
	"delete " ENDS "esp 0x1000;\n"				/* 4: there is none */
	"spdadd 10.0.0.1 10.0.0.2 udp -P in none;\n"		/* 5, 6 */
	"spdadd tagged \"x\" -P out none;\n"			/* not even a change */
	"spddump;\n"
	"spdadd 10.0.0.1 10.0.0.2 udp -P in discard;\n"		/* 7, 8: both are there */
	"spdflush; spdadd 10.0.0.1 10.0.0.2 6 -P fwd none;\n";

static void expect_lines(const char *text, const char *const want[], size_t n)
{
	char *copy = strdup(text), *rest = copy, *line;
	size_t i = 0;

	assert_non_null(copy);
	while ((line = strsep(&rest, "\n")) && *line) {
		if (i == n || strncmp(line, want[i], strlen(want[i])))
			fail_msg("line %zu is \"%s\", not \"%s\"", i, line, i < n ? want[i] : "");
		i++;
	}
	assert_int_equal(i, n);
	free(copy);
}

#define LINES(text, ...) do { \
		static const char *const want[] = { __VA_ARGS__ }; \
		expect_lines(text, want, sizeof(want) / sizeof(want[0])); \
	} while (0)

static void test_batch_order(void **state)
{
	static const unsigned int ways[] = { 0, GATHER, GATHER | LATE };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		char *ok[16] = { NULL }, *rest, *line;
		unsigned int n = 0;
		struct result r;

		fail_nth = 6;
		fail_err = -ENOMEM;
		load(batch, ways[i] | VERBOSE, &r);
		LINES(r.err.text, "setkey: f,3: No entry: delete ", "setkey: f,4: Cannot allocate memory: spdadd 10.0.0.1 10.0.0.2 "
		      "udp -P in, for fwd", "setkey: f,5: Operation not supported: ", "setkey: f,7: File exists: ");
		assert_int_equal(r.refused, 4);
		assert_string_equal(r.state.text, "10.0.0.1/32 10.0.0.2/32 6 fwd 80000000 allow\n");
		for (rest = r.out.text; (line = strsep(&rest, "\n"));)
			if (strlen(line) > 2 && !strcmp(line + strlen(line) - 2, "ok") && n < 16)
				ok[n++] = line;
		assert_int_equal(n, 5);
		assert_memory_equal(ok[0], "1: ", 3);
		assert_memory_equal(ok[1], "2: ", 3);
		assert_memory_equal(ok[2], "6: spddump", 10);
		assert_memory_equal(ok[3], "8: spdflush", 11);
		assert_memory_equal(ok[4], "8: spdadd", 9);
		result_free(&r);
	}
	assert_true(late.batches > 3);
}

/* A statement with two refusals is one that was refused. */
static void test_batch_twin(void **state)
{
	struct result r;

	(void)state;
	load("spdadd 10.0.0.1 10.0.0.2 1 -P in none;\nspdadd 10.0.0.1 10.0.0.2 1 -P in none;", GATHER | LATE, &r);
	LINES(r.err.text, "setkey: f,2: File exists: spdadd 10.0.0.1 10.0.0.2 icmp -P in (",
	      "setkey: f,2: File exists: spdadd 10.0.0.1 10.0.0.2 icmp -P in, for fwd (");
	assert_int_equal(r.refused, 1);
	result_free(&r);
}

/* EPERM ends it and is told once, however many changes are on their way; -e lets none be on its way. */
static void test_batch_stop(void **state)
{
	struct result r;

	(void)state;
	fail_nth = 2;
	fail_err = -EPERM;
	load("spdadd 10.0.0.1 10.0.0.2 1 -P out none;\nspdflush;\nspdadd 10.0.0.1 10.0.0.2 1 -P out none;\n"
	     "delete " ENDS "esp 0x1000; spdadd 10.0.0.1 10.0.0.2 2 -P out none;", GATHER | LATE, &r);
	LINES(r.err.text, "setkey: f,2: Operation not permitted: spdflush");
	assert_true(r.stop);
	assert_int_equal(r.refused, 1);
	result_free(&r);

	load("spdadd 10.0.0.1 10.0.0.2 1 -P out none; delete " ENDS "esp 0x1000; spdflush;", GATHER | LATE | ERREXIT, &r);
	assert_true(r.stop);
	assert_string_equal(r.state.text, "10.0.0.1/32 10.0.0.2/32 1 out 80000000 allow\n");
	assert_int_equal(late.batches, 0);
	result_free(&r);
}

/* All that a file wants come from one look at the SPD, which names none that the file has itself. */
static void test_unique_reserved(void **state)
{
	unsigned int seen[3] = { 0 }, n = 0;
	struct result r;
	const char *at;

	(void)state;
	load("spdadd " NETS "1 -P out ipsec esp/transport//unique; spdadd " NETS "2 -P out ipsec esp/transport//unique:16385;"
	     "spdadd " NETS "3 -P out ipsec esp/transport//unique; add " ENDS "esp 0x1000 -u 16384 -E null;", GATHER | LATE, &r);
	assert_int_equal(r.refused, 0);
	for (at = r.state.text; (at = strstr(at, "any-any/")) && n < 3; n++)
		seen[n] = (unsigned int)strtoul(at += 8, NULL, 10);
	assert_int_equal(n, 3);
	assert_int_equal(seen[1], 16385);
	assert_true(seen[0] > 16385 && seen[2] > 16385 && seen[0] != seen[2]);
	result_free(&r);
}

static void test_getspi(void **state)
{
	unsigned int spi, hex;
	struct result r;

	(void)state;
	load("getspi " ENDS "esp 0x4711;", 0, &r);
	assert_string_equal(r.out.text, "spi=18193(0x00004711)\n");
	result_free(&r);
	load("getspi " ENDS "esp 0;", 0, &r);
	assert_int_equal(sscanf(r.out.text, "spi=%u(0x%x)", &spi, &hex), 2);
	assert_true(spi == hex && spi >= 0x100);
	result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_no_key_in_messages),
		cmocka_unit_test(test_errexit),
		cmocka_unit_test(test_batch_order),
		cmocka_unit_test(test_batch_twin),
		cmocka_unit_test(test_batch_stop),
		cmocka_unit_test(test_unique_reserved),
		cmocka_unit_test(test_getspi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
