// SPDX-License-Identifier: MIT
/* SAs and policies written as statements, read again: the same values. Over random values, and over texts. */
#include "setkey/lang/write.h"

#include <errno.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pfkey/alg.h"
#include "setkey/lang/convert.h"
#include "setkey/lang/resolve.h"
#include "setkey/lang/script.h"
#include "tests/unit/test_setkey_same.h"

/* xorshift64*: the same values on every machine. */
static uint64_t seed;

static uint64_t next(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1d;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((next() >> 32) % n);
}

static bool chance(uint32_t one_in)
{
	return below(one_in) == 0;
}

/* Edges more often than chance would have them. */
static uint64_t number(uint64_t max)
{
	switch (below(4)) {
	case 0:
		return max;
	case 1:
		return 1;
	default:
		return next() % max + 1;
	}
}

static void fill(void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)next();
}

static uint16_t any_family(void)
{
	return chance(2) ? AF_INET : AF_INET6;
}

static void make_addr(struct ipsec_addr *a, uint16_t family)
{
	a->family = family;
	fill(a->b, ipsec_addr_size(family));
	if (chance(5))
		memset(a->b, 0, sizeof(a->b));
}

static void make_ports(struct ipsec_selector *sel)
{
	if (chance(3))
		return;
	sel->sport = (uint16_t)below(chance(2) ? 256 : 65536);
	sel->sport_mask = chance(4) ? (uint16_t)next() : UINT16_MAX;
	if (chance(3))
		return;
	sel->dport = (uint16_t)below(chance(2) ? 256 : 65536);
	sel->dport_mask = chance(4) ? (uint16_t)next() : UINT16_MAX;
}

static void make_selector(struct ipsec_selector *sel, uint16_t family)
{
	static const uint8_t protos[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, 135, IPPROTO_GRE, 255 };

	make_addr(&sel->src, family);
	make_addr(&sel->dst, family);
	sel->src_len = (uint8_t)below(ipsec_addr_bits(family) + 1u);
	sel->dst_len = (uint8_t)below(ipsec_addr_bits(family) + 1u);
	sel->proto = chance(4) ? (uint8_t)next() : protos[below(sizeof(protos))];
	make_ports(sel);
	if (chance(3))
		sel->ifindex = chance(2) ? 1 : (uint32_t)number(INT32_MAX);	/* 1 is lo, and has a name */
}

static void make_lifetime(struct ipsec_lifetime *l)
{
	uint64_t *limits[] = { &l->bytes, &l->packets, &l->add_seconds, &l->use_seconds };

	for (size_t i = 0; i < 4; i++)
		if (chance(3))
			*limits[i] = number(UINT64_MAX - 1);
}

static void make_mark(struct ipsec_mark *m)
{
	if (chance(2))
		return;
	m->mask = (uint32_t)number(UINT32_MAX);
	m->value = (uint32_t)next() & m->mask;
}

static void make_label(char *out)
{
	static const char chars[] = "abcdefghijklmnop_0123456789:,.;#' \t\nxyz";
	size_t n = chance(4) ? IPSEC_CTX_MAX - 1 : number(40);

	if (chance(3))
		for (size_t i = 0; i < n; i++)
			out[i] = chars[below(sizeof(chars) - 1)];
}

/* A row of the table with a key of a valid size; sometimes the kernel's own default, or another ICV length. */
static void make_alg(struct ipsec_alg *alg, enum ipsec_alg_kind kind)
{
	const struct ipsec_alg_info *rows[64] = { NULL }, *info;
	unsigned int n = 0, bits;

	for (info = ipsec_alg_next(NULL); info; info = ipsec_alg_next(info))
		if (info->kind == kind && info->kernel[0])
			rows[n++] = info;
	info = rows[below(n)];
	bits = info->key_min + below((unsigned int)(info->key_max - info->key_min) / info->key_step + 1) * info->key_step;
	fill(alg->key, bits / 8);
	alg->key_bits = (uint16_t)bits;
	strcpy(alg->name, info->kernel[chance(6) && info->kernel[1] ? 1 : 0]);
	alg->icv_bits = info->icv_bits;
	if (info->icv_bits && chance(3))
		alg->icv_bits = (uint16_t)(below(kind == IPSEC_ALG_AEAD ? 17 : 33) * 8);
	if (!chance(8) || !bits)
		return;
	/* One that only the kernel knows. */
	memset(alg->name, 0, sizeof(alg->name));
	strcpy(alg->name, kind == IPSEC_ALG_AEAD ? "new(aead)" : kind == IPSEC_ALG_AUTH ? "new(mac)" : "cbc(new,x_y-1.0)");
	if (kind == IPSEC_ALG_AEAD && !alg->icv_bits)
		alg->icv_bits = 8;
}

static void make_algs(struct ipsec_sa *sa)
{
	if (sa->proto == IPPROTO_COMP) {
		make_alg(&sa->comp, IPSEC_ALG_COMP);
		return;
	}
	if (sa->proto == IPPROTO_AH || chance(2))
		make_alg(&sa->auth, IPSEC_ALG_AUTH);
	if (sa->proto == IPPROTO_AH)
		return;
	if (sa->auth.name[0] || chance(3))
		make_alg(&sa->enc, IPSEC_ALG_ENC);
	else
		make_alg(&sa->aead, IPSEC_ALG_AEAD);
}

static void make_sa(struct ipsec_sa *sa)
{
	static const uint8_t protos[] = { IPPROTO_ESP, IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP };
	uint16_t family = any_family();

	memset(sa, 0, sizeof(*sa));
	make_addr(&sa->src, family);
	make_addr(&sa->dst, family);
	sa->proto = protos[below(4)];
	sa->mode = (uint8_t)below(3);
	sa->spi = sa->proto == IPPROTO_COMP ? (uint32_t)number(0xffff) : (uint32_t)number(UINT32_MAX - 255) + 255;
	sa->reqid = chance(2) ? (uint32_t)number(UINT32_MAX) : 0;
	sa->flags = chance(2) ? (uint16_t)(next() & 0x3fe) : 0;
	if (sa->proto != IPPROTO_COMP && !chance(3)) {
		sa->replay_window = (uint32_t)number(4096);
		sa->flags |= chance(2) ? IPSEC_SA_ESN : 0;
	}
	if (chance(3))
		make_selector(&sa->sel, sa->mode == IPSEC_MODE_TRANSPORT ? family : any_family());
	make_algs(sa);
	if (sa->proto == IPPROTO_ESP && chance(3)) {
		sa->encap = (struct ipsec_encap){ UDP_ENCAP_ESPINUDP, (uint16_t)number(65535), (uint16_t)number(65535), { 0 } };
		if (chance(2))
			make_addr(&sa->encap.oa, any_family());
	}
	make_mark(&sa->mark);
	make_mark(&sa->output_mark);
	sa->if_id = chance(3) ? (uint32_t)number(UINT32_MAX) : 0;
	if (sa->proto == IPPROTO_ESP && sa->mode == IPSEC_MODE_TUNNEL && chance(3))
		sa->tfc_pad = (uint32_t)number(UINT32_MAX);
	sa->dir = (uint8_t)below(3);
	if (sa->proto == IPPROTO_ESP && chance(3))
		sa->offload = (struct ipsec_offload){ (uint32_t)number(INT32_MAX), (uint8_t)(1 + below(2)),
						      sa->dir ? sa->dir == IPSEC_SA_DIR_IN : chance(2) };
	sa->nat_keepalive = sa->encap.type && sa->dir == IPSEC_SA_DIR_OUT ? (uint32_t)number(UINT32_MAX) : 0;
	make_lifetime(&sa->hard);
	make_lifetime(&sa->soft);
	make_label(sa->ctx);
}

static void make_tmpl(struct ipsec_tmpl *t)
{
	static const uint8_t protos[] = { IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP };
	uint16_t family = any_family();

	t->proto = protos[below(3)];
	t->mode = (uint8_t)below(3);
	if (t->mode != IPSEC_MODE_TRANSPORT) {
		make_addr(&t->src, family);
		make_addr(&t->dst, family);
	}
	t->optional = chance(3);
	t->reqid = chance(2) ? (uint32_t)number(UINT32_MAX) : 0;
	t->spi = chance(4) ? (uint32_t)number(UINT32_MAX) : 0;
}

static void make_policy(struct ipsec_policy *pol)
{
	memset(pol, 0, sizeof(*pol));
	make_selector(&pol->sel, any_family());
	pol->dir = (uint8_t)below(3);
	pol->type = chance(4) ? XFRM_POLICY_TYPE_SUB : XFRM_POLICY_TYPE_MAIN;
	pol->flags = (uint8_t)below(4);
	pol->priority = chance(3) ? 0x80000000 : (uint32_t)next();
	pol->index = chance(3) ? (uint32_t)next() << 3 | pol->dir : 0;
	make_mark(&pol->mark);
	pol->if_id = chance(3) ? (uint32_t)number(UINT32_MAX) : 0;
	if (chance(3))
		pol->offload = (struct ipsec_offload){ (uint32_t)number(INT32_MAX), IPSEC_OFFLOAD_PACKET, false };
	if (chance(4))
		pol->action = IPSEC_ACTION_BLOCK;
	else
		pol->ntmpl = (uint8_t)below(IPSEC_TMPL_MAX + 1);
	for (unsigned int i = 0; i < pol->ntmpl; i++)
		make_tmpl(&pol->tmpl[i]);
	make_lifetime(&pol->hard);
	make_lifetime(&pol->soft);
	make_label(pol->ctx);
}

static void fail_error(void *arg, unsigned int line, const char *msg, const char *token)
{
	fail_msg("%s\nline %u: %s at %s", (const char *)arg, line, msg, token ? token : "");
}

/* Reads text, which is one statement. */
static const struct statement *read_one(struct script *sc, char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n + 2);

	*sc = (struct script){ .on_error = fail_error, .arg = text };
	assert_non_null(copy);
	memcpy(copy, text, n);
	assert_int_equal(script_parse_text(sc, copy, n), 0);
	free(copy);
	assert_int_equal(sc->count, 1);
	assert_int_equal(resolve_script(sc), 0);
	return sc->first;
}

static void read_sa(char *text, struct ipsec_sa *sa)
{
	struct script sc;
	const struct statement *st = read_one(&sc, text);
	char why[200] = "";

	if (convert_sa(st, st->src.addrs, st->dst.addrs, sa, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	script_clear(&sc);
}

static void read_policy(char *text, struct ipsec_policy *pol)
{
	struct script sc;
	const struct statement *st = read_one(&sc, text);
	char why[200] = "";

	if (convert_policy(st, pol, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	script_clear(&sc);
}

static char *text_of_sa(const struct ipsec_sa *sa)
{
	char *text = NULL, why[200] = "";
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	if (write_sa(f, "add", sa, true, why, sizeof(why)))
		fail_msg("%s", why);
	fclose(f);
	return text;
}

static char *text_of_policy(const struct ipsec_policy *pol)
{
	char *text = NULL, why[200] = "";
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	if (write_policy(f, "spdadd", pol, why, sizeof(why)))
		fail_msg("%s", why);
	fclose(f);
	return text;
}

static const uint64_t seeds[] = { 1, 0x9e3779b97f4a7c15, 0x123456789abcdef, 42 };

#define ROUNDS 2000

/* Not all that is made makes sense; this much of it must. */
#define ROUNDS_MIN (ROUNDS / 2)

static void test_random_sas(void **state)
{
	struct ipsec_sa sa, again;
	char *text;

	(void)state;
	for (size_t s = 0; s < sizeof(seeds) / sizeof(seeds[0]); s++) {
		unsigned int good = 0;

		seed = seeds[s];
		for (unsigned int i = 0; i < ROUNDS; i++) {
			make_sa(&sa);
			if (ipsec_sa_check(&sa, NULL, 0))
				continue;
			text = text_of_sa(&sa);
			memset(&again, 0xff, sizeof(again));
			read_sa(text, &again);
			if (!same_sa(&sa, &again))
				fail_msg("seed %zu, round %u: read again differently: %s", s, i, text);
			free(text);
			good++;
		}
		assert_true(good >= ROUNDS_MIN);
	}
}

static void test_random_policies(void **state)
{
	struct ipsec_policy pol, again;
	char *text;

	(void)state;
	for (size_t s = 0; s < sizeof(seeds) / sizeof(seeds[0]); s++) {
		unsigned int good = 0;

		seed = seeds[s];
		for (unsigned int i = 0; i < ROUNDS; i++) {
			make_policy(&pol);
			if (ipsec_policy_check(&pol, NULL, 0))
				continue;
			text = text_of_policy(&pol);
			memset(&again, 0xff, sizeof(again));
			read_policy(text, &again);
			if (!same_policy(&pol, &again))
				fail_msg("seed %zu, round %u: read again differently: %s", s, i, text);
			free(text);
			good++;
		}
		assert_true(good >= ROUNDS_MIN);
	}
}

#define A "192.0.2.1 192.0.2.2 "
#define KEY16 "0x000102030405060708090a0b0c0d0e0f"
#define KEY20 "0x000102030405060708090a0b0c0d0e0f10111213"

/* Text, and how we write it. */
static const struct { const char *text, *want; } sas[] = {
	{ "add " A "esp 4096 -E aes-cbc \"0123456789abcdef\" -A hmac-sha1 " KEY20 ";",
	  "add " A "esp 0x1000 -m transport -E aes-cbc 0x30313233343536373839616263646566 -A hmac-sha1 " KEY20 ";\n" },
	{ "add " A "esp 4096 -m tunnel -u 5 -r 32 -lh 3 -E null \"\" -A null;",
	  "add " A "esp 0x1000 -m tunnel -u 5 -r 32 -lh 3 -E null -A null;\n" },
	{ "add ::1 ::2 esp-udp 192.0.2.9 4096 -E rijndael-cbc " KEY16 ";",
	  "add ::1[4500] ::2[4500] esp-udp 192.0.2.9 0x1000 -m transport -E aes-cbc " KEY16 ";\n" },
	{ "add " A "esp 4096 -natt 10.0.0.1[4501] 10.0.0.2[4502] -E null;",
	  "add 192.0.2.1[4501] 192.0.2.2[4502] esp-udp 0x1000 -m transport -E null;\n" },
	{ "add " A "ipcomp 4096 -C deflate -R;", "add " A "ipcomp 0x1000 -m transport -C deflate;\n" },
	{ "add " A "ah 4096 -A hmac-sha2-256 " KEY16 "101112131415161718191a1b1c1d1e1f -trunc 96;",
	  "add " A "ah 0x1000 -m transport -A hmac-sha256 " KEY16 "101112131415161718191a1b1c1d1e1f -trunc 96;\n" },
	{ "add " A "ah 4096 -trunc 96 -A \"hmac(sha1)\" " KEY20 ";",
	  "add " A "ah 0x1000 -m transport -A hmac-sha1 " KEY20 ";\n" },
	{ "add " A "ah 4096 -A \"hmac(sha1)\" " KEY20 ";",
	  "add " A "ah 0x1000 -m transport -A \"hmac(sha1)\" " KEY20 ";\n" },
	{ "add " A "esp 4096 -E \"cbc(serpent)\" " KEY16 ";",
	  "add " A "esp 0x1000 -m transport -E serpent-cbc " KEY16 ";\n" },
	{ "add " A "esp 4096 -E \"cbc(rot13)\" \"x\" -A \"cmac(new)\";",
	  "add " A "esp 0x1000 -m transport -E \"cbc(rot13)\" 0x78 -A \"cmac(new)\";\n" },
	{ "add " A "esp 4096 -E \"rfc4106(gcm(aes))\" " KEY20 " -trunc 96;",
	  "add " A "esp 0x1000 -m transport -E aes-gcm-12 " KEY20 ";\n" },
	{ "add " A "esp 4096 -E \"gcm(new)\" " KEY20 " -trunc 64;",
	  "add " A "esp 0x1000 -m transport -E \"gcm(new)\" " KEY20 " -trunc 64;\n" },
	{ "add " A "esp 4096 -r 128 -esn -f icmp -f noecn -f zero-pad -E null;",
	  "add " A "esp 0x1000 -m transport -r 128 -esn -f noecn -f icmp -E null;\n" },
	{ "add " A "esp 4096 -m tunnel -sel 10.0.0.0/8[any] 10.1.2.3/32[80] tcp -dev lo -E null;",
	  "add " A "esp 0x1000 -m tunnel -sel 10.0.0.0/8 10.1.2.3[80] tcp -dev lo -E null;\n" },
	{ "add " A "esp 4096 -mark 5 -output-mark 0x10/0xF0 -if-id 0x7 -E null;",
	  "add " A "esp 0x1000 -m transport -mark 0x5 -output-mark 0x10/0xf0 -if-id 7 -E null;\n" },
	{ "add " A "esp 4096 -offload \"lo\" out packet -E null;",
	  "add " A "esp 0x1000 -m transport -offload lo packet out -E null;\n" },
	{ "add " A "esp-udp 4096 -dir out -hwif lo -nat-keepalive 20 -E null;",
	  "add 192.0.2.1[4500] 192.0.2.2[4500] esp-udp 0x1000 -m transport -dir out -offload lo crypto out -nat-keepalive 20"
	  " -E null;\n" },
};

static const struct { const char *text, *want; } policies[] = {
	{ "spdadd 10.0.0.0/8[any] 10.1.2.3 any -P out prio def none;", "spdadd 10.0.0.0/8 10.1.2.3 any -P out none;\n" },
	{ "spdadd 10.0.0.1[0] 10.0.0.2[0/0xffff] 6 -P in discard;", "spdadd 10.0.0.1 10.0.0.2[0/0xffff] tcp -P in discard;\n" },
	{ "spdadd ::/0 ::/0 icmp6 135,0 -P fwd prio high+1 none;", "spdadd ::/0 ::/0 ipv6-icmp 135,0 -P fwd prio high + 1 none;\n" },
	{ "spdadd ::/0 ::/0 icmp6 135 -P in prio -5 none;", "spdadd ::/0 ::/0 ipv6-icmp 135 -P in prio def - 5 none;\n" },
	{ "spdadd " A "gre 1.2.3.4 -P in none;", "spdadd " A "gre 16909060 -P in none;\n" },
	{ "spdadd " A "255 -P in none;", "spdadd " A "any -P in none;\n" },
	{ "spdadd " A "0xff -P in none;", "spdadd " A "0xff -P in none;\n" },
	{ "spdadd " A "any -P in ipsec esp/transport//default ah/tunnel/::1-::2/use;",
	  "spdadd " A "any -P in ipsec esp/transport//require ah/tunnel/::1-::2/use;\n" },
	{ "spdadd " A "any -P in ipsec esp/beet/1.2.3.4-5.6.7.8/unique:7/spi:0x1000 ipcomp/transport//use:3/spi:9;",
	  "spdadd " A "any -P in ipsec esp/beet/1.2.3.4-5.6.7.8/unique:7/spi:0x1000 ipcomp/transport//use:3/spi:0x9;\n" },
	{ "spdadd " A "any -index 8 -dev lo -ptype sub -if-id 3 -mark 1/3 -offload lo packet -f localok -f icmp -lh 5 -ps 4 -P in none;",
	  "spdadd " A "any -mark 0x1/0x3 -if-id 3 -ptype sub -index 8 -dev lo -f localok -f icmp -offload lo packet -lh 5 -ps 4"
	  " -P in none;\n" },
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sas) / sizeof(sas[0]); i++) {
		struct ipsec_sa sa;
		char *text = strdup(sas[i].text), *again;

		read_sa(text, &sa);
		again = text_of_sa(&sa);
		assert_string_equal(again, sas[i].want);
		free(again);
		free(text);
	}
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct ipsec_policy pol;
		char *text = strdup(policies[i].text), *again;

		read_policy(text, &pol);
		again = text_of_policy(&pol);
		assert_string_equal(again, policies[i].want);
		free(again);
		free(text);
	}
}

/* What there are no words for is refused with a sentence, and nothing was written. */
static void refuse_sa(struct ipsec_sa sa, const char *want)
{
	char *text = NULL, why[200] = "";
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	assert_int_equal(write_sa(f, "add", &sa, true, why, sizeof(why)), -EOPNOTSUPP);
	fclose(f);
	assert_int_equal(n, 0);
	if (!strstr(why, want))
		fail_msg("\"%s\" does not tell of \"%s\"", why, want);
	free(text);
}

static void test_refusals(void **state)
{
	char text[] = "add " A "esp 4096 -m tunnel -r 32 -E aes-cbc " KEY16 " -A hmac-sha1 " KEY20 ";";
	struct ipsec_sa good, sa;
	struct ipsec_policy pol;
	char why[200] = "";

	(void)state;
	read_sa(text, &good);
	sa = good, sa.mode = IPSEC_MODE_ANY, refuse_sa(sa, "mode");
	sa = good, sa.spi = 5, refuse_sa(sa, "SPI 5");
	sa = good, sa.enc.icv_bits = 8, refuse_sa(sa, "8 bits");
	sa = good, sa.auth.icv_bits = 7, refuse_sa(sa, "of 7 bits");
	sa = good, strcpy(sa.ctx, "a\"b"), refuse_sa(sa, "label");
	sa = good, strcpy(sa.enc.name, "a\"b"), refuse_sa(sa, "cannot be written");
	sa = good, sa.encap = (struct ipsec_encap){ 7, 1, 2, { 0 } }, refuse_sa(sa, "type 7");
	sa = good, sa.dir = IPSEC_SA_DIR_OUT, sa.offload = (struct ipsec_offload){ 1, 1, true }, refuse_sa(sa, "direction");
	sa = good, sa.sel.ifindex = 3, refuse_sa(sa, "selector");
	sa = good, sa.proto = IPPROTO_TCP, refuse_sa(sa, "protocol 6");

	strcpy(text, "spdadd " A "any -P in none;");
	read_policy(text, &pol);
	pol.socket = true;
	assert_int_equal(write_policy(stderr, "spdadd", &pol, why, sizeof(why)), -EOPNOTSUPP);
	assert_non_null(strstr(why, "socket"));
}

/* For plans: what names an SA or a policy, and keys that nobody may see. */
static void test_short_forms(void **state)
{
	char text[] = "add " A "esp 4096 -mark 1 -E aes-cbc " KEY16 " -A null;";
	char ptext[] = "spdadd " A "tcp -mark 1 -f icmp -P out prio high ipsec esp/transport//require;";
	struct ipsec_policy pol;
	struct ipsec_sa sa;
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	(void)state;
	assert_non_null(f);
	read_sa(text, &sa);
	read_policy(ptext, &pol);
	assert_int_equal(write_sa(f, "delete", &sa, false, NULL, 0), 0);
	assert_int_equal(write_sa(f, "update", &sa, false, NULL, 0), 0);
	assert_int_equal(write_policy(f, "spddelete", &pol, NULL, 0), 0);
	assert_int_equal(write_policy(f, "spdupdate", &pol, NULL, 0), 0);
	fclose(f);
	assert_string_equal(out, "delete " A "esp 0x1000 -mark 0x1;\n"
			    "update " A "esp 0x1000 -m transport -mark 0x1 -E aes-cbc \"...\" -A null;\n"
			    "spddelete " A "tcp -mark 0x1 -P out;\n"
			    "spdupdate " A "tcp -mark 0x1 -f icmp -P out prio high ipsec esp/transport//require;\n");
	free(out);
}

static void load(struct ipsec *ip, const char *text)
{
	struct script sc = { .on_error = fail_error, .arg = (void *)(uintptr_t)text };
	size_t n = strlen(text);
	char *copy = malloc(n + 2), why[200];

	assert_non_null(copy);
	memcpy(copy, text, n);
	assert_int_equal(script_parse_text(&sc, copy, n), 0);
	assert_int_equal(resolve_script(&sc), 0);
	for (const struct statement *st = sc.first; st; st = st->next) {
		struct ipsec_policy pol;
		struct ipsec_sa sa;

		if (st->command == CMD_FLUSH) {
			assert_int_equal(ipsec_sa_flush(ip, 0), 0);
		} else if (st->command == CMD_SPDFLUSH) {
			assert_int_equal(ipsec_policy_flush(ip), 0);
		} else if (st->sa) {
			assert_int_equal(convert_sa(st, st->src.addrs, st->dst.addrs, &sa, why, sizeof(why)), 0);
			assert_int_equal(ipsec_sa_add(ip, &sa), 0);
		} else {
			assert_int_equal(convert_policy(st, &pol, why, sizeof(why)), 0);
			assert_int_equal(ipsec_policy_add(ip, &pol), 0);
		}
	}
	script_clear(&sc);
	free(copy);
}

static char *script_of(struct ipsec *ip, bool sas_too, bool policies_too, size_t want_left_out)
{
	char *text = NULL;
	size_t n, left_out = 99;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	assert_int_equal(write_script(ip, f, sas_too, policies_too, &left_out), 0);
	fclose(f);
	assert_int_equal(left_out, want_left_out);
	return text;
}

/* Oldest first, so that the order among equals stays; loaded again it is written in the same words. */
static void test_script(void **state)
{
	static const char text[] =
		"add " A "esp 0x1000 -E aes-cbc " KEY16 ";\n"
		"add " A "esp 0x1001 -E aes-gcm-16 " KEY20 ";\n"
		"add " A "ipcomp 0x1002 -C deflate;\n"
		"spdadd " A "any -P out none;\n"
		"spdadd " A "tcp -P out prio high ipsec esp/transport//unique:9;\n";
	struct ipsec_sa larval = { .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TUNNEL };
	char *first, *second, *at;
	struct ipsec *ip;
	uint32_t spi;

	(void)state;
	assert_int_equal(ipsec_open(&ip, "fake", NULL, 0), 0);
	load(ip, text);
	first = script_of(ip, true, true, 0);
	at = strstr(first, "\nflush;\nadd " A "esp 0x1000 -m transport -E aes-cbc " KEY16 ";\n# Counter mode");
	assert_non_null(at);
	at = strstr(at, "\nadd " A "esp 0x1001 -m transport -E aes-gcm-16 " KEY20 ";\n"
		    "add " A "ipcomp 0x1002 -m transport -C deflate;\n"
		    "spdflush;\nspdadd " A "any -P out none;\n"
		    "spdadd " A "tcp -P out prio high ipsec esp/transport//unique:9;\n");
	assert_non_null(at);
	load(ip, first);
	second = script_of(ip, true, true, 0);
	assert_string_equal(first, second);
	free(first);
	free(second);

	assert_int_equal(ipsec_addr_parse(&larval.src, "192.0.2.1"), 0);
	assert_int_equal(ipsec_addr_parse(&larval.dst, "192.0.2.2"), 0);
	assert_int_equal(ipsec_spi_alloc(ip, &larval, 0x2000, 0x2000, &spi), 0);
	first = script_of(ip, true, false, 1);
	assert_non_null(strstr(first, "# left out: " A "esp 0x2000: it is larval"));
	assert_null(strstr(first, "spd"));
	free(first);
	first = script_of(ip, false, true, 0);
	assert_non_null(strstr(first, "spdflush;\nspdadd"));
	assert_null(strstr(first, "\nadd"));
	free(first);
	ipsec_close(ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_sas),
		cmocka_unit_test(test_random_policies),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_short_forms),
		cmocka_unit_test(test_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
