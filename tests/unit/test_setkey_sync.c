// SPDX-License-Identifier: MIT
/* What a sync makes of a (fake) kernel, in which steps, and what is left when one of them fails. */
#include "tests/unit/test_setkey_sync.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>

#include "setkey/lang/write.h"

#define NETS "10.1.0.0/16 10.2.0.0/16 "
#define NETS2 "10.1.0.0/16 10.3.0.0/16 "
#define ENDS "192.0.2.1 192.0.2.2 "
#define KEY "\"0123456789abcdef\""
#define KEY2 "\"fedcba9876543210\""
#define TUNNEL "esp/tunnel/192.0.2.1-192.0.2.2/"
#define IPSEC "ipsec " TUNNEL "require;"
#define TRUTH "flush; spdflush;\n"

/* ---- the kernel as text, a line for each thing, sorted ---- */

struct lines {
	char *line[400];
	size_t n;
};

static char **new_line(struct lines *l)
{
	assert_true(l->n < sizeof(l->line) / sizeof(l->line[0]));
	return &l->line[l->n++];
}

static int put_sa(const struct ipsec_sa *sa, void *arg)
{
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];
	char **line = new_line(arg);

	assert_true(asprintf(line, "%s %s %u %x m%u u%u r%u life=%u/%u/%u sport=%u if=%u om=%x %s%s:%02x%02x %s seq=%u/%u%s\n",
			     ipsec_addr_format(&sa->src, src, sizeof(src)), ipsec_addr_format(&sa->dst, dst, sizeof(dst)),
			     sa->proto, sa->spi, sa->mode, sa->reqid, sa->replay_window, (unsigned int)sa->hard.add_seconds,
			     (unsigned int)sa->soft.add_seconds, (unsigned int)sa->hard.bytes, sa->encap.sport, sa->if_id,
			     sa->output_mark.value, sa->aead.name, sa->enc.name, sa->aead.key[0] | sa->enc.key[0],
			     sa->aead.key[15] | sa->enc.key[15], sa->auth.name, (unsigned int)sa->usage.seq,
			     (unsigned int)sa->usage.oseq, sa->state == IPSEC_STATE_LARVAL ? " larval" : "") > 0);
	return 0;
}

static int put_policy(const struct ipsec_policy *pol, void *arg)
{
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN], rules[200] = "", *at = rules;
	char **line = new_line(arg);

	for (unsigned int i = 0; i < pol->ntmpl; i++)
		at += sprintf(at, " %u/%u/%s%u", pol->tmpl[i].proto, pol->tmpl[i].mode, pol->tmpl[i].optional ? "?" : "",
			      pol->tmpl[i].reqid);
	assert_true(asprintf(line, "%s/%u %s/%u %u %s %08x %s%s mark=%x/%x\n",
			     ipsec_addr_format(&pol->sel.src, src, sizeof(src)), pol->sel.src_len,
			     ipsec_addr_format(&pol->sel.dst, dst, sizeof(dst)), pol->sel.dst_len, pol->sel.proto,
			     ((const char *[]){ "in", "out", "fwd" })[pol->dir], pol->priority,
			     pol->action == IPSEC_ACTION_BLOCK ? "block" : "allow", rules, pol->mark.value,
			     pol->mark.mask) > 0);
	return 0;
}

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* To be freed. */
static char *kernel_text(struct ipsec *ip)
{
	struct lines l = { .n = 0 };
	struct output o;

	assert_int_equal(ipsec_policy_dump(ip, put_policy, &l), 0);
	assert_int_equal(ipsec_sa_dump(ip, put_sa, &l), 0);
	qsort(l.line, l.n, sizeof(l.line[0]), line_cmp);
	output_open(&o);
	for (size_t i = 0; i < l.n; i++) {
		fputs(l.line[i], o.f);
		free(l.line[i]);
	}
	return (char *)output_close(&o);
}

/* ---- the table ---- */

/* before and file: statements; counts: of added, changed, deleted, kept. The kernel afterwards is what loading after gives. */
static const struct {
	const char *before, *file, *after, *counts;
	unsigned int flags;
} cases[] = {
	/* Nothing to do */
	{ "", "", "", "0 0 0 0", 0 },
	{ "", TRUTH, "", "0 0 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -E aes-cbc " KEY "; spdadd " NETS "any -P out " IPSEC,
	  TRUTH "add " ENDS "esp 0x1000 -E rijndael-cbc " KEY "; spdadd " NETS "any -P out " IPSEC,
	  "add " ENDS "esp 0x1000 -E aes-cbc " KEY "; spdadd " NETS "any -P out " IPSEC, "0 0 0 2", 0 },
	{ "add " ENDS "esp 0x1000 -m any -E null;", "add " ENDS "esp 0x1000 -m transport -E simple -A null;",
	  "add " ENDS "esp 0x1000 -E null;", "0 0 0 1", 0 },
	/* Additions; what is not named stays unless it was flushed */
	{ "", "add " ENDS "esp 0x1000 -E null; spdadd " NETS "any -P out none;",
	  "add " ENDS "esp 0x1000 -E null; spdadd " NETS "any -P out none;", "2 0 0 0", 0 },
	{ "add " ENDS "esp 0x2000 -E null;", "add " ENDS "esp 0x1000 -E null;",
	  "add " ENDS "esp 0x1000 -E null; add " ENDS "esp 0x2000 -E null;", "1 0 0 1", 0 },
	{ "add " ENDS "esp 0x2000 -E null; spdadd " NETS "any -P out none;", "flush; add " ENDS "esp 0x1000 -E null;",
	  "add " ENDS "esp 0x1000 -E null; spdadd " NETS "any -P out none;", "1 0 1 1", 0 },
	{ "add " ENDS "esp 0x2000 -E null; spdadd " NETS "any -P out none;", "spdflush;",
	  "add " ENDS "esp 0x2000 -E null;", "0 0 1 1", 0 },
	{ "add " ENDS "esp 1000 -E null; add " ENDS "ah 1000 -A null;", "flush esp;", "add " ENDS "ah 1000 -A null;",
	  "0 0 1 1", 0 },
	{ "add " ENDS "esp 1000 -E null; add " ENDS "ah 1000 -A null;", TRUTH, "", "0 0 2 0", 0 },
	{ "add " ENDS "esp 1000 -E null;", "flush ah;", "add " ENDS "esp 1000 -E null;", "0 0 0 1", 0 },
	/* Statements in their order */
	{ "", "add " ENDS "esp 0x1000 -E null; flush; add " ENDS "esp 0x2000 -E null;", "add " ENDS "esp 0x2000 -E null;",
	  "1 0 0 0", 0 },
	{ "", "add " ENDS "esp 0x1000 -E null; delete " ENDS "esp 0x1000;", "", "0 0 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -E null;", "delete " ENDS "esp 0x1000; delete " ENDS "esp 0x1001;", "", "0 0 1 0", 0 },
	{ "add " ENDS "esp 0x1000 -E null;", "delete " ENDS "esp 0x1000; add " ENDS "esp 0x1000 -E null;",
	  "add " ENDS "esp 0x1000 -E null;", "0 0 0 1", 0 },
	{ "add " ENDS "esp 1000 -E null; add " ENDS "esp 1001 -E null; add " ENDS "ah 1000 -A null; "
	  "add 192.0.2.3 192.0.2.2 esp 999 -E null;",
	  "deleteall " ENDS "esp; add " ENDS "esp 1001 -E null;",
	  "add " ENDS "esp 1001 -E null; add " ENDS "ah 1000 -A null; add 192.0.2.3 192.0.2.2 esp 999 -E null;", "0 0 1 3", 0 },
	{ "add " ENDS "esp 1000 -E null; add " ENDS "ah 1000 -A null;", "deleteall " ENDS ";", "", "0 0 2 0", 0 },
	{ "", "add " ENDS "esp 1000 -E null; deleteall " ENDS "esp;", "", "0 0 0 0", 0 },
	{ "spdadd " NETS "any -P out none;", "spddelete " NETS "any -P out;", "", "0 0 1 0", 0 },
	{ "", "spdadd " NETS "any -P out none; spdflush;", "", "0 0 0 0", 0 },
	/* Said twice */
	{ "", "add " ENDS "esp 0x1000 -E null; add " ENDS "esp 0x1000 -E null;", "add " ENDS "esp 0x1000 -E null;", "1 0 0 0", 0 },
	{ "", "add " ENDS "esp 0x1000 -lh 9 -E null; update " ENDS "esp 0x1000 -lh 8 -E null;",
	  "add " ENDS "esp 0x1000 -lh 8 -E null;", "1 0 0 0", 0 },
	{ "", "spdadd " NETS "any -P out none; spdupdate " NETS "any -P out discard;", "spdadd " NETS "any -P out discard;",
	  "1 0 0 0", 0 },
	/* SAs that change */
	{ "add " ENDS "esp 0x1000 -lh 3600 -E null;", "add " ENDS "esp 0x1000 -lh 7200 -ls 60 -E null;",
	  "add " ENDS "esp 0x1000 -lh 7200 -ls 60 -E null;", "0 1 0 0", 0 },
	{ "add 192.0.2.1[4500] 192.0.2.2[4500] esp-udp 0x1000 -E null;", "add 192.0.2.1[4501] 192.0.2.2[4500] esp-udp 0x1000 -E null;",
	  "add 192.0.2.1[4501] 192.0.2.2[4500] esp-udp 0x1000 -E null;", "0 1 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -E aes-cbc " KEY ";", "add " ENDS "esp 0x1000 -E aes-cbc " KEY2 ";",
	  "add " ENDS "esp 0x1000 -E aes-cbc " KEY2 ";", "0 1 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -u 5 -E aes-cbc " KEY ";", "add " ENDS "esp 0x1000 -u 6 -E aes-cbc " KEY ";",
	  "add " ENDS "esp 0x1000 -u 6 -E aes-cbc " KEY ";", "0 1 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -E null;", "add 192.0.2.9 192.0.2.2 esp 0x1000 -m tunnel -r 32 -E null;",
	  "add 192.0.2.9 192.0.2.2 esp 0x1000 -m tunnel -r 32 -E null;", "0 1 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -if-id 3 -E null;", "add " ENDS "esp 0x1000 -if-id 4 -E null;",
	  "add " ENDS "esp 0x1000 -if-id 4 -E null;", "0 1 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -if-id 3 -E null;", "add " ENDS "esp 0x1000 -E null;",
	  "add " ENDS "esp 0x1000 -E null;", "0 1 0 0", 0 },
	{ "add " ENDS "esp 0x1000 -mark 1/1 -E null; add " ENDS "esp 0x1000 -E null;", "flush; add " ENDS "esp 0x1000 -mark 1/1 -E null;",
	  "add " ENDS "esp 0x1000 -mark 1/1 -E null;", "0 0 1 1", 0 },
	/* Policies that change */
	{ "spdadd " NETS "any -P out " IPSEC, "spdadd " NETS "any -P out prio 7 " IPSEC, "spdadd " NETS "any -P out prio 7 " IPSEC,
	  "0 1 0 0", 0 },
	{ "spdadd " NETS "any -P out ipsec " TUNNEL "use;", "spdadd " NETS "any -P out " IPSEC, "spdadd " NETS "any -P out " IPSEC,
	  "0 1 0 0", 0 },
	{ "spdadd " NETS "any -P out " IPSEC, "spdflush; spdadd " NETS "any -P out none;", "spdadd " NETS "any -P out none;",
	  "0 1 0 0", 0 },
	{ "spdadd " NETS "any -P out " IPSEC, "spdflush; spdadd " NETS2 "any -P out " IPSEC, "spdadd " NETS2 "any -P out " IPSEC,
	  "1 0 1 0", 0 },
	/* An index is the kernel's to give, and stays. */
	{ "spdadd " NETS "any -P out none;", "spdadd " NETS "any -index 801 -P out none;", "spdadd " NETS "any -P out none;",
	  "0 0 0 1", 0 },
	/* Transport mode has no ends of its own. */
	{ "spdadd " ENDS "any -P out ipsec esp/transport//require;",
	  TRUTH "spdadd " ENDS "any -P out ipsec esp/transport/192.0.2.1-192.0.2.2/require;",
	  "spdadd " ENDS "any -P out ipsec esp/transport//require;", "0 0 0 1", 0 },
	/* Twins */
	{ "", "spdadd " NETS "any -P in " IPSEC,
	  "spdadd " NETS "any -P in " IPSEC "spdadd " NETS "any -P fwd " IPSEC, "2 0 0 0", RFC_MODE },
	{ "", "spdadd " NETS "any -P in " IPSEC, "spdadd " NETS "any -P in " IPSEC, "1 0 0 0", 0 },
	{ "", "spdadd " NETS "any -P in ipsec " TUNNEL "unique:5;",
	  "spdadd " NETS "any -P in ipsec " TUNNEL "unique:5; spdadd " NETS "any -P fwd " IPSEC, "2 0 0 0", RFC_MODE },
	{ "", "spdadd " NETS "any -P in " IPSEC "spdadd " NETS "any -P fwd none;",
	  "spdadd " NETS "any -P in " IPSEC "spdadd " NETS "any -P fwd none;", "2 0 0 0", RFC_MODE },
	{ "", "spdadd " NETS "any -P fwd none; spdadd " NETS "any -P in " IPSEC,
	  "spdadd " NETS "any -P in " IPSEC "spdadd " NETS "any -P fwd none;", "2 0 0 0", RFC_MODE },
	{ "spdadd " NETS "any -P in none; spdadd " NETS "any -P fwd none;", "spddelete " NETS "any -P in;", "", "0 0 2 0", RFC_MODE },
	/* The order of equals: the exception must come to stand before the rule. */
	{ "spdadd " NETS "any -P out " IPSEC, TRUTH "spdadd " NETS "tcp -P out none; spdadd " NETS "any -P out " IPSEC,
	  "spdadd " NETS "tcp -P out none; spdadd " NETS "any -P out " IPSEC, "1 1 0 0", 0 },
	{ "spdadd " NETS "any -P out " IPSEC, TRUTH "spdadd " NETS "any -P out " IPSEC " spdadd " NETS "tcp -P out none;",
	  "spdadd " NETS "any -P out " IPSEC "spdadd " NETS "tcp -P out none;", "1 0 0 1", 0 },
	{ "spdadd " NETS "any -P out " IPSEC, TRUTH "spdadd " NETS2 "tcp -P out none; spdadd " NETS "any -P out " IPSEC,
	  "spdadd " NETS2 "tcp -P out none; spdadd " NETS "any -P out " IPSEC, "1 0 0 1", 0 },
	{ "spdadd " NETS "any -P out " IPSEC, TRUTH "spdadd " NETS "tcp -P out prio 1 none; spdadd " NETS "any -P out " IPSEC,
	  "spdadd " NETS "tcp -P out prio 1 none; spdadd " NETS "any -P out " IPSEC, "1 0 0 1", 0 },
};

static void check_counts(const char *out, const char *want)
{
	json_t *o = json_loads(out, 0, NULL);
	json_int_t added, changed, deleted, kept;
	char have[100];

	assert_non_null(o);
	assert_int_equal(json_unpack(o, "{s:I, s:I, s:I, s:I}", "added", &added, "changed", &changed, "deleted", &deleted,
				     "kept", &kept), 0);
	assert_int_equal(json_array_size(json_object_get(o, "changes")), added + changed + deleted);
	snprintf(have, sizeof(have), "%lld %lld %lld %lld", added, changed, deleted, kept);
	assert_string_equal(have, want);
	json_decref(o);
}

static void check_kernel(struct ipsec *ip, const char *after)
{
	struct ipsec *other = kernel_open();
	char *have = kernel_text(ip), *want;

	load(other, after);
	want = kernel_text(other);
	assert_string_equal(have, want);
	free(have);
	free(want);
	ipsec_close(other);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ipsec *ip = kernel_open();
		struct result r;
		char *before;

		print_message("%s => %s\n", cases[i].before, cases[i].file);
		load(ip, cases[i].before);
		before = kernel_text(ip);
		sync_text(ip, cases[i].file, cases[i].flags | CHECK | JSON, &r);
		assert_int_equal(r.err, 0);
		check_counts(r.out.text, cases[i].counts);
		result_free(&r);
		check_kernel(ip, cases[i].before);

		sync_text(ip, cases[i].file, cases[i].flags | JSON, &r);
		assert_string_equal(r.messages.text, "");
		assert_int_equal(r.err, 0);
		check_counts(r.out.text, cases[i].counts);
		result_free(&r);
		check_kernel(ip, cases[i].after);

		sync_text(ip, cases[i].file, cases[i].flags | CHECK, &r);
		assert_non_null(strstr(r.out.text, "0 to add, 0 to change, 0 to delete"));
		assert_memory_equal(r.out.text, "0", 1);
		result_free(&r);
		free(before);
		ipsec_close(ip);
	}
}

/* What --dump-script writes is what is there. */
static void test_dump_script(void **state)
{
	struct ipsec *ip = kernel_open();
	struct output script;
	size_t left_out;
	struct result r;

	(void)state;
	load(ip, "add " ENDS "esp 1000 -E aes-cbc " KEY " -A hmac-sha256 \"0123456789abcdef0123456789abcdef\";"
	     "add " ENDS "esp 1001 -m tunnel -u 7 -r 64 -E aes-gcm-16 \"0123456789abcdef0123\"; add " ENDS "ipcomp 999 -C deflate;"
	     "spdadd " NETS "tcp -P out none; spdadd " NETS "any -P out " IPSEC "spdadd " NETS "any -P in ipsec " TUNNEL "unique;"
	     "spdadd " NETS2 "any -P fwd discard;");
	output_open(&script);
	assert_int_equal(write_script(ip, script.f, true, true, &left_out), 0);
	output_close(&script);
	assert_int_equal(left_out, 0);
	sync_text(ip, script.text, CHECK, &r);
	assert_string_equal(r.out.text, "0 to add, 0 to change, 0 to delete, 7 stay\n");
	result_free(&r);
	free(script.text);
	ipsec_close(ip);
}

static void test_plan_text(void **state)
{
	struct ipsec *ip = kernel_open();
	struct result r;

	(void)state;
	load(ip, "add " ENDS "esp 0x1000 -E aes-cbc " KEY "; add " ENDS "esp 0x1001 -E null; spdadd " NETS "any -P out none;");
	sync_text(ip, "flush;\nspdflush;\nadd " ENDS "esp 0x1000 -E aes-cbc " KEY2 ";\nspdadd " NETS2 "any -P out discard;", CHECK, &r);
	assert_non_null(strstr(r.out.text, "+ spdadd 10.1.0.0/16"));
	assert_non_null(strstr(r.out.text, "  # f,4\n"));
	assert_non_null(strstr(r.out.text, "~ update 192.0.2.1 192.0.2.2 esp 0x"));
	assert_non_null(strstr(r.out.text, "  # f,3: key"));
	assert_non_null(strstr(r.out.text, "- spddelete 10.1.0.0/16"));
	assert_non_null(strstr(r.out.text, "- delete 192.0.2.1 192.0.2.2 esp 0x00001001;\n"));
	assert_non_null(strstr(r.out.text, "\n1 to add, 1 to change, 2 to delete, 0 stay\n"));
	result_free(&r);
	sync_text(ip, "spdadd " NETS "any -P out discard;", VERBOSE, &r);
	assert_non_null(strstr(r.out.text, "~ spdupdate "));
	assert_non_null(strstr(r.out.text, "  # f,1: action\n0 added, 1 changed, 0 deleted, 2 stayed\n"));
	result_free(&r);
	sync_text(ip, "spdadd " NETS "any -P out none;", 0, &r);
	assert_string_equal(r.out.text, "");
	result_free(&r);
	ipsec_close(ip);
}

/* ---- what is refused ---- */

static const struct {
	const char *text, *message;
	int err;
} refusals[] = {
	{ "getspi " ENDS "esp 0x1000;", "f,1: This describes no state", -1 },
	{ "get " ENDS "esp 0x1000;", "f,1: This describes no state", -1 },
	{ "flush;\ndump;", "f,2: This describes no state", -1 },
	{ "spddump;\nspddump;", "f,2: This describes no state", -1 },
	{ "spdadd tagged \"x\" -P out none;", "f,1: ", -1 },
	{ "add " ENDS "esp 0x1000 -E null;\nadd " ENDS "esp 0x1000 -lh 9 -E null;", "f,2: Line 1 says otherwise: add ", -1 },
	{ "spdadd " NETS "any -P out none;\n\nspdadd " NETS "any -P out discard;", "f,3: Line 1 says otherwise: spdadd ", -1 },
	{ "spdadd " NETS "any -P in none;\nspdadd " NETS "any -P in discard;", "f,2: Line 1 says otherwise: spdadd ", -1 },
	{ "add " ENDS "esp-old 0x1000 -E null;", "f,1: Operation not supported: add ", -EOPNOTSUPP },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct ipsec *ip = kernel_open();
		struct result r;
		char *text;

		print_message("%s\n", refusals[i].text);
		assert_true(asprintf(&text, "%s spdadd " NETS2 "any -P out none;", refusals[i].text) > 0);
		sync_text(ip, text, RFC_MODE, &r);
		assert_int_equal(r.err, refusals[i].err);
		assert_non_null(strstr(r.messages.text, refusals[i].message));
		check_kernel(ip, "");
		result_free(&r);
		free(text);
		ipsec_close(ip);
	}
}

/* ---- the way back ---- */

/* An SA that has sent and received. */
static void add_used_sa(struct ipsec *ip, uint32_t spi, const char *key)
{
	struct ipsec_sa sa = { .proto = IPPROTO_ESP, .spi = spi, .resume = true, .replay_window = 32,
			       .usage = { .seq = 111, .oseq = 222, .packets = 333, .use_time = 1 } };
	struct ipsec_sa_id id = { .proto = IPPROTO_ESP, .spi = spi };
	struct ipsec_sa back;

	assert_int_equal(ipsec_addr_parse(&sa.src, "192.0.2.1"), 0);
	assert_int_equal(ipsec_addr_parse(&sa.dst, "192.0.2.2"), 0);
	assert_int_equal(ipsec_alg_set(&sa.enc, ipsec_alg_by_name(IPSEC_ALG_ENC, "aes-cbc"), key, 128), 0);
	assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	id.dst = sa.dst;
	assert_int_equal(ipsec_sa_get(ip, &id, &back), 0);
	assert_int_equal(back.usage.oseq, 222);
}

static const char *const ways[][2] = {
	{ "", "add " ENDS "esp 1000 -E null; add " ENDS "esp 1001 -E null; "
	  "spdadd " NETS "any -P out none; spdadd " NETS "any -P in none;" },
	{ "add " ENDS "esp 1000 -E aes-cbc " KEY "; add " ENDS "esp 1001 -E aes-cbc " KEY "; spdadd " NETS "any -P out none;"
	  "spdadd " NETS2 "any -P out " IPSEC, TRUTH },
	{ "add " ENDS "esp 1000 -lh 5 -E null; add " ENDS "esp 1001 -u 4 -E aes-cbc " KEY "; spdadd " NETS "any -P out none;",
	  "add " ENDS "esp 1000 -lh 6 -E null; add " ENDS "esp 1001 -u 5 -E aes-cbc " KEY "; spdadd " NETS "any -P out discard;" },
	{ "spdadd " NETS "any -P out prio 5 " IPSEC "spdadd " NETS2 "any -P out prio 5 " IPSEC "spdadd " NETS "tcp -P out prio 9 none;",
	  TRUTH "spdadd " NETS "any -P out prio 6 " IPSEC "spdadd " NETS2 "any -P out prio 4 " IPSEC
	  "spdadd " NETS "udp -P out prio 8 none;" },
	{ "spdadd " NETS "any -P out " IPSEC "spdadd " NETS "udp -P out none;",
	  TRUTH "spdadd " NETS "tcp -P out none; spdadd " NETS "any -P out " IPSEC },
};

static void test_way_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		unsigned int nth, failed = 0;
		bool again = true;

		for (nth = 1; again; nth++) {
			struct ipsec *ip = kernel_open();
			char *before, *after;
			struct result r;

			load(ip, ways[i][0]);
			before = kernel_text(ip);
			assert_int_equal(ipsec_fake_fail(ip, nth, -ENOMEM), 0);
			sync_text(ip, ways[i][1], 0, &r);
			after = kernel_text(ip);
			if (r.err) {
				failed++;
				assert_int_equal(r.err, -ENOMEM);
				assert_string_equal(after, before);
				assert_non_null(strstr(r.messages.text, "Cannot allocate memory"));
				assert_non_null(strstr(r.messages.text, "Nothing was changed"));
			} else {
				again = false;
				assert_string_not_equal(after, before);
			}
			result_free(&r);
			free(before);
			free(after);
			ipsec_close(ip);
		}
		print_message("way %zu: %u steps\n", i, failed);
		assert_true(failed >= 2);
	}
}

/* Deleted SAs go on with their numbers when they come back; so does one with the same key and another reqid. */
static void test_sequence_numbers(void **state)
{
	struct ipsec *ip = kernel_open();
	struct result r;
	char *text;

	(void)state;
	add_used_sa(ip, 0x1000, "0123456789abcdef");
	add_used_sa(ip, 0x1001, "0123456789abcdef");
	ipsec_fake_fail(ip, 2, -ENOMEM);
	sync_text(ip, TRUTH, 0, &r);
	assert_int_equal(r.err, -ENOMEM);
	result_free(&r);
	text = kernel_text(ip);
	assert_non_null(strstr(text, "1001 m0 u0 r32 life=0/0/0 sport=0 if=0 om=0 cbc(aes):3066  seq=111/1048798"));
	assert_non_null(strstr(text, "1000 m0 u0 r32 life=0/0/0 sport=0 if=0 om=0 cbc(aes):3066  seq=111/222"));
	free(text);

	sync_text(ip, "add " ENDS "esp 0x1000 -u 5 -r 32 -E aes-cbc " KEY ";"
		  " add " ENDS "esp 0x1001 -lh 10 -r 32 -E aes-cbc " KEY ";", 0, &r);
	assert_int_equal(r.err, 0);
	result_free(&r);
	text = kernel_text(ip);
	assert_non_null(strstr(text, "1000 m0 u5 r32 life=0/0/0 sport=0 if=0 om=0 cbc(aes):3066  seq=111/1048798"));
	assert_non_null(strstr(text, "1001 m0 u0 r32 life=10/0/0 sport=0 if=0 om=0 cbc(aes):3066  seq=111/1048798"));
	free(text);

	sync_text(ip, "add " ENDS "esp 0x1000 -u 5 -r 32 -E aes-cbc " KEY2 ";", 0, &r);
	assert_int_equal(r.err, 0);
	result_free(&r);
	text = kernel_text(ip);
	assert_non_null(strstr(text, "1000 m0 u5 r32 life=0/0/0 sport=0 if=0 om=0 cbc(aes):6630  seq=0/0"));
	free(text);
	ipsec_close(ip);
}

/* Signals that are waiting already: nothing is begun. */
static void test_interrupted(void **state)
{
	struct ipsec *ip = kernel_open();
	sigset_t set, before;
	struct result r;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	raise(SIGTERM);
	sync_text(ip, "add " ENDS "esp 1000 -E null;", 0, &r);
	assert_int_equal(r.err, -EINTR);
	assert_non_null(strstr(r.messages.text, "Interrupted"));
	check_kernel(ip, "");
	result_free(&r);
	sigprocmask(SIG_SETMASK, &before, NULL);
	ipsec_close(ip);
}

/* ---- what the kernel does to values, and what is none of a file's business ---- */

static void test_hidden_keys(void **state)
{
	struct ipsec *ip = kernel_open();
	struct result r;

	(void)state;
	load(ip, "add " ENDS "esp 0x1000 -E aes-cbc 0x00000000000000000000000000000000;");
	sync_text(ip, TRUTH "add " ENDS "esp 0x1000 -E aes-cbc " KEY ";", CHECK, &r);
	assert_string_equal(r.out.text, "0 to add, 0 to change, 0 to delete, 1 stay\n");
	assert_non_null(strstr(r.messages.text, "does not show keys"));
	result_free(&r);
	/* One key that is shown: then the others are, too. */
	load(ip, "add " ENDS "esp 0x1001 -E aes-cbc " KEY ";");
	sync_text(ip, "add " ENDS "esp 0x1000 -E aes-cbc " KEY ";", CHECK, &r);
	assert_non_null(strstr(r.out.text, "0 to add, 1 to change, 0 to delete, 1 stay\n"));
	result_free(&r);
	ipsec_close(ip);
}

static void test_larval(void **state)
{
	struct ipsec_sa larval = { .proto = IPPROTO_ESP };
	struct ipsec *ip = kernel_open();
	struct result r;
	uint32_t spi;
	char *text;

	(void)state;
	assert_int_equal(ipsec_addr_parse(&larval.src, "192.0.2.1"), 0);
	assert_int_equal(ipsec_addr_parse(&larval.dst, "192.0.2.2"), 0);
	assert_int_equal(ipsec_spi_alloc(ip, &larval, 0x1000, 0x2000, &spi), 0);
	sync_text(ip, TRUTH, JSON, &r);
	check_counts(r.out.text, "0 0 0 0");
	result_free(&r);
	text = kernel_text(ip);
	assert_non_null(strstr(text, " larval"));
	free(text);
	ipsec_close(ip);
}

static int note_reqid(const struct ipsec_policy *pol, void *arg)
{
	*(uint32_t *)arg = pol->tmpl[0].reqid;
	return 0;
}

/* A reqid that was chosen stays; one that was given is not a chosen one. */
/* What keyd makes by itself is no file's affair. */
static void test_keyds_own(void **state)
{
	struct ipsec *ip = kernel_open();
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .priority = 0x8b000000, .ntmpl = 1, .sel.src_len = 32 };
	struct result r;

	(void)state;
	pol.sel.src.family = pol.sel.dst.family = AF_INET;
	pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TRANSPORT, .reqid = 0x6b000001 };
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	pol.sel.src_len = 31;
	pol.tmpl[0].reqid = 7;
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	pol = (struct ipsec_policy){ .dir = IPSEC_DIR_OUT, .priority = 0xfb000000, .action = IPSEC_ACTION_BLOCK, .sel = pol.sel };
	pol.sel.src_len = 8;
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	pol.sel.src_len = 9;
	pol.priority = 0xfb000001;
	assert_int_equal(ipsec_policy_add(ip, &pol), 0);
	sync_text(ip, "spdflush;", JSON, &r);
	check_counts(r.out.text, "0 0 2 0");
	result_free(&r);
	ipsec_close(ip);
}

static void test_unique(void **state)
{
	static const char unique[] = "spdadd " NETS "any -P out ipsec " TUNNEL "unique;";
	struct ipsec *ip = kernel_open();
	uint32_t first, second;
	struct result r;

	(void)state;
	load(ip, "spdadd " NETS "any -P out ipsec " TUNNEL "unique:7;");
	sync_text(ip, unique, JSON, &r);
	check_counts(r.out.text, "0 1 0 0");
	result_free(&r);
	assert_int_equal(ipsec_policy_dump(ip, note_reqid, &first), 0);
	assert_true(first > 0x3fff);
	sync_text(ip, "spdadd " NETS "any -P out prio 3 ipsec " TUNNEL "unique;", JSON, &r);
	check_counts(r.out.text, "0 1 0 0");
	result_free(&r);
	assert_int_equal(ipsec_policy_dump(ip, note_reqid, &second), 0);
	assert_int_equal(first, second);
	ipsec_close(ip);
}

/* A thousand SAs and a script that names each of them, with two that differ. */
static void test_many(void **state)
{
	struct ipsec *ip = kernel_open();
	struct output before, after;
	struct result r;

	(void)state;
	output_open(&before);
	output_open(&after);
	fputs(TRUTH, after.f);
	for (unsigned int i = 0; i < 10000; i++) {
		fprintf(before.f, "add 192.0.2.1 10.0.%u.%u esp 0x1000 -E aes-cbc 0x000102030405060708090a0b0c0d%04x;\n",
			i >> 8, i & 255, i);
		if (i != 77)
			fprintf(after.f, "add 192.0.2.1 10.0.%u.%u esp 0x1000 %s -E aes-cbc 0x000102030405060708090a0b0c0d%04x;\n",
				i >> 8, i & 255, i == 78 ? "-u 5" : "", i);
	}
	load(ip, output_close(&before));
	sync_text(ip, output_close(&after), JSON, &r);
	check_counts(r.out.text, "0 1 1 9998");
	result_free(&r);
	free(before.text);
	free(after.text);
	ipsec_close(ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_dump_script),
		cmocka_unit_test(test_plan_text),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_way_back),
		cmocka_unit_test(test_sequence_numbers),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_hidden_keys),
		cmocka_unit_test(test_larval),
		cmocka_unit_test(test_keyds_own),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
