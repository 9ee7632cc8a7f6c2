// SPDX-License-Identifier: MIT
/* pfkey_probe: SAs field by field, their errors, dumps. */
#include "tests/netns/pfkey_probe.h"

#include <errno.h>
#include <linux/udp.h>
#include <string.h>
#include <unistd.h>

static void two_algs(struct ipsec_sa *sa, const char *enc, unsigned int ebits, const char *auth, unsigned int abits)
{
	memset(&sa->auth, 0, sizeof(sa->auth));
	set_alg(&sa->enc, IPSEC_ALG_ENC, enc, ebits);
	if (auth)
		set_alg(&sa->auth, IPSEC_ALG_AUTH, auth, abits);
}

static void aead(struct ipsec_sa *sa, const char *name, unsigned int bits)
{
	memset(&sa->enc, 0, sizeof(sa->enc));
	memset(&sa->auth, 0, sizeof(sa->auth));
	set_alg(&sa->aead, IPSEC_ALG_AEAD, name, bits);
}

static void plain(struct ipsec_sa *sa) { (void)sa; }
static void gcm(struct ipsec_sa *sa) { aead(sa, "aes-gcm-16", 160); }
static void gcm12(struct ipsec_sa *sa) { aead(sa, "aes-gcm-12", 288); }
static void chacha(struct ipsec_sa *sa) { aead(sa, "chacha20-poly1305", 288); }
static void gmac(struct ipsec_sa *sa) { aead(sa, "aes-gmac", 160); }
static void cbc_sha256(struct ipsec_sa *sa) { two_algs(sa, "aes-cbc", 256, "hmac-sha256", 256); }
static void cbc_sha512(struct ipsec_sa *sa) { two_algs(sa, "aes-cbc", 128, "hmac-sha512", 512); }
static void ctr_sha384(struct ipsec_sa *sa) { two_algs(sa, "aes-ctr", 160, "hmac-sha384", 384); }
static void des3_sha1(struct ipsec_sa *sa) { two_algs(sa, "3des-cbc", 192, "hmac-sha1", 160); }
static void des_rmd160(struct ipsec_sa *sa) { two_algs(sa, "des-cbc", 64, "hmac-ripemd160", 160); }
static void null_md5(struct ipsec_sa *sa) { two_algs(sa, "null", 0, "hmac-md5", 128); }
static void null_null(struct ipsec_sa *sa) { two_algs(sa, "null", 0, "null", 0); }
static void cbc_alone(struct ipsec_sa *sa) { two_algs(sa, "rijndael-cbc", 192, NULL, 0); }
static void cbc_xcbc(struct ipsec_sa *sa) { two_algs(sa, "camellia-cbc", 128, "aes-xcbc-mac", 128); }
static void cbc_cmac(struct ipsec_sa *sa) { two_algs(sa, "aes-cbc", 128, "aes-cmac", 128); }
static void blowfish(struct ipsec_sa *sa) { two_algs(sa, "blowfish-cbc", 40, "hmac-sha1", 160); }
static void cast128(struct ipsec_sa *sa) { two_algs(sa, "cast128-cbc", 128, "hmac-sha1", 160); }
static void twofish(struct ipsec_sa *sa) { two_algs(sa, "twofish-cbc", 256, "hmac-sha1", 160); }
static void serpent(struct ipsec_sa *sa) { two_algs(sa, "serpent-cbc", 256, "hmac-sha1", 160); }
static void sha256_96(struct ipsec_sa *sa) { cbc_sha256(sa); sa->auth.icv_bits = 96; }
static void ah(struct ipsec_sa *sa)
{
	memset(&sa->enc, 0, sizeof(sa->enc));
	sa->proto = IPPROTO_AH;
	set_alg(&sa->auth, IPSEC_ALG_AUTH, "hmac-sha512", 512);
}
static void ipcomp(struct ipsec_sa *sa)
{
	memset(&sa->enc, 0, sizeof(sa->enc));
	memset(&sa->auth, 0, sizeof(sa->auth));
	sa->proto = IPPROTO_COMP;
	set_alg(&sa->comp, IPSEC_ALG_COMP, "deflate", 0);
}
static void tunnel(struct ipsec_sa *sa) { sa->mode = IPSEC_MODE_TUNNEL; }
static void ipcomp_tunnel(struct ipsec_sa *sa) { ipcomp(sa); tunnel(sa); }
static void tfc(struct ipsec_sa *sa) { sa->mode = IPSEC_MODE_TUNNEL; sa->tfc_pad = 200; }
static void beet(struct ipsec_sa *sa)
{
	sa->mode = IPSEC_MODE_BEET;
	sa->sel = (struct ipsec_selector){ .src = addr("10.0.0.1"), .dst = addr("10.0.0.2"), .src_len = 32, .dst_len = 32 };
}
static void v6(struct ipsec_sa *sa) { sa->src = addr("2001:db8::1"); sa->dst = addr("2001:db8::2"); }
static void v6_tunnel(struct ipsec_sa *sa) { v6(sa); tunnel(sa); }
static void six_in_four(struct ipsec_sa *sa)
{
	sa->mode = IPSEC_MODE_TUNNEL;
	sa->sel = (struct ipsec_selector){ .src = addr("2001:db8:1::"), .dst = addr("2001:db8:2::"), .src_len = 48, .dst_len = 48 };
}
static void selector(struct ipsec_sa *sa)
{
	sa->sel = (struct ipsec_selector){ .src = sa->src, .dst = sa->dst, .src_len = 32, .dst_len = 24,
		.proto = IPPROTO_UDP, .sport = 53, .sport_mask = 0xffff, .dport = 0x1000, .dport_mask = 0xf000 };
}
static void source_selector(struct ipsec_sa *sa)
{
	tunnel(sa);
	sa->sel = (struct ipsec_selector){ .src = addr("10.1.0.0"), .dst = addr("0.0.0.0"), .src_len = 16 };
}
static void legacy_window(struct ipsec_sa *sa) { sa->replay_window = 32; }
static void wide_window(struct ipsec_sa *sa) { sa->replay_window = 4096; }
static void esn(struct ipsec_sa *sa) { sa->flags = IPSEC_SA_ESN; sa->replay_window = 128; }
static void esn_small(struct ipsec_sa *sa) { sa->flags = IPSEC_SA_ESN; sa->replay_window = 32; }
static void three_flags(struct ipsec_sa *sa)
{
	sa->flags = IPSEC_SA_NOECN | IPSEC_SA_DECAP_DSCP | IPSEC_SA_NOPMTUDISC;
}
static void flags(struct ipsec_sa *sa)
{
	sa->flags = IPSEC_SA_NOECN | IPSEC_SA_DECAP_DSCP | IPSEC_SA_NOPMTUDISC | IPSEC_SA_WILDRECV | IPSEC_SA_ICMP |
		    IPSEC_SA_AF_UNSPEC | IPSEC_SA_ALIGN4 | IPSEC_SA_DONT_ENCAP_DSCP | IPSEC_SA_OSEQ_MAY_WRAP;
	selector(sa);
}
static void mark(struct ipsec_sa *sa) { sa->mark = (struct ipsec_mark){ 0x12, 0xff }; }
static void output_mark(struct ipsec_sa *sa) { sa->output_mark = (struct ipsec_mark){ 0x3400, 0xff00 }; }
static void if_id(struct ipsec_sa *sa) { sa->if_id = 77; }
static void encap(struct ipsec_sa *sa) { sa->encap = (struct ipsec_encap){ UDP_ENCAP_ESPINUDP, 4500, 61234, { 0 } }; }
static void encap_oa(struct ipsec_sa *sa) { encap(sa); sa->encap.oa = addr("10.9.8.7"); }
static void lifetimes(struct ipsec_sa *sa)
{
	sa->soft = (struct ipsec_lifetime){ 1000, 2000, 3000, 4000 };
	sa->hard = (struct ipsec_lifetime){ 1ull << 40, 20000, 30000, 40000 };
}
static void hard_only(struct ipsec_sa *sa) { sa->hard.add_seconds = 3600; }
static void many_packets(struct ipsec_sa *sa) { sa->hard.packets = 1ull << 33; }

/* refusal: NULL, or what PF_KEY cannot carry of it, as its sentence says. */
struct sa_row {
	const char *name;
	void (*make)(struct ipsec_sa *sa);
	const char *refusal;
	const char *says[6];		/* words that ip-xfrm's text has in it */
};

static const struct sa_row sa_rows[] = {
	{ "aes-cbc hmac-sha1", plain, NULL, { "proto esp", "spi 0x00001000", "reqid 42", "mode transport",
		"enc cbc(aes) 0x01020304", "auth-trunc hmac(sha1) 0x01020304" } },
	{ "aes-gcm-16", gcm, "AEAD", { "aead rfc4106(gcm(aes)) 0x01020304", " 128" } },
	{ "aes-gcm-12", gcm12, "AEAD", { "rfc4106(gcm(aes))", "(288 bits) 96" } },
	{ "chacha20-poly1305", chacha, "AEAD", { "rfc7539esp(chacha20,poly1305)", "(288 bits) 128" } },
	{ "aes-gmac", gmac, "AEAD", { "rfc4543(gcm(aes))" } },
	{ "aes-cbc hmac-sha256", cbc_sha256, "-trunc 96", { "auth-trunc hmac(sha256) 0x01020304", "(256 bits) 128",
		"enc cbc(aes) 0x01020304" } },
	{ "aes-cbc hmac-sha256 cut to 96", sha256_96, NULL, { "auth-trunc hmac(sha256)", "(256 bits) 96" } },
	{ "aes-cbc hmac-sha512", cbc_sha512, NULL, { "hmac(sha512)", "(512 bits) 256" } },
	{ "aes-ctr hmac-sha384", ctr_sha384, NULL, { "rfc3686(ctr(aes))", "(384 bits) 192" } },
	{ "3des-cbc hmac-sha1", des3_sha1, NULL, { "cbc(des3_ede)", "hmac(sha1)" } },
	{ "camellia-cbc aes-xcbc-mac", cbc_xcbc, NULL, { "cbc(camellia)", "xcbc(aes)" } },
	{ "aes-cbc aes-cmac", cbc_cmac, "cmac(aes)", { "cmac(aes)" } },
	{ "null hmac-md5", null_md5, NULL, { "ecb(cipher_null)", "hmac(md5)" } },
	{ "null null", null_null, NULL, { "ecb(cipher_null)", "digest_null" } },
	{ "aes-cbc alone", cbc_alone, NULL, { "enc cbc(aes)", "(192 bits)" } },
	{ "ah", ah, NULL, { "proto ah", "hmac(sha512)" } },
	{ "ipcomp", ipcomp, NULL, { "proto comp", "comp deflate" } },
	{ "ipcomp tunnel", ipcomp_tunnel, NULL, { "proto comp", "mode tunnel" } },
	{ "tunnel, no selector", tunnel, NULL, { "mode tunnel" } },
	{ "tfc padding", tfc, "TFC", { "mode tunnel", "tfcpad" } },
	{ "beet", beet, "selector", { "mode beet", "sel src 10.0.0.1/32 dst 10.0.0.2/32" } },
	{ "IPv6", v6, NULL, { "src 2001:db8::1 dst 2001:db8::2" } },
	{ "IPv6 tunnel", v6_tunnel, NULL, { "src 2001:db8::1 dst 2001:db8::2", "mode tunnel" } },
	{ "IPv6 in IPv4", six_in_four, "selector", { "sel src 2001:db8:1::/48 dst 2001:db8:2::/48" } },
	{ "selector", selector, "selector", { "sel src 192.0.2.1/32 dst 192.0.2.2/24", "proto udp", "sport 53", "dport 4096" } },
	{ "source of a selector", source_selector, NULL, { "sel src 10.1.0.0/16 dst 0.0.0.0/0" } },
	{ "replay window 32", legacy_window, NULL, { "replay-window 32" } },
	{ "replay window 4096", wide_window, "window", { "replay-window 0", "replay_window 4096", "bitmap-length 128" } },
	{ "ESN", esn, "extended", { "flag esn", "replay_window 128" } },
	{ "ESN, window 32", esn_small, "extended", { "flag esn", "replay_window 32" } },
	{ "three flags", three_flags, NULL, { "noecn decap-dscp nopmtudisc" } },
	{ "flags", flags, "flags", { "noecn decap-dscp nopmtudisc wildrecv icmp af-unspec align4", "dont-encap-dscp", "oseq-may-wrap" } },
	{ "mark", mark, "mark", { "mark 0x12/0xff" } },
	{ "output mark", output_mark, "output mark", { "output-mark 0x3400/0xff00" } },
	{ "if_id", if_id, "if_id", { "if_id 0x4d" } },
	{ "UDP encapsulation", encap, NULL, { "encap type espinudp sport 4500 dport 61234" } },
	{ "UDP encapsulation, original address", encap_oa, "original address", { "sport 4500 dport 61234 addr 10.9.8.7" } },
	{ "lifetimes", lifetimes, NULL, { "soft 1000(bytes), hard 1099511627776(bytes)", "soft 2000(packets), hard 20000(packets)",
		"expire add: soft 3000(sec), hard 30000(sec)", "expire use: soft 4000(sec), hard 40000(sec)" } },
	{ "hard limit only", hard_only, NULL, { "limit: soft (INF)(bytes), hard (INF)(bytes)",
		"expire add: soft 0(sec), hard 3600(sec)" } },
	{ "more packets than 32 bits", many_packets, "packets", { "hard 8589934592(packets)" } },
};

/* Each costs a kernel that has not met it seconds to load; SADB_REGISTER has loaded all of them. */
static const struct sa_row old_rows[] = {
	{ "des-cbc hmac-ripemd160", des_rmd160, NULL, { "cbc(des)", "hmac(rmd160)" } },
	{ "blowfish-cbc", blowfish, NULL, { "cbc(blowfish)", "(40 bits)" } },
	{ "cast128-cbc", cast128, NULL, { "cbc(cast5)" } },
	{ "twofish-cbc", twofish, NULL, { "cbc(twofish)" } },
	{ "serpent-cbc", serpent, NULL, { "cbc(serpent)" } },
};

static int one_sa(const struct ipsec_sa *sa, void *arg)
{
	struct ipsec_sa *out = arg;

	if (sa->proto == IPPROTO_ESP || sa->proto == IPPROTO_AH || sa->proto == IPPROTO_COMP)
		*out = *sa;
	return 0;
}

static void second_opinion(const char *name, const struct ipsec_sa *want)
{
	struct ipsec_sa got = { 0 }, dumped = { 0 };
	struct ipsec_sa_id id = id_of(want);

	if (!ok(!ipsec_sa_get(other, &id, &got), "SA %s: read by the other backend", name))
		note("error", ipsec_error(other));
	same(sa_differs(want, &got), name, "SA is the same for the other backend");
	if (ok(!ipsec_sa_dump(other, one_sa, &dumped), "SA %s: dumped by the other backend", name))
		same(sa_differs(want, &dumped), name, "SA is the same in its dump");
	else
		note("error", ipsec_error(other));
}

static void check_events(const char *name, const struct ipsec_sa *want)
{
	struct wanted w;

	if (!ok(wait_event(a, IPSEC_EVENT_SA_NEW, &w), "SA %s: event", name))
		return;
	same(sa_differs(want, &w.ev.sa), name, "SA is the same in the event");
	ok(w.ev.pid == (uint32_t)getpid(), "SA %s: the event has its cause", name);
}

static void check_sa(const char *name, const struct ipsec_sa *want, bool seen_by_other, const char *const *says)
{
	struct ipsec_sa_id id = id_of(want);
	struct ipsec_sa got, dumped = { 0 };
	const char *text;
	struct wanted w;

	if (!ok(!ipsec_sa_add(a, want), "SA %s: added", name)) {
		note("error", ipsec_error(a));
		return;
	}
	if (!ok(!ipsec_sa_get(a, &id, &got), "SA %s: read", name)) {
		note("error", ipsec_error(a));
		return;
	}
	same(sa_differs(want, &got), name, "SA comes back as it was");
	ok(got.state == IPSEC_STATE_MATURE && got.usage.add_time > 1600000000, "SA %s: mature, with its time", name);
	ok(!ipsec_sa_dump(a, one_sa, &dumped) && !sa_differs(&got, &dumped), "SA %s: the same in a dump", name);
	if (other && seen_by_other)
		second_opinion(name, want);
	check_events(name, want);
	text = ip_xfrm("state");
	for (int i = 0; i < 6 && says[i]; i++)
		if (!ok(strstr(text, says[i]), "SA %s: ip xfrm says \"%s\"", name, says[i]))
			printf("# it says: %s\n", text);
	if (!ok(!ipsec_sa_delete(a, &id), "SA %s: deleted", name))
		note("error", ipsec_error(a));
	ok(wait_event(a, IPSEC_EVENT_SA_DELETE, &w) && w.ev.sa_id.spi == want->spi && w.ev.sa_id.proto == want->proto &&
	   ipsec_addr_equal(&w.ev.sa_id.dst, &want->dst), "SA %s: delete event", name);
	ok(ipsec_sa_get(a, &id, &got) == -ESRCH && ipsec_error(a)[0], "SA %s: gone (%s)", name, ipsec_error(a));
	clean();
}

static void check_refused(const char *name, const struct ipsec_sa *sa, const char *refusal)
{
	struct ipsec_sa got = { 0 };

	ok(ipsec_sa_add(a, sa) == -EOPNOTSUPP && strstr(ipsec_error(a), refusal), "SA %s: refused: %s", name, ipsec_error(a));
	ok(!ipsec_sa_dump(a, one_sa, &got) && !got.dst.family, "SA %s: and nothing is there", name);
}

/* The extensions of pfkeyv2.ko carry it. */
static bool carried_there(const char *refusal)
{
	static const char *const words[] = { "AEAD", "-trunc 96", "window", "extended", "original address", "selector" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(refusal, words[i]))
			return true;
	return false;
}

static void check_rows(const struct sa_row *row, size_t n)
{
	for (; n; n--, row++) {
		struct ipsec_sa sa = plain_sa();

		row->make(&sa);
		if (is_pfkey && row->refusal && !(is_extended && carried_there(row->refusal)))
			check_refused(row->name, &sa, row->refusal);
		else
			check_sa(row->name, &sa, !row->refusal || is_extended, row->says);
	}
}

void probe_sas(void)
{
	check_rows(sa_rows, sizeof(sa_rows) / sizeof(sa_rows[0]));
	if (is_pfkey)
		check_rows(old_rows, sizeof(old_rows) / sizeof(old_rows[0]));
}

static void probe_larval(void)
{
	struct ipsec_sa sa = plain_sa(), got;
	struct ipsec_sa_id id = id_of(&sa);
	uint32_t spi = 0;

	ok(!ipsec_spi_alloc(a, &sa, 0x2000, 0x2000, &spi) && spi == 0x2000, "SPI from a range of one");
	sa.reqid++;
	ok(ipsec_spi_alloc(a, &sa, 0x2000, 0x2000, &spi) == -ENOENT, "and no more: %s", ipsec_error(a));
	sa.reqid--;
	id.spi = sa.spi = 0x2000;
	ok(!ipsec_sa_get(a, &id, &got) && got.state == IPSEC_STATE_LARVAL, "larval till it has keys");
	ok(ipsec_sa_add(a, &sa) == -EEXIST, "add does not fill a larval SA with an SPI: %s", ipsec_error(a));
	ok(!ipsec_sa_update(a, &sa) && !ipsec_sa_get(a, &id, &got) && got.state == IPSEC_STATE_MATURE, "update does");
	ok(!sa_differs(&sa, &got), "and it has everything");
}

void probe_sa_errors(void)
{
	struct ipsec_sa sa = plain_sa();
	struct ipsec_sa_id id = id_of(&sa);
	struct ipsec_sa got;
	struct wanted w;

	ok(ipsec_sa_update(a, &sa) == -ESRCH, "update of no SA: %s", ipsec_error(a));
	ok(ipsec_sa_delete(a, &id) == -ESRCH, "delete of no SA: %s", ipsec_error(a));
	ok(!ipsec_sa_flush(a, 0), "flush of nothing is no error");
	ok(!ipsec_sa_add(a, &sa) && ipsec_sa_add(a, &sa) == -EEXIST, "add twice: %s", ipsec_error(a));
	sa.hard.packets = 1000;
	ok(!ipsec_sa_update(a, &sa) && !ipsec_sa_get(a, &id, &got) && got.hard.packets == 1000, "update changes limits");
	ok(wait_event(a, IPSEC_EVENT_SA_UPDATE, &w) && w.ev.sa.spi == sa.spi, "update event");
	sa.spi++;
	strcpy(sa.enc.name, "cbc(rot13)");
	ok(ipsec_sa_add(a, &sa) == (is_pfkey ? -EOPNOTSUPP : -ENOSYS) && strstr(ipsec_error(a), "rot13"),
	   "no such algorithm: %s", ipsec_error(a));
	probe_larval();
	id.spi = 0x2000;
	ok(!ipsec_sa_flush(a, IPPROTO_AH) && !ipsec_sa_get(a, &id, &got), "flush of AH leaves ESP");
	ok(!ipsec_sa_flush(a, IPPROTO_ESP) && ipsec_sa_get(a, &id, &got) == -ESRCH, "flush of ESP does not");
	ok(wait_event(a, IPSEC_EVENT_SA_FLUSH, &w) && w.ev.flush_proto == IPPROTO_ESP && w.ev.pid == (uint32_t)getpid(),
	   "flush event names ESP and its cause");
	sa = plain_sa();
	ok(!ipsec_sa_add(a, &sa) && !ipsec_sa_flush(a, 0), "flush of all");
	/* A second answer to the flush must not be taken for the answer to this. */
	ok(ipsec_sa_delete(a, &id) == -ESRCH, "what comes behind a flush has its own result: %s", ipsec_error(a));
	ok(wait_event(a, IPSEC_EVENT_SA_FLUSH, &w) && w.ev.flush_proto == 0, "flush event names no protocol");
	clean();
}

static int stop(const struct ipsec_sa *sa, void *arg)
{
	(void)sa;
	(void)arg;
	return 99;
}

void probe_dump(void)
{
	unsigned int n = 0;

	ok(!ipsec_sa_dump(a, stop, NULL), "a dump of nothing is no error");
	for (uint32_t i = 0; i < 500; i++) {
		struct ipsec_sa sa = plain_sa();

		sa.spi += i;
		if (ipsec_sa_add(a, &sa))
			bail("500 SAs", ipsec_error(a));
	}
	ok(ipsec_sa_dump(a, stop, NULL) == 99, "a dump ends when its reader says so");
	ok(!ipsec_sa_dump(a, delete_each, &n) && n == 500, "a dump whose reader deletes what it sees: %u", n);
	n = 0;
	ok(!ipsec_sa_dump(a, delete_each, &n) && n == 0, "nothing is left");
	clean();
}
