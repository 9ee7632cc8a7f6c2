// SPDX-License-Identifier: MIT
/* The texts of -D and -DP, letter by letter, as other programs have parsed them for decades. */
#include "setkey/show/dump.h"

#include <linux/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "pfkey/alg.h"

#define NOW 1795312999		/* Nov 22 02:03:19 2026 UTC */

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

static void set_alg(struct ipsec_alg *out, enum ipsec_alg_kind kind, const char *name, const void *key, unsigned int bytes)
{
	assert_int_equal(ipsec_alg_set(out, ipsec_alg_by_name(kind, name), key, bytes * 8), 0);
}

typedef void print_fn(const void *what, const struct dump_options *opt);

/* Puts PID in the place of our process id. */
static void hide_pid(char *text)
{
	char pid[32], *at;

	snprintf(pid, sizeof(pid), "pid=%d", (int)getpid());
	at = strstr(text, pid);
	assert_non_null(at);
	memcpy(at, "pid=PID", 7);
	memmove(at + 7, at + strlen(pid), strlen(at + strlen(pid)) + 1);
}

static void expect(print_fn *print, const void *what, struct dump_options opt, const char *want)
{
	char *text = NULL;
	size_t n;

	opt.out = open_memstream(&text, &n);
	assert_non_null(opt.out);
	opt.now = NOW;
	print(what, &opt);
	fputs("     ", opt.out);	/* room for a short pid to become PID */
	fclose(opt.out);
	text[n - 5] = '\0';
	if (strstr(text, "pid="))
		hide_pid(text);
	assert_string_equal(text, want);
	free(text);
}

static void print_sa(const void *what, const struct dump_options *opt)
{
	dump_sa(what, 0, opt);
}

static void print_sa_brief(const void *what, const struct dump_options *opt)
{
	dump_sa_brief(what, opt);
}

static void print_policy(const void *what, const struct dump_options *opt)
{
	dump_policy(what, 3, opt);
}

static const uint8_t bytes[64] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
	31, 32, 33, 34, 35,
};

static struct ipsec_sa sample_sa(void)
{
	struct ipsec_sa sa = {
		.src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TUNNEL,
		.spi = 4096, .reqid = 5, .replay_window = 32, .state = IPSEC_STATE_MATURE,
		.hard = { .bytes = 1000000, .add_seconds = 3600 }, .soft = { .bytes = 900000, .add_seconds = 3000 },
		.usage = { .add_time = NOW },
	};

	set_alg(&sa.enc, IPSEC_ALG_ENC, "aes-cbc", bytes, 16);
	set_alg(&sa.auth, IPSEC_ALG_AUTH, "hmac-sha1", "this is the test key", 20);
	return sa;
}

#define TAIL \
	"\tcreated: Nov 22 02:03:19 2026\tcurrent: Nov 22 02:03:19 2026\n" \
	"\tdiff: 0(s)\thard: 3600(s)\tsoft: 3000(s)\n" \
	"\tlast:                     \thard: 0(s)\tsoft: 0(s)\n" \
	"\tcurrent: 0(bytes)\thard: 1000000(bytes)\tsoft: 900000(bytes)\n" \
	"\tallocated: 0\thard: 0\tsoft: 0\n"

static void test_sa(void **state)
{
	struct ipsec_sa sa = sample_sa();

	(void)state;
	expect(print_sa, &sa, (struct dump_options){ 0 },
	       "192.0.2.1 192.0.2.2 \n"
	       "\tesp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)\n"
	       "\tE: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f\n"
	       "\tA: hmac-sha1  74686973 20697320 74686520 74657374 206b6579\n"
	       "\tseq=0x00000000 replay=32 flags=0x00000000 state=mature \n"
	       TAIL
	       "\tsadb_seq=0 pid=PID refcnt=0\n");
}

static void test_sa_used(void **state)
{
	struct ipsec_sa sa = sample_sa();

	(void)state;
	sa.usage.add_time = NOW - 1234567;
	sa.usage.use_time = NOW - 60;
	sa.usage.bytes = 5000000000;
	sa.usage.packets = 17;
	sa.usage.oseq = 0x11;
	sa.state = IPSEC_STATE_DYING;
	sa.flags = IPSEC_SA_NOECN | IPSEC_SA_NOPMTUDISC;
	sa.mode = IPSEC_MODE_TRANSPORT;
	expect(print_sa, &sa, (struct dump_options){ .ports = true },
	       "192.0.2.1[0] 192.0.2.2[0] \n"
	       "\tesp mode=transport spi=4096(0x00001000) reqid=5(0x00000005)\n"
	       "\tE: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f\n"
	       "\tA: hmac-sha1  74686973 20697320 74686520 74657374 206b6579\n"
	       "\tseq=0x00000011 replay=32 flags=0xa0000000 state=dying \n"
	       "\tcreated: Nov  7 19:07:12 2026\tcurrent: Nov 22 02:03:19 2026\n"
	       "\tdiff: 1234567(s)\thard: 3600(s)\tsoft: 3000(s)\n"
	       "\tlast: Nov 22 02:02:19 2026\thard: 0(s)\tsoft: 0(s)\n"
	       "\tcurrent: 5000000000(bytes)\thard: 1000000(bytes)\tsoft: 900000(bytes)\n"
	       "\tallocated: 17\thard: 0\tsoft: 0\n"
	       "\tsadb_seq=0 pid=PID refcnt=0\n");
}

/* A long key goes on in a line of its own that begins with one blank; a null cipher has no line. */
static void test_sa_keys(void **state)
{
	struct ipsec_sa sa = sample_sa();

	(void)state;
	memset(&sa.auth, 0, sizeof(sa.auth));
	memset(&sa.enc, 0, sizeof(sa.enc));
	set_alg(&sa.aead, IPSEC_ALG_AEAD, "aes-gcm-16", bytes, 36);
	expect(print_sa, &sa, (struct dump_options){ 0 },
	       "192.0.2.1 192.0.2.2 \n"
	       "\tesp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)\n"
	       "\tE: aes-gcm-16  00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f\n"
	       " 20212223\n"
	       "\tseq=0x00000000 replay=32 flags=0x00000000 state=mature \n"
	       TAIL
	       "\tsadb_seq=0 pid=PID refcnt=0\n");
	memset(&sa.aead, 0, sizeof(sa.aead));
	set_alg(&sa.enc, IPSEC_ALG_ENC, "null", "", 0);
	set_alg(&sa.auth, IPSEC_ALG_AUTH, "null", "", 0);
	expect(print_sa, &sa, (struct dump_options){ 0 },
	       "192.0.2.1 192.0.2.2 \n"
	       "\tesp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)\n"
	       "\tseq=0x00000000 replay=32 flags=0x00000000 state=mature \n"
	       TAIL
	       "\tsadb_seq=0 pid=PID refcnt=0\n");
}

static void test_sa_encap(void **state)
{
	struct ipsec_sa sa = sample_sa();

	(void)state;
	memset(&sa.auth, 0, sizeof(sa.auth));
	memset(&sa.enc, 0, sizeof(sa.enc));
	sa.encap = (struct ipsec_encap){ UDP_ENCAP_ESPINUDP, 4500, 4501, addr("198.51.100.1") };
	expect(print_sa, &sa, (struct dump_options){ 0 },
	       "192.0.2.1[4500] 192.0.2.2[4501] \n"
	       "\tesp-udp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)\n"
	       "\tNAT OA=198.51.100.1\n"
	       "\tseq=0x00000000 replay=32 flags=0x00000000 state=mature \n"
	       TAIL
	       "\tsadb_seq=0 pid=PID refcnt=0\n");
}

static void test_sa_ipcomp(void **state)
{
	struct ipsec_sa sa = sample_sa();

	(void)state;
	memset(&sa.auth, 0, sizeof(sa.auth));
	memset(&sa.enc, 0, sizeof(sa.enc));
	sa.proto = IPPROTO_COMP;
	set_alg(&sa.comp, IPSEC_ALG_COMP, "deflate", "", 0);
	expect(print_sa, &sa, (struct dump_options){ 0 },
	       "192.0.2.1 192.0.2.2 \n"
	       "\tipcomp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)\n"
	       "\tC: deflate \tseq=0x00000000 replay=32 flags=0x00000000 state=mature \n"
	       TAIL
	       "\tsadb_seq=0 pid=PID refcnt=0\n");
}

/* What PF_KEY cannot say, and a label. */
static void test_sa_more(void **state)
{
	struct ipsec_sa sa = sample_sa();

	(void)state;
	memset(&sa.enc, 0, sizeof(sa.enc));
	set_alg(&sa.auth, IPSEC_ALG_AUTH, "hmac-sha256", bytes, 32);
	sa.auth.icv_bits = 96;
	sa.mark = (struct ipsec_mark){ 1, 0xff };
	sa.if_id = 7;
	sa.flags = IPSEC_SA_ESN;
	strcpy(sa.ctx, "a:b");
	expect(print_sa, &sa, (struct dump_options){ 0 },
	       "192.0.2.1 192.0.2.2 \n"
	       "\tesp mode=tunnel spi=4096(0x00001000) reqid=5(0x00000005)\n"
	       "\tA: hmac-sha256  00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f\n"
	       "\tseq=0x00000000 replay=32 flags=0x00000000 state=mature \n"
	       TAIL
	       "\txfrm: mark=0x1/0xff if_id=7 icv=96 esn\n"
	       "\tsecurity context doi: 1\n\tsecurity context algorithm: 1\n\tsecurity context length: 4\n"
	       "\tsecurity context: a:b\n"
	       "\tsadb_seq=0 pid=PID refcnt=0\n");
}

/* Each new attribute has its word in the one line more, and none where it is not set. */
static void test_sa_extra(void **state)
{
	struct ipsec_sa sa = sample_sa();
	char *text = NULL, *at;
	size_t n;
	struct dump_options opt = { .now = NOW };

	(void)state;
	sa.dir = IPSEC_SA_DIR_OUT;
	sa.offload = (struct ipsec_offload){ 1, IPSEC_OFFLOAD_PACKET, false };
	sa.output_mark = (struct ipsec_mark){ 0x10, 0xffffffff };
	sa.nat_keepalive = 20;
	sa.tfc_pad = 1400;
	sa.flags = IPSEC_SA_NOECN | IPSEC_SA_ICMP | IPSEC_SA_OSEQ_MAY_WRAP;
	sa.sel = (struct ipsec_selector){ .src = addr("10.0.0.0"), .dst = addr("10.0.0.1"), .src_len = 8, .dst_len = 32,
					  .proto = IPPROTO_TCP, .dport = 80, .dport_mask = 0xffff, .ifindex = 1 };
	opt.out = open_memstream(&text, &n);
	assert_non_null(opt.out);
	dump_sa(&sa, 0, &opt);
	fclose(opt.out);
	at = strstr(text, "\txfrm:");
	assert_non_null(at);
	at[strcspn(at, "\n")] = '\0';
	assert_string_equal(at, "\txfrm: output-mark=0x10/0xffffffff icmp oseq-may-wrap dir=out offload=lo,packet,out"
			    " nat-keepalive=20 tfc=1400 sel=\"10.0.0.0/8 10.0.0.1[80] tcp dev lo\"");
	free(text);
}

static void test_sa_brief(void **state)
{
	struct ipsec_sa sa = sample_sa();

	(void)state;
	sa.hard.add_seconds = 300;
	expect(print_sa_brief, &sa, (struct dump_options){ 0 }, "0319 esp M 00001000   0/300 192.0.2.1 -> 192.0.2.2\n");
	sa.hard.add_seconds = 1000;
	sa.usage.add_time = NOW - 1000;
	expect(print_sa_brief, &sa, (struct dump_options){ 0 }, "0319 esp M 00001000 big/big 192.0.2.1 -> 192.0.2.2\n");
}

static struct ipsec_policy sample_policy(void)
{
	struct ipsec_policy pol = {
		.sel = { .src = addr("10.0.1.0"), .dst = addr("10.0.2.0"), .src_len = 24, .dst_len = 24 },
		.dir = IPSEC_DIR_OUT, .priority = 0x80000000, .index = 1, .ntmpl = 1, .usage = { .add_time = NOW },
	};

	pol.tmpl[0] = (struct ipsec_tmpl){ addr("192.0.2.1"), addr("192.0.2.2"), IPPROTO_ESP, IPSEC_MODE_TUNNEL, false, 5, 0 };
	return pol;
}

#define POLICY_TAIL \
	"\tcreated: Nov 22 02:03:19 2026  lastused:                     \n" \
	"\tlifetime: 0(s) validtime: 0(s)\n" \
	"\tspid=1 seq=3 pid=PID\n" \
	"\trefcnt=2\n"

static void test_policy(void **state)
{
	struct ipsec_policy pol = sample_policy();

	(void)state;
	expect(print_policy, &pol, (struct dump_options){ 0 },
	       "10.0.1.0/24[any] 10.0.2.0/24[any] 255\n"
	       "\tout prio def ipsec\n"
	       "\tesp/tunnel/192.0.2.1-192.0.2.2/unique:5\n"
	       POLICY_TAIL);
	pol.ntmpl = 2;
	pol.tmpl[0].reqid = 0x4000;
	pol.tmpl[1] = (struct ipsec_tmpl){ .proto = IPPROTO_AH, .optional = true };
	pol.priority = 0x40000000 - 7;
	expect(print_policy, &pol, (struct dump_options){ .ports = true },
	       "10.0.1.0/24[any] 10.0.2.0/24[any] 255\n"
	       "\tout prio high + 7 ipsec\n"
	       "\tesp/tunnel/192.0.2.1[0]-192.0.2.2[0]/unique#16384\n"
	       "\tah/transport//use\n"
	       POLICY_TAIL);
}

static void test_policy_priorities(void **state)
{
	static const struct { uint32_t priority; const char *want; } table[] = {
		{ 0, "" }, { 1, "prio high + 1073741823 " }, { 0x40000000, "prio high " }, { 0x40000001, "prio high - 1 " },
		{ 0x5fffffff, "prio high - 536870911 " }, { 0x60000000, "prio def + 536870912 " },
		{ 0x9fffffff, "prio def - 536870911 " }, { 0xa0000000, "prio low + 536870912 " },
		{ 0xc0000000, "prio low " }, { 0xffffffff, "prio low - 1073741823 " },
	};
	struct ipsec_policy pol = sample_policy();
	char want[400];

	(void)state;
	pol.ntmpl = 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		pol.priority = table[i].priority;
		snprintf(want, sizeof(want), "10.0.1.0/24[any] 10.0.2.0/24[any] 255\n\tout %snone\n" POLICY_TAIL,
			 table[i].want);
		expect(print_policy, &pol, (struct dump_options){ 0 }, want);
	}
}

static void test_policy_selectors(void **state)
{
	static const struct { uint8_t proto; uint16_t sport, smask, dport, dmask; const char *want; } table[] = {
		{ IPPROTO_TCP, 0, 0, 80, 0xffff, "::1[any] ::2/64[80] tcp" },
		{ IPPROTO_UDP, 53, 0xffff, 0, 0, "::1[53] ::2/64[any] udp" },
		{ IPPROTO_ICMPV6, 0, 0, 0, 0, "::1 ::2/64 ipv6-icmp" },
		{ IPPROTO_ICMPV6, 135, 0xffff, 0, 0xffff, "::1 ::2/64 ipv6-icmp 135,0" },
		{ IPPROTO_ICMP, 8, 0xffff, 0, 0, "::1 ::2/64 icmp 8" },
		{ IPPROTO_GRE, 1, 0xffff, 2, 0xffff, "::1 ::2/64 gre 65538" },
		{ 253, 0, 0, 0, 0, "::1[any] ::2/64[any] 253" },
	};
	struct ipsec_policy pol = sample_policy();
	char want[400];

	(void)state;
	pol.action = IPSEC_ACTION_BLOCK;
	pol.sel.src = addr("::1");
	pol.sel.dst = addr("::2");
	pol.sel.src_len = 128;
	pol.sel.dst_len = 64;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		pol.sel.proto = table[i].proto;
		pol.sel.sport = table[i].sport;
		pol.sel.sport_mask = table[i].smask;
		pol.sel.dport = table[i].dport;
		pol.sel.dport_mask = table[i].dmask;
		snprintf(want, sizeof(want), "%s\n\tout prio def discard\n" POLICY_TAIL, table[i].want);
		expect(print_policy, &pol, (struct dump_options){ 0 }, want);
	}
}

static void test_policy_extra(void **state)
{
	struct ipsec_policy pol = sample_policy();

	(void)state;
	pol.mark = (struct ipsec_mark){ 1, 3 };
	pol.if_id = 9;
	pol.type = 1;
	pol.sel.ifindex = 1;
	pol.offload = (struct ipsec_offload){ 1, IPSEC_OFFLOAD_PACKET, false };
	pol.flags = IPSEC_POLICY_LOCALOK | IPSEC_POLICY_ICMP;
	pol.hard = (struct ipsec_lifetime){ .add_seconds = 5, .use_seconds = 6, .packets = 7 };
	pol.soft = (struct ipsec_lifetime){ .add_seconds = 3, .use_seconds = 2, .bytes = 1 };
	pol.tmpl[0].optional = true;
	pol.tmpl[0].spi = 0x1000;
	expect(print_policy, &pol, (struct dump_options){ 0 },
	       "10.0.1.0/24[any] 10.0.2.0/24[any] 255\n"
	       "\tout prio def ipsec\n"
	       "\tesp/tunnel/192.0.2.1-192.0.2.2/use:5/spi:0x1000\n"
	       "\tcreated: Nov 22 02:03:19 2026  lastused:                     \n"
	       "\tlifetime: 5(s) validtime: 6(s)\n"
	       "\txfrm: mark=0x1/0x3 if_id=9 ptype=sub dev=lo offload=lo,packet localok icmp hard=7packets"
	       " soft=3s soft=2s-used soft=1bytes\n"
	       "\tspid=1 seq=3 pid=PID\n"
	       "\trefcnt=2\n");
}

/* The kernel puts a socket's policies among the others. */
static void test_policy_of_socket(void **state)
{
	struct ipsec_policy pol = sample_policy();

	(void)state;
	pol.index = 12;
	pol.socket = true;
	pol.ntmpl = 0;
	expect(print_policy, &pol, (struct dump_options){ 0 },
	       "(per-socket policy) \n\tout(socket) prio def none\n"
	       "\tcreated: Nov 22 02:03:19 2026  lastused:                     \n"
	       "\tlifetime: 0(s) validtime: 0(s)\n\tspid=12 seq=3 pid=PID\n\trefcnt=2\n");
}

static void add_sas(struct ipsec *ip)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct ipsec_sa sa = sample_sa();

		sa.spi += i;
		if (i == 2) {
			sa.proto = IPPROTO_AH;
			memset(&sa.enc, 0, sizeof(sa.enc));
		}
		assert_int_equal(ipsec_sa_add(ip, &sa), 0);
	}
}

/* Numbers count up from 1, the last one is 0: so a reader knows that it has them all. */
static void test_sad(void **state)
{
	static const struct { uint8_t proto; unsigned int want[4], n; } table[] = {
		{ 0, { 1, 2, 3, 0 }, 4 }, { IPPROTO_ESP, { 1, 2, 0 }, 3 }, { IPPROTO_AH, { 0 }, 1 }, { IPPROTO_COMP, { 0 }, 0 },
	};
	struct ipsec *ip;

	(void)state;
	assert_int_equal(ipsec_open(&ip, "fake", NULL, 0), 0);
	add_sas(ip);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dump_options opt = { .now = NOW };
		size_t n, count = 99;
		char *text = NULL, *at;

		opt.out = open_memstream(&text, &n);
		assert_non_null(opt.out);
		assert_int_equal(dump_sad(ip, table[i].proto, &opt, &count), 0);
		fclose(opt.out);
		assert_int_equal(count, table[i].n);
		at = text;
		for (unsigned int k = 0; k < count; k++) {
			at = strstr(at, "sadb_seq=");
			assert_non_null(at);
			at += strlen("sadb_seq=");
			assert_int_equal(strtoul(at, NULL, 10), table[i].want[k]);
		}
		assert_null(strstr(at, "sadb_seq="));
		free(text);
	}
	ipsec_close(ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sa),
		cmocka_unit_test(test_sa_used),
		cmocka_unit_test(test_sa_keys),
		cmocka_unit_test(test_sa_encap),
		cmocka_unit_test(test_sa_ipcomp),
		cmocka_unit_test(test_sa_more),
		cmocka_unit_test(test_sa_extra),
		cmocka_unit_test(test_sa_brief),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_priorities),
		cmocka_unit_test(test_policy_selectors),
		cmocka_unit_test(test_policy_extra),
		cmocka_unit_test(test_policy_of_socket),
		cmocka_unit_test(test_sad),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
