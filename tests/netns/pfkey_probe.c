// SPDX-License-Identifier: MIT
/*
 * libpfkey against a real kernel: every field of SAs and policies there and back (and as ip-xfrm(8) sees it), errors in
 * words, and the events that traffic and time raise. Writes TAP.
 *
 * usage: pfkey_probe NS_A NS_B [PART]
 *
 * NS_A and NS_B are files of network namespaces (/proc/PID/ns/net, /run/netns/NAME) that reach each other as 192.0.2.1 and
 * 192.0.2.2, 2001:db8::1 and 2001:db8::2. PART is one of the parts below main; without it all are run.
 */
#include "pfkey/alg.h"
#include "pfkey/backend.h"
#include "tests/lib/pfkey_same.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 8000		/* for what must come; the emulated machine is slow */
#define PORT 7777

static unsigned int count, failed;
static const char *ns_a, *ns_b;
static struct ipsec *a, *b;		/* doors to the kernel in both namespaces */

/* ---- TAP ---- */

__attribute__((format(printf, 2, 3))) static bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", good ? "" : "not ", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	failed += !good;
	return good;
}

static void note(const char *what, const char *text)
{
	printf("# %s: %s\n", what, text);
}

_Noreturn static void bail(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(1);
}

/* ---- the world ---- */

static void enter(const char *ns)
{
	int fd = open(ns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bail(ns, strerror(errno));
	close(fd);
}

static struct ipsec *door_in(const char *ns)
{
	struct ipsec *ip;
	char why[256];

	enter(ns);
	if (ipsec_open(&ip, NULL, why, sizeof(why)))
		bail("ipsec_open", why);
	return ip;
}

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr x;

	if (ipsec_addr_parse(&x, text))
		bail("address", text);
	return x;
}

/* What ip-xfrm says in NS_A. */
static const char *ip_xfrm(const char *what)
{
	static char text[8192];
	char cmd[128];
	size_t n;
	FILE *f;

	enter(ns_a);
	snprintf(cmd, sizeof(cmd), "ip -d -s xfrm %s", what);
	f = popen(cmd, "r");
	if (!f)
		bail(cmd, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	if (pclose(f))
		bail(cmd, "failed");
	return text;
}

static void send_udp(const char *ns, const char *to)
{
	struct ipsec_addr dst = addr(to);
	struct sockaddr_storage ss;
	socklen_t n = ipsec_addr_to_sockaddr(&dst, PORT, &ss);
	int fd;

	enter(ns);
	fd = socket(dst.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		bail("socket", strerror(errno));
	/* What becomes of it (held, dropped, refused) is the kernel's business and seen through events. */
	if (sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&ss, n) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
		note("sendto", strerror(errno));
	close(fd);
}

/* ---- events ---- */

struct wanted {
	uint8_t type;
	bool found;
	struct ipsec_event ev;
	unsigned int others, same;
};

static void look(const struct ipsec_event *ev, void *arg)
{
	struct wanted *w = arg;

	if (ev->type != w->type) {
		w->others++;
		return;
	}
	w->same++;
	if (!w->found)
		w->ev = *ev;
	w->found = true;
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool wait_event(struct ipsec *ip, uint8_t type, struct wanted *w)
{
	long end = now_ms() + WAIT_MS, left;
	struct pollfd p = { .fd = ipsec_event_fd(ip), .events = POLLIN };

	memset(w, 0, sizeof(*w));
	w->type = type;
	while (!w->found && (left = end - now_ms()) > 0)
		if (poll(&p, 1, (int)left) > 0 && ipsec_events_read(ip, look, w) < 0)
			bail("ipsec_events_read", ipsec_error(ip));
	return w->found;
}

/* Throws away what is there already; what the kernel raised before this call has been queued. */
static unsigned int drain(struct ipsec *ip, uint8_t type)
{
	struct wanted w = { .type = type };

	while (ipsec_events_read(ip, look, &w) > 0)
		;
	return w.same;
}

static void clean(void)
{
	struct ipsec *both[] = { a, b };

	for (int i = 0; i < 2; i++)
		if (ipsec_sa_flush(both[i], 0) || ipsec_policy_flush(both[i]))
			bail("flush", ipsec_error(both[i]));
	drain(a, 0);
	drain(b, 0);
}

/* ---- SAs, field by field ---- */

static void set_alg(struct ipsec_alg *alg, enum ipsec_alg_kind kind, const char *name, unsigned int bits)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_name(kind, name);
	uint8_t key[IPSEC_KEY_MAX];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i + 1);
	if (!info || ipsec_alg_set(alg, info, key, bits))
		bail("algorithm", name);
}

static struct ipsec_sa plain_sa(void)
{
	struct ipsec_sa sa = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .spi = 0x1000,
			       .reqid = 42 };

	set_alg(&sa.aead, IPSEC_ALG_AEAD, "aes-gcm-16", 160);
	return sa;
}

static void gcm(struct ipsec_sa *sa) { (void)sa; }
static void gcm12(struct ipsec_sa *sa) { set_alg(&sa->aead, IPSEC_ALG_AEAD, "aes-gcm-12", 288); }
static void chacha(struct ipsec_sa *sa) { set_alg(&sa->aead, IPSEC_ALG_AEAD, "chacha20-poly1305", 288); }
static void gmac(struct ipsec_sa *sa) { set_alg(&sa->aead, IPSEC_ALG_AEAD, "aes-gmac", 160); }
static void two_algs(struct ipsec_sa *sa, const char *enc, unsigned int ebits, const char *auth, unsigned int abits)
{
	memset(&sa->aead, 0, sizeof(sa->aead));
	set_alg(&sa->enc, IPSEC_ALG_ENC, enc, ebits);
	if (auth)
		set_alg(&sa->auth, IPSEC_ALG_AUTH, auth, abits);
}
static void cbc_sha256(struct ipsec_sa *sa) { two_algs(sa, "aes-cbc", 256, "hmac-sha256", 256); }
static void cbc_sha512(struct ipsec_sa *sa) { two_algs(sa, "aes-cbc", 128, "hmac-sha512", 512); }
static void ctr_sha384(struct ipsec_sa *sa) { two_algs(sa, "aes-ctr", 160, "hmac-sha384", 384); }
static void des3_sha1(struct ipsec_sa *sa) { two_algs(sa, "3des-cbc", 192, "hmac-sha1", 160); }
static void null_md5(struct ipsec_sa *sa) { two_algs(sa, "null", 0, "hmac-md5", 128); }
static void cbc_alone(struct ipsec_sa *sa) { two_algs(sa, "rijndael-cbc", 192, NULL, 0); }
static void cbc_xcbc(struct ipsec_sa *sa) { two_algs(sa, "camellia-cbc", 128, "aes-xcbc-mac", 128); }
static void sha256_96(struct ipsec_sa *sa) { cbc_sha256(sa); sa->auth.icv_bits = 96; }
static void ah(struct ipsec_sa *sa)
{
	memset(&sa->aead, 0, sizeof(sa->aead));
	sa->proto = IPPROTO_AH;
	set_alg(&sa->auth, IPSEC_ALG_AUTH, "hmac-sha256", 256);
}
static void ipcomp(struct ipsec_sa *sa)
{
	memset(&sa->aead, 0, sizeof(sa->aead));
	sa->proto = IPPROTO_COMP;
	set_alg(&sa->comp, IPSEC_ALG_COMP, "deflate", 0);
}
static void tunnel(struct ipsec_sa *sa) { sa->mode = IPSEC_MODE_TUNNEL; sa->tfc_pad = 200; }
static void beet(struct ipsec_sa *sa)
{
	sa->mode = IPSEC_MODE_BEET;
	sa->sel = (struct ipsec_selector){ .src = addr("10.0.0.1"), .dst = addr("10.0.0.2"), .src_len = 32, .dst_len = 32 };
}
static void v6(struct ipsec_sa *sa) { sa->src = addr("2001:db8::1"); sa->dst = addr("2001:db8::2"); }
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
static void legacy_window(struct ipsec_sa *sa) { sa->replay_window = 32; }
static void wide_window(struct ipsec_sa *sa) { sa->replay_window = 4096; }
static void esn(struct ipsec_sa *sa) { sa->flags = IPSEC_SA_ESN; sa->replay_window = 128; }
static void esn_small(struct ipsec_sa *sa) { sa->flags = IPSEC_SA_ESN; sa->replay_window = 32; }
static void flags(struct ipsec_sa *sa)
{
	sa->flags = IPSEC_SA_NOECN | IPSEC_SA_DECAP_DSCP | IPSEC_SA_NOPMTUDISC | IPSEC_SA_WILDRECV | IPSEC_SA_ICMP |
		    IPSEC_SA_AF_UNSPEC | IPSEC_SA_ALIGN4 | IPSEC_SA_DONT_ENCAP_DSCP | IPSEC_SA_OSEQ_MAY_WRAP;
	selector(sa);
}
static void marks(struct ipsec_sa *sa)
{
	sa->mark = (struct ipsec_mark){ 0x12, 0xff };
	sa->output_mark = (struct ipsec_mark){ 0x3400, 0xff00 };
	sa->if_id = 77;
}
static void encap(struct ipsec_sa *sa)
{
	sa->encap = (struct ipsec_encap){ UDP_ENCAP_ESPINUDP, 4500, 61234, addr("10.9.8.7") };
}
static void lifetimes(struct ipsec_sa *sa)
{
	sa->soft = (struct ipsec_lifetime){ 1000, 2000, 3000, 4000 };
	sa->hard = (struct ipsec_lifetime){ 1ull << 40, 20000, 30000, 40000 };
}

static const struct {
	const char *name;
	void (*make)(struct ipsec_sa *sa);
	const char *says[6];		/* words that ip-xfrm's text has in it */
} sa_rows[] = {
	{ "aes-gcm-16", gcm, { "proto esp", "spi 0x00001000", "reqid 42", "mode transport", "aead rfc4106(gcm(aes)) 0x01020304", " 128" } },
	{ "aes-gcm-12", gcm12, { "rfc4106(gcm(aes))", "(288 bits) 96" } },
	{ "chacha20-poly1305", chacha, { "rfc7539esp(chacha20,poly1305)", "(288 bits) 128" } },
	{ "aes-gmac", gmac, { "rfc4543(gcm(aes))" } },
	{ "aes-cbc hmac-sha256", cbc_sha256, { "auth-trunc hmac(sha256) 0x01020304", "(256 bits) 128", "enc cbc(aes) 0x01020304" } },
	{ "aes-cbc hmac-sha256 cut to 96", sha256_96, { "auth-trunc hmac(sha256)", "(256 bits) 96" } },
	{ "aes-cbc hmac-sha512", cbc_sha512, { "hmac(sha512)", "(512 bits) 256" } },
	{ "aes-ctr hmac-sha384", ctr_sha384, { "rfc3686(ctr(aes))", "(384 bits) 192" } },
	{ "3des-cbc hmac-sha1", des3_sha1, { "cbc(des3_ede)", "hmac(sha1)" } },
	{ "camellia-cbc aes-xcbc-mac", cbc_xcbc, { "cbc(camellia)", "xcbc(aes)" } },
	{ "null hmac-md5", null_md5, { "ecb(cipher_null)", "hmac(md5)" } },
	{ "aes-cbc alone", cbc_alone, { "enc cbc(aes)", "(192 bits)" } },
	{ "ah", ah, { "proto ah", "hmac(sha256)" } },
	{ "ipcomp", ipcomp, { "proto comp", "comp deflate" } },
	{ "tunnel, tfc padding, no selector", tunnel, { "mode tunnel", "tfcpad", "af-unspec" } },
	{ "beet", beet, { "mode beet", "sel src 10.0.0.1/32 dst 10.0.0.2/32" } },
	{ "IPv6", v6, { "src 2001:db8::1 dst 2001:db8::2" } },
	{ "IPv6 in IPv4", six_in_four, { "sel src 2001:db8:1::/48 dst 2001:db8:2::/48" } },
	{ "selector", selector, { "sel src 192.0.2.1/32 dst 192.0.2.2/24", "proto udp", "sport 53", "dport 4096" } },
	{ "replay window 32", legacy_window, { "replay-window 32" } },
	{ "replay window 4096", wide_window, { "replay-window 0", "replay_window 4096", "bitmap-length 128" } },
	{ "ESN", esn, { "flag esn", "replay_window 128" } },
	{ "ESN, window 32", esn_small, { "flag esn", "replay_window 32" } },
	{ "flags", flags, { "noecn decap-dscp nopmtudisc wildrecv icmp af-unspec align4", "dont-encap-dscp", "oseq-may-wrap" } },
	{ "marks and if_id", marks, { "mark 0x12/0xff", "output-mark 0x3400/0xff00", "if_id 0x4d" } },
	{ "UDP encapsulation", encap, { "encap type espinudp sport 4500 dport 61234 addr 10.9.8.7" } },
	{ "lifetimes", lifetimes, { "soft 1000(bytes), hard 1099511627776(bytes)", "soft 2000(packets), hard 20000(packets)",
		"expire add: soft 3000(sec), hard 30000(sec)", "expire use: soft 4000(sec), hard 40000(sec)" } },
};

static int one_sa(const struct ipsec_sa *sa, void *arg)
{
	struct ipsec_sa *out = arg;

	if (sa->proto == IPPROTO_ESP || sa->proto == IPPROTO_AH || sa->proto == IPPROTO_COMP)
		*out = *sa;
	return 0;
}

static struct ipsec_sa_id id_of(const struct ipsec_sa *sa)
{
	return (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
}

static void check_sa(const char *name, const struct ipsec_sa *want, const char *const *says)
{
	struct ipsec_sa_id id = id_of(want);
	struct ipsec_sa got, dumped = { 0 };
	const char *differs, *text;
	struct wanted w;

	if (!ok(!ipsec_sa_add(a, want), "SA %s: added", name)) {
		note("error", ipsec_error(a));
		return;
	}
	if (!ok(!ipsec_sa_get(a, &id, &got), "SA %s: read", name)) {
		note("error", ipsec_error(a));
		return;
	}
	differs = sa_differs(want, &got);
	if (!ok(!differs, "SA %s: comes back as it was", name))
		note("differs", differs);
	ok(got.state == IPSEC_STATE_MATURE && got.usage.add_time > 1600000000, "SA %s: mature, with its time", name);
	ok(!ipsec_sa_dump(a, one_sa, &dumped) && !sa_differs(&got, &dumped), "SA %s: the same in a dump", name);
	if (ok(wait_event(a, IPSEC_EVENT_SA_NEW, &w), "SA %s: event", name)) {
		differs = sa_differs(want, &w.ev.sa);
		if (!ok(!differs && w.ev.pid == (uint32_t)getpid(), "SA %s: the same in the event, with its cause", name))
			note("differs", differs ? differs : "pid");
	}
	text = ip_xfrm("state");
	for (int i = 0; i < 6 && says[i]; i++)
		if (!ok(strstr(text, says[i]), "SA %s: ip xfrm says \"%s\"", name, says[i]))
			printf("# it says: %s\n", text);
	ok(!ipsec_sa_delete(a, &id), "SA %s: deleted", name);
	ok(wait_event(a, IPSEC_EVENT_SA_DELETE, &w) && w.ev.sa_id.spi == want->spi && w.ev.sa_id.proto == want->proto &&
	   ipsec_addr_equal(&w.ev.sa_id.dst, &want->dst), "SA %s: delete event", name);
	ok(ipsec_sa_get(a, &id, &got) == -ESRCH && ipsec_error(a)[0], "SA %s: gone (%s)", name, ipsec_error(a));
	clean();
}

static void probe_sas(void)
{
	for (size_t i = 0; i < sizeof(sa_rows) / sizeof(sa_rows[0]); i++) {
		struct ipsec_sa sa = plain_sa();

		sa_rows[i].make(&sa);
		check_sa(sa_rows[i].name, &sa, sa_rows[i].says);
	}
}

static void probe_sa_errors(void)
{
	struct ipsec_sa sa = plain_sa();
	struct ipsec_sa_id id = id_of(&sa);
	struct ipsec_sa got;
	struct wanted w;
	uint32_t spi = 0;

	ok(ipsec_sa_update(a, &sa) == -ESRCH, "update of no SA: %s", ipsec_error(a));
	ok(ipsec_sa_delete(a, &id) == -ESRCH, "delete of no SA: %s", ipsec_error(a));
	ok(!ipsec_sa_flush(a, 0), "flush of nothing is no error");
	ok(!ipsec_sa_add(a, &sa) && ipsec_sa_add(a, &sa) == -EEXIST, "add twice: %s", ipsec_error(a));
	sa.hard.packets = 1000;
	ok(!ipsec_sa_update(a, &sa) && !ipsec_sa_get(a, &id, &got) && got.hard.packets == 1000, "update changes limits");
	ok(wait_event(a, IPSEC_EVENT_SA_UPDATE, &w) && w.ev.sa.spi == sa.spi, "update event");
	sa.spi++;
	strcpy(sa.aead.name, "rfc4106(gcm(rot13))");
	ok(ipsec_sa_add(a, &sa) == -ENOSYS && strstr(ipsec_error(a), "rot13"), "no such algorithm: %s", ipsec_error(a));
	sa = plain_sa();
	ok(!ipsec_spi_alloc(a, &sa, 0x2000, 0x2000, &spi) && spi == 0x2000, "SPI from a range of one");
	sa.reqid++;
	ok(ipsec_spi_alloc(a, &sa, 0x2000, 0x2000, &spi) == -ENOENT, "and no more: %s", ipsec_error(a));
	sa.reqid--;
	id.spi = sa.spi = 0x2000;
	ok(!ipsec_sa_get(a, &id, &got) && got.state == IPSEC_STATE_LARVAL, "larval till it has keys");
	ok(ipsec_sa_add(a, &sa) == -EEXIST, "add does not fill a larval SA with an SPI: %s", ipsec_error(a));
	ok(!ipsec_sa_update(a, &sa) && !ipsec_sa_get(a, &id, &got) && got.state == IPSEC_STATE_MATURE, "update does");
	ok(!sa_differs(&sa, &got), "and it has everything");
	ok(!ipsec_sa_flush(a, IPPROTO_AH) && !ipsec_sa_get(a, &id, &got), "flush of AH leaves ESP");
	ok(!ipsec_sa_flush(a, IPPROTO_ESP) && ipsec_sa_get(a, &id, &got) == -ESRCH, "flush of ESP does not");
	ok(wait_event(a, IPSEC_EVENT_SA_FLUSH, &w) && w.ev.flush_proto == IPPROTO_ESP, "flush event names ESP");
	ok(!ipsec_sa_add(a, &sa) && !ipsec_sa_flush(a, 0), "flush of all");
	ok(wait_event(a, IPSEC_EVENT_SA_FLUSH, &w) && w.ev.flush_proto == 0, "flush event names no protocol");
	clean();
}

static int delete_each(const struct ipsec_sa *sa, void *arg)
{
	struct ipsec_sa_id id = id_of(sa);

	++*(unsigned int *)arg;
	return ipsec_sa_delete(a, &id);
}

static int stop(const struct ipsec_sa *sa, void *arg)
{
	(void)sa;
	(void)arg;
	return 99;
}

static void probe_dump(void)
{
	unsigned int n = 0;

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

/* ---- policies, field by field ---- */

static struct ipsec_policy plain_policy(void)
{
	struct ipsec_policy pol = { .sel = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .src_len = 32, .dst_len = 32 },
				    .dir = IPSEC_DIR_OUT, .priority = 2147483648u, .ntmpl = 1 };

	pol.tmpl[0].proto = IPPROTO_ESP;
	return pol;
}

static void p_plain(struct ipsec_policy *p) { (void)p; }
static void p_in(struct ipsec_policy *p) { p->dir = IPSEC_DIR_IN; }
static void p_fwd(struct ipsec_policy *p) { p->dir = IPSEC_DIR_FWD; }
static void p_block(struct ipsec_policy *p) { p->action = IPSEC_ACTION_BLOCK; p->ntmpl = 0; }
static void p_none(struct ipsec_policy *p) { p->ntmpl = 0; }
static void p_ports(struct ipsec_policy *p)
{
	p->sel.proto = IPPROTO_TCP;
	p->sel.sport = 1024;
	p->sel.sport_mask = 0xfc00;
	p->sel.dport = 443;
	p->sel.dport_mask = 0xffff;
	p->sel.ifindex = 1;
}
static void p_icmp(struct ipsec_policy *p)
{
	p->sel.proto = IPPROTO_ICMP;
	p->sel.sport = 8;
	p->sel.sport_mask = p->sel.dport_mask = 0xffff;
}
static void p_tunnel(struct ipsec_policy *p)
{
	p->sel = (struct ipsec_selector){ .src = addr("10.1.0.0"), .dst = addr("10.2.0.0"), .src_len = 16, .dst_len = 15 };
	p->tmpl[0] = (struct ipsec_tmpl){ .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP,
					  .mode = IPSEC_MODE_TUNNEL, .reqid = 0x4001, .spi = 0x1234 };
}
static void p_six_in_four(struct ipsec_policy *p)
{
	p_tunnel(p);
	p->sel = (struct ipsec_selector){ .src = addr("2001:db8:1::"), .dst = addr("2001:db8:2::"), .src_len = 48, .dst_len = 48 };
}
static void p_four_in_six(struct ipsec_policy *p)
{
	p_tunnel(p);
	p->tmpl[0].src = addr("2001:db8::1");
	p->tmpl[0].dst = addr("2001:db8::2");
}
static void p_bundle(struct ipsec_policy *p)
{
	p_tunnel(p);
	p->ntmpl = 3;
	p->dir = IPSEC_DIR_IN;
	p->tmpl[2] = (struct ipsec_tmpl){ .proto = IPPROTO_AH, .reqid = 9 };
	p->tmpl[1] = p->tmpl[0];
	p->tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_COMP, .optional = true, .reqid = 8 };
}
static void p_marks(struct ipsec_policy *p) { p->mark = (struct ipsec_mark){ 0x21, 0x3f }; p->if_id = 5; }
static void p_lifetimes(struct ipsec_policy *p)
{
	p->soft = (struct ipsec_lifetime){ 1000, 2000, 3000, 4000 };
	p->hard = (struct ipsec_lifetime){ 1ull << 40, 20000, 30000, 40000 };
}
static void p_index(struct ipsec_policy *p) { p->index = 0x1001; }
static void p_v6(struct ipsec_policy *p)
{
	p->sel.src = addr("2001:db8::1");
	p->sel.dst = addr("2001:db8::2");
	p->sel.src_len = p->sel.dst_len = 128;
}

static const struct {
	const char *name;
	void (*make)(struct ipsec_policy *pol);
	const char *says[4];
} policy_rows[] = {
	{ "out", p_plain, { "src 192.0.2.1/32 dst 192.0.2.2/32", "dir out", "priority 2147483648", "proto esp" } },
	{ "in", p_in, { "dir in" } },
	{ "fwd", p_fwd, { "dir fwd" } },
	{ "discard", p_block, { "action block" } },
	{ "none", p_none, { "action allow" } },
	{ "ports and interface", p_ports, { "proto tcp", "dport 443", "dev lo" } },
	{ "ICMP type", p_icmp, { "proto icmp", "type 8 code 0" } },
	{ "tunnel", p_tunnel, { "tmpl src 192.0.2.1 dst 192.0.2.2", "proto esp spi 0x00001234(4660) reqid 16385", "mode tunnel" } },
	{ "IPv6 in IPv4", p_six_in_four, { "src 2001:db8:1::/48", "tmpl src 192.0.2.1 dst 192.0.2.2" } },
	{ "IPv4 in IPv6", p_four_in_six, { "src 10.1.0.0/16", "tmpl src 2001:db8::1 dst 2001:db8::2" } },
	{ "three templates", p_bundle, { "proto comp", "level use", "proto ah" } },
	{ "mark and if_id", p_marks, { "mark 0x21/0x3f", "if_id 0x5" } },
	{ "lifetimes", p_lifetimes, { "soft 1000(bytes), hard 1099511627776(bytes)", "expire use: soft 4000(sec), hard 40000(sec)" } },
	{ "index", p_index, { "index 4097" } },
	{ "IPv6", p_v6, { "src 2001:db8::1/128 dst 2001:db8::2/128" } },
};

static int one_policy(const struct ipsec_policy *pol, void *arg)
{
	if (!pol->socket)
		*(struct ipsec_policy *)arg = *pol;
	return 0;
}

static void check_policy(const char *name, const struct ipsec_policy *want, const char *const *says)
{
	struct ipsec_policy got, dumped = { 0 }, changed = *want;
	const char *differs, *text;
	struct wanted w;

	if (!ok(!ipsec_policy_add(a, want), "policy %s: added", name)) {
		note("error", ipsec_error(a));
		return;
	}
	if (!ok(!ipsec_policy_get(a, want, &got), "policy %s: read", name)) {
		note("error", ipsec_error(a));
		return;
	}
	differs = policy_differs(want, &got);
	if (!ok(!differs && (got.index & 7) == want->dir, "policy %s: comes back as it was", name))
		note("differs", differs ? differs : "index");
	ok(!ipsec_policy_dump(a, one_policy, &dumped) && !policy_differs(&got, &dumped), "policy %s: the same in a dump", name);
	ok(wait_event(a, IPSEC_EVENT_POLICY_NEW, &w) && !policy_differs(&got, &w.ev.policy), "policy %s: the same in an event", name);
	text = ip_xfrm("policy");
	for (int i = 0; i < 4 && says[i]; i++)
		if (!ok(strstr(text, says[i]), "policy %s: ip xfrm says \"%s\"", name, says[i]))
			printf("# it says: %s\n", text);
	ok(ipsec_policy_add(a, want) == -EEXIST, "policy %s: not twice (%s)", name, ipsec_error(a));
	changed.priority = 7;
	ok(!ipsec_policy_update(a, &changed), "policy %s: updated", name);
	changed = (struct ipsec_policy){ .index = got.index };
	ok(!ipsec_policy_get(a, &changed, &dumped) && dumped.priority == 7 && dumped.index == got.index,
	   "policy %s: found by its index, which it kept", name);
	ok(wait_event(a, IPSEC_EVENT_POLICY_UPDATE, &w) && w.ev.policy.priority == 7, "policy %s: update event", name);
	ok(!ipsec_policy_delete(a, &changed), "policy %s: deleted by its index", name);
	ok(wait_event(a, IPSEC_EVENT_POLICY_DELETE, &w) && w.ev.policy.index == got.index && w.ev.policy.dir == want->dir &&
	   w.ev.policy.if_id == want->if_id && w.ev.policy.mark.value == want->mark.value &&
	   !selector_differs(&w.ev.policy.sel, &want->sel), "policy %s: delete event", name);
	ok(ipsec_policy_get(a, want, &got) == -ENOENT, "policy %s: gone (%s)", name, ipsec_error(a));
	clean();
}

static void probe_policies(void)
{
	struct ipsec_policy pol;
	struct wanted w;
	uint32_t reqid = 0;

	for (size_t i = 0; i < sizeof(policy_rows) / sizeof(policy_rows[0]); i++) {
		pol = plain_policy();
		policy_rows[i].make(&pol);
		check_policy(policy_rows[i].name, &pol, policy_rows[i].says);
	}
	pol = plain_policy();
	ok(!ipsec_policy_flush(a), "flush of no policy is no error");
	drain(a, 0);
	pol.tmpl[0].reqid = 0x4000;
	ok(!ipsec_policy_update(a, &pol) && !ipsec_reqid_alloc(a, &reqid, 1) && reqid == 0x4001, "a free reqid: %#x", reqid);
	ok(!ipsec_policy_flush(a) && wait_event(a, IPSEC_EVENT_POLICY_FLUSH, &w), "flush event");
	clean();
}

static void probe_policy_expire(void)
{
	struct ipsec_policy pol = plain_policy();
	struct wanted w;

	pol.soft.add_seconds = 1;
	pol.hard.add_seconds = 2;
	ok(!ipsec_policy_add(a, &pol), "policy of two seconds");
	ok(wait_event(a, IPSEC_EVENT_POLICY_EXPIRE, &w) && !w.ev.policy_expire.hard &&
	   !selector_differs(&pol.sel, &w.ev.policy_expire.policy.sel), "it expires softly");
	ok(wait_event(a, IPSEC_EVENT_POLICY_EXPIRE, &w) && w.ev.policy_expire.hard, "and then hard");
	clean();
}

/* ---- what traffic and time raise ---- */

static struct ipsec_sa larval_of(const struct ipsec_event *ev)
{
	const struct ipsec_tmpl *t = &ev->acquire.policy.tmpl[ev->acquire.tmpl];

	return (struct ipsec_sa){ .src = ev->acquire.src, .dst = ev->acquire.dst, .proto = ev->acquire.proto, .mode = t->mode,
				  .reqid = t->reqid, .acquire_seq = ev->acquire.seq, .mark = ev->acquire.policy.mark,
				  .if_id = ev->acquire.policy.if_id };
}

static void probe_acquire(bool use_v6, bool as_tunnel)
{
	const char *to = use_v6 ? "2001:db8::2" : "192.0.2.2";
	struct ipsec_policy pol = plain_policy();
	struct ipsec_addr peer = addr(to);
	struct ipsec_sa larval, old;
	struct ipsec_sa_id gone;
	char name[64];
	struct wanted w;

	snprintf(name, sizeof(name), "ACQUIRE %s %s", use_v6 ? "IPv6" : "IPv4", as_tunnel ? "tunnel" : "transport");
	if (use_v6)
		p_v6(&pol);
	pol.tmpl[0].reqid = 11;
	if (as_tunnel) {
		pol.tmpl[0].mode = IPSEC_MODE_TUNNEL;
		pol.tmpl[0].src = pol.sel.src;
		pol.tmpl[0].dst = pol.sel.dst;
	}
	if (ipsec_policy_add(a, &pol))
		bail(name, ipsec_error(a));
	send_udp(ns_a, to);
	if (!ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w), "%s: comes", name))
		return clean();
	ok(ipsec_addr_equal(&w.ev.acquire.dst, &peer) && ipsec_addr_equal(&w.ev.acquire.src, &pol.sel.src) &&
	   w.ev.acquire.proto == IPPROTO_ESP && w.ev.acquire.seq, "%s: names the ends", name);
	ok(w.ev.acquire.sel.proto == IPPROTO_UDP && w.ev.acquire.sel.dport == PORT && w.ev.acquire.sel.dst_len ==
	   ipsec_addr_bits(peer.family), "%s: shows the packet", name);
	ok(!policy_differs(&pol, &w.ev.acquire.policy) && w.ev.acquire.policy.index, "%s: has the policy", name);
	old = larval = larval_of(&w.ev);
	send_udp(ns_a, to);
	ok(drain(a, IPSEC_EVENT_ACQUIRE) == 0, "%s: one only while the larval SA lives", name);
	if (!ok(!ipsec_larval_delete(a, &larval), "%s: the larval SA can be deleted", name))
		note("error", ipsec_error(a));
	drain(a, 0);
	send_udp(ns_a, to);
	ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w) && w.ev.acquire.seq != old.acquire_seq, "%s: the next packet asks again", name);
	larval = larval_of(&w.ev);
	ok(!ipsec_larval_delete(a, &larval), "%s: that one goes too", name);
	ok(ipsec_larval_delete(a, &old) == -ESRCH, "%s: no larval SA: %s", name, ipsec_error(a));
	gone = (struct ipsec_sa_id){ .dst = peer, .proto = IPPROTO_ESP };
	memset(&old, 0, sizeof(old));
	ok(ipsec_sa_get(a, &gone, &old) == -ESRCH && !ipsec_sa_dump(a, one_sa, &old) && !old.dst.family,
	   "%s: nothing is left in the SAD", name);
	clean();
}

static void set_larval_drop(bool drop)
{
	FILE *f;

	enter(ns_a);
	f = fopen("/proc/sys/net/core/xfrm_larval_drop", "w");
	if (!f || fprintf(f, "%d\n", drop) < 0 || fclose(f))
		bail("xfrm_larval_drop", strerror(errno));
}

/*
 * With xfrm_larval_drop 0 the packet is held. When its larval SA goes, the hold queue's timer asks again by itself; when an
 * SA comes, the packet leaves by it.
 */
static void probe_hold(void)
{
	struct ipsec_policy pol = plain_policy();
	struct ipsec_sa sa = plain_sa(), larval, got = { 0 };
	struct ipsec_sa_id id = id_of(&sa);
	struct wanted w;
	long end;

	set_larval_drop(false);
	pol.tmpl[0].reqid = sa.reqid;
	pol.mark = sa.mark = id.mark = (struct ipsec_mark){ 0, 0x7 };
	pol.if_id = 0;
	if (ipsec_policy_add(a, &pol))
		bail("policy", ipsec_error(a));
	send_udp(ns_a, "192.0.2.2");
	if (ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w), "hold: ACQUIRE")) {
		larval = larval_of(&w.ev);
		ok(!ipsec_larval_delete(a, &larval), "hold: larval SA (with a mark) deleted: %s", ipsec_error(a));
		ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w) && w.ev.acquire.seq != larval.acquire_seq, "hold: asked again without a packet");
		sa.acquire_seq = w.ev.acquire.seq;
		ok(!ipsec_sa_add(a, &sa), "hold: SA added");
		for (end = now_ms() + WAIT_MS; now_ms() < end && !got.usage.packets; poll(NULL, 0, 20))
			if (ipsec_sa_get(a, &id, &got))
				break;
		ok(got.usage.packets == 1, "hold: the packet left by it");
	}
	set_larval_drop(true);
	clean();
}

/* An SA that answers an ACQUIRE removes the larval SA. */
static void probe_answer(void)
{
	struct ipsec_policy pol = plain_policy();
	struct ipsec_sa sa = plain_sa(), larval;
	unsigned int n = 0;
	struct wanted w;

	pol.tmpl[0].reqid = sa.reqid;
	if (ipsec_policy_add(a, &pol))
		bail("policy", ipsec_error(a));
	send_udp(ns_a, "192.0.2.2");
	if (!ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w), "answer: ACQUIRE"))
		return clean();
	larval = larval_of(&w.ev);
	sa.acquire_seq = larval.acquire_seq;
	ok(!ipsec_sa_add(a, &sa), "answer: SA added for it");
	ok(!ipsec_sa_dump(a, delete_each, &n) && n == 1, "answer: the larval SA is gone, %u SA left", n);
	clean();
}

static void probe_expire(void)
{
	struct ipsec_sa sa = plain_sa(), got;
	struct ipsec_sa_id id = id_of(&sa);
	struct wanted w;

	sa.soft.add_seconds = 1;
	sa.hard.add_seconds = 3;
	ok(!ipsec_sa_add(a, &sa), "expire: SA of three seconds");
	ok(wait_event(a, IPSEC_EVENT_EXPIRE, &w) && !w.ev.expire.hard && w.ev.expire.sa.spi == sa.spi &&
	   w.ev.expire.sa.reqid == sa.reqid && w.ev.expire.sa.state == IPSEC_STATE_DYING, "expire: soft");
	ok(!ipsec_sa_get(a, &id, &got) && got.state == IPSEC_STATE_DYING, "expire: it is dying");
	ok(wait_event(a, IPSEC_EVENT_EXPIRE, &w) && w.ev.expire.hard && w.ev.expire.sa.spi == sa.spi &&
	   w.ev.expire.sa.state == IPSEC_STATE_DEAD, "expire: hard");
	ok(ipsec_sa_get(a, &id, &got) == -ESRCH, "expire: it is gone");
	clean();
}

/* One packet from A to B: B hears of it at once, and both count it. */
static void probe_aevent(bool wide)
{
	struct ipsec_policy out = plain_policy(), in = plain_policy();
	struct ipsec_sa sa = plain_sa(), got;
	struct ipsec_sa_id id = id_of(&sa);
	const char *name = wide ? "first packet, ESN" : "first packet, window 32";
	struct wanted w;

	if (wide)
		sa.flags = IPSEC_SA_ESN;
	sa.replay_window = wide ? 256 : 32;
	out.tmpl[0].reqid = sa.reqid;	/* outbound, no number means SAs without a number only */
	in.dir = IPSEC_DIR_IN;
	if (ipsec_sa_add(a, &sa) || ipsec_policy_add(a, &out))
		bail(name, ipsec_error(a));
	if (ipsec_sa_add(b, &sa) || ipsec_policy_add(b, &in))
		bail(name, ipsec_error(b));
	ok(drain(b, IPSEC_EVENT_AE) == 0, "%s: nothing before", name);
	send_udp(ns_a, "192.0.2.2");
	if (ok(wait_event(b, IPSEC_EVENT_AE, &w), "%s: NEWAE comes", name)) {
		ok(w.ev.ae.id.spi == sa.spi && ipsec_addr_equal(&w.ev.ae.id.dst, &sa.dst) && w.ev.ae.reqid == sa.reqid &&
		   ipsec_addr_equal(&w.ev.ae.src, &sa.src), "%s: it names the SA", name);
		ok(w.ev.ae.seq == 1, "%s: its sequence number is %u", name, w.ev.ae.seq);
		printf("# %s: bytes %llu packets %llu\n", name, (unsigned long long)w.ev.ae.bytes,
		       (unsigned long long)w.ev.ae.packets);
	}
	ok(!ipsec_sa_get(b, &id, &got) && got.usage.packets == 1 && got.usage.seq == 1 && got.usage.use_time, "%s: B counts it", name);
	ok(!ipsec_sa_get(a, &id, &got) && got.usage.packets == 1 && got.usage.oseq == 1, "%s: A counts it", name);
	clean();
}

/* Another receive buffer than ours would be too small for this: none may be lost. */
static void probe_burst(void)
{
	unsigned int n = 2000;
	struct wanted w = { .type = IPSEC_EVENT_SA_NEW };

	for (uint32_t i = 0; i < n; i++) {
		struct ipsec_sa sa = plain_sa();

		sa.spi += i;
		if (ipsec_sa_add(a, &sa))
			bail("burst", ipsec_error(a));
	}
	while (ipsec_events_read(a, look, &w) > 0)
		;
	ok(w.same == n && !w.others, "%u events wait without loss: %u, %u others", n, w.same, w.others);
	clean();
}

static void probe_overrun(void)
{
	struct wanted w = { .type = IPSEC_EVENT_OVERRUN };
	int size = 1;

	if (setsockopt(ipsec_event_fd(a), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		bail("SO_RCVBUFFORCE", strerror(errno));
	for (uint32_t i = 0; i < 50; i++) {
		struct ipsec_sa sa = plain_sa();

		sa.spi += i;
		if (ipsec_sa_add(a, &sa))
			bail("overrun", ipsec_error(a));
	}
	while (ipsec_events_read(a, look, &w) > 0)
		;
	ok(w.found && w.others < 50, "lost events show as one overrun: %u, %u events", w.same, w.others);
	size = 4 << 20;
	setsockopt(ipsec_event_fd(a), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	clean();
}

/* Without the right nothing opens, and the sentence names it. */
static void probe_rights(void)
{
	struct ipsec *ip;
	char why[256];
	int status;
	pid_t pid;

	enter(ns_a);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(ipsec_open(&ip, "xfrm", why, sizeof(why)) == -EPERM && !ip && strstr(why, "CAP_NET_ADMIN") ? 0 : 1);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "no door without CAP_NET_ADMIN, and it says so");
}

static void probe_acquires(void)
{
	probe_acquire(false, false);
	probe_acquire(true, false);
	probe_acquire(false, true);
	probe_acquire(true, true);
	probe_answer();
	probe_hold();
}

static void probe_aevents(void)
{
	probe_aevent(false);
	probe_aevent(true);
}

static void probe_floods(void)
{
	probe_burst();
	probe_overrun();
}

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = {
	{ "rights", probe_rights }, { "policies", probe_policies }, { "policy-expire", probe_policy_expire }, { "acquire", probe_acquires },
	{ "sas", probe_sas }, { "errors", probe_sa_errors }, { "dump", probe_dump }, { "expire", probe_expire },
	{ "aevent", probe_aevents }, { "floods", probe_floods },
};

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: pfkey_probe NS_A NS_B [PART]\n");
		return 2;
	}
	ns_a = argv[1];
	ns_b = argv[2];
	puts("TAP version 13");
	a = door_in(ns_a);
	b = door_in(ns_b);
	if (ipsec_subscribe(a) || ipsec_subscribe(b) || ipsec_subscribe_ae(a, true) || ipsec_subscribe_ae(b, true))
		bail("subscribe", ipsec_error(a));
	ok(!strcmp(ipsec_backend_name(a), "xfrm"), "the best backend is xfrm");
	clean();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (argc == 3 || !strcmp(argv[3], parts[i].name)) {
			printf("# %s\n", parts[i].name);
			parts[i].run();
		}
	ipsec_close(a);
	ipsec_close(b);
	printf("1..%u\n", count);
	return failed ? 1 : 0;
}
