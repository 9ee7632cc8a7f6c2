// SPDX-License-Identifier: MIT
/*
 * What not every kernel has, singly and in batches: taken and read back, or refused with nothing left behind. SAs that go
 * on where they were. Writes TAP.
 *
 * usage: feature_probe NS_A NS_B
 *
 * NS_A and NS_B are files of network namespaces that reach each other as 192.0.2.1 and 192.0.2.2.
 */
#include "pfkey/alg.h"
#include "pfkey/backend.h"
#include "tests/lib/pfkey_same.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PORT 7777
#define WAIT_MS 8000
#define HAS_LABELS 1			/* instead of a version: whoever runs SELinux */

static struct ipsec *a, *b;
static unsigned int kernel;		/* major * 1000 + minor */
static bool labels;			/* SELinux runs */
static uint32_t device;

_Noreturn static void bail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static void enter(const char *ns)
{
	int fd = open(ns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bail(ns);
	close(fd);
}

static struct ipsec *door_in(const char *ns)
{
	struct ipsec *ip;
	char why[256];

	enter(ns);
	if (ipsec_open(&ip, "xfrm", why, sizeof(why)))
		bail(why);
	return ip;
}

static struct ipsec_sa plain_sa(void)
{
	struct ipsec_sa sa = { .proto = IPPROTO_ESP, .spi = 0x1000, .reqid = 42 };
	static const uint8_t key[20] = { 1, 2, 3 };

	ipsec_addr_parse(&sa.src, "192.0.2.1");
	ipsec_addr_parse(&sa.dst, "192.0.2.2");
	if (ipsec_alg_set(&sa.aead, ipsec_alg_by_name(IPSEC_ALG_AEAD, "aes-gcm-16"), key, 160))
		bail("aes-gcm-16");
	return sa;
}

static struct ipsec_sa_id id_of(const struct ipsec_sa *sa)
{
	return (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi };
}

static int count_sa(const struct ipsec_sa *sa, void *arg)
{
	(void)sa;
	++*(unsigned int *)arg;
	return 0;
}

static int count_policy(const struct ipsec_policy *pol, void *arg)
{
	(void)pol;
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int entries(void)
{
	unsigned int n = 0;

	if (ipsec_sa_dump(a, count_sa, &n) || ipsec_policy_dump(a, count_policy, &n))
		bail(ipsec_error(a));
	return n;
}

/* ---- features ---- */

struct answer {
	int err;
	char words[256];
};

static void result(uint64_t tag, int err, void *arg)
{
	struct answer *r = arg;

	(void)tag;
	r->err = err;
	snprintf(r->words, sizeof(r->words), "%s", ipsec_error(a));
}

/* Singly, or as the middle one of a batch whose others must not be disturbed. */
static struct answer try_op(struct ipsec_op op, bool batched)
{
	struct ipsec_sa before = plain_sa();
	const struct ipsec_op first = { .type = IPSEC_OP_SA_ADD, .sa = &before };
	struct ipsec_sa_id id;
	struct answer r = { 0 }, rest = { 0 };

	before.spi = 0x9999;
	id = id_of(&before);
	if (!batched) {
		result(0, ipsec_do(a, &op), &r);
		return r;
	}
	ipsec_batch_begin(a, result, &rest);
	ipsec_batch_put(a, &first);
	ipsec_batch_end(a);
	ipsec_batch_begin(a, result, &r);
	ipsec_batch_put(a, &op);
	ipsec_batch_end(a);
	ipsec_batch_begin(a, result, &rest);
	ipsec_batch_put(a, &(struct ipsec_op){ .type = IPSEC_OP_SA_DELETE, .sa_id = &id });
	ipsec_batch_end(a);
	if (rest.err)
		bail(rest.words);
	return r;
}

struct tally {
	unsigned int n, wrong;
	char words[256];
};

/* In turn: added, there already, of an algorithm that nobody has, and not there to be updated. */
static void tally(uint64_t tag, int err, void *arg)
{
	static const struct { int err; const char *says; } want[] = {
		{ 0, "" }, { -EEXIST, "already" }, { -ENOSYS, "cbc(nosuch)" }, { -ESRCH, "no such SA" },
	};
	struct tally *t = arg;

	if (tag != t->n || err != want[tag % 4].err || !strstr(ipsec_error(a), want[tag % 4].says)) {
		t->wrong++;
		snprintf(t->words, sizeof(t->words), "%u: %d %s", (unsigned int)tag, err, ipsec_error(a));
	}
	t->n++;
}

static void probe_many_sas(void)
{
	const unsigned int many = 1200;
	struct tally t = { 0 };

	ipsec_batch_begin(a, tally, &t);
	for (unsigned int i = 0; i < many; i++) {
		struct ipsec_sa sa = plain_sa();
		struct ipsec_op op = { .type = i % 4 == 3 ? IPSEC_OP_SA_UPDATE : IPSEC_OP_SA_ADD, .tag = i, .sa = &sa };

		sa.spi = i % 4 == 3 ? 0x100 : 0x1000 + i / 4;
		if (i % 4 == 2) {
			memset(&sa.aead, 0, sizeof(sa.aead));
			strcpy(sa.enc.name, "cbc(nosuch)");
			sa.enc.key_bits = 128;
			sa.spi = 0x200;
		}
		ipsec_batch_put(a, &op);
	}
	ipsec_batch_end(a);
	ok(t.n == many && !t.wrong && entries() == many / 4, "%u SAs in batches, three of four refused: %u wrong, %s", many, t.wrong,
	   t.words);
	ipsec_sa_flush(a, 0);
}

/* Every algorithm of our table with its shortest and its longest key: taken, or unknown to this kernel; nothing else. */
static void probe_algorithms(void)
{
	unsigned int taken = 0, unknown = 0;

	for (const struct ipsec_alg_info *info = ipsec_alg_next(NULL); info; info = ipsec_alg_next(info)) {
		if (info->flags & IPSEC_ALG_ABSENT)
			continue;
		for (int longest = 0; longest < 2; longest++) {
			struct ipsec_sa sa = plain_sa();
			struct ipsec_alg *const algs[] = { &sa.enc, &sa.auth, &sa.aead, &sa.comp };
			uint8_t key[IPSEC_KEY_MAX];
			int err;

			for (size_t i = 0; i < sizeof(key); i++)
				key[i] = (uint8_t)(7 * i + 1);	/* no weak key of DES */
			memset(&sa.aead, 0, sizeof(sa.aead));
			if (info->kind == IPSEC_ALG_COMP)
				sa.proto = IPPROTO_COMP;
			else if (info->kind == IPSEC_ALG_AUTH)
				ipsec_alg_set(&sa.enc, ipsec_alg_by_name(IPSEC_ALG_ENC, "null"), NULL, 0);
			ipsec_alg_set(algs[info->kind], info, key, longest ? info->key_max : info->key_min);
			/* The widest truncation, where there is a choice. */
			if (longest && info->icv_max)
				sa.auth.icv_bits = info->icv_max;
			err = ipsec_sa_add(a, &sa);
			taken += !err;
			unknown += err == -ENOSYS || err == -ENOENT;
			if (err)
				printf("# %s, %s key: %d %s\n", info->names[0], longest ? "longest" : "shortest", err, ipsec_error(a));
			if (err && err != -ENOSYS && err != -ENOENT)
				ok(false, "%s", info->names[0]);
			ipsec_sa_flush(a, 0);
		}
	}
	ok(taken >= 40, "algorithms: %u taken, %u unknown to this kernel", taken, unknown);
}

static void outbound(struct ipsec_sa *sa) { sa->dir = IPSEC_SA_DIR_OUT; }
static void inbound(struct ipsec_sa *sa) { sa->dir = IPSEC_SA_DIR_IN; sa->replay_window = 64; }
static void outbound_esn(struct ipsec_sa *sa) { sa->dir = IPSEC_SA_DIR_OUT; sa->flags = IPSEC_SA_ESN; }
static void outbound_window(struct ipsec_sa *sa) { sa->dir = IPSEC_SA_DIR_OUT; sa->replay_window = 32; }
static void keepalive(struct ipsec_sa *sa)
{
	sa->dir = IPSEC_SA_DIR_OUT;
	sa->encap = (struct ipsec_encap){ .type = UDP_ENCAP_ESPINUDP, .sport = 4500, .dport = 4500 };
	sa->nat_keepalive = 20;
}
static void marks(struct ipsec_sa *sa) { sa->output_mark = (struct ipsec_mark){ 2, 0xf }; sa->if_id = 7; }
static void label(struct ipsec_sa *sa) { strcpy(sa->ctx, "system_u:object_r:ipsec_spd_t:s0"); }
static void crypto(struct ipsec_sa *sa) { sa->offload = (struct ipsec_offload){ device, IPSEC_OFFLOAD_CRYPTO, false }; }
static void packet(struct ipsec_sa *sa) { sa->offload = (struct ipsec_offload){ device, IPSEC_OFFLOAD_PACKET, true }; }

/* What a kernel from since on answers, and one before; 0: comes back as it was given. */
static const struct {
	const char *name;
	void (*make)(struct ipsec_sa *sa);
	unsigned int since;
	int now;
	const char *now_says;
	int before;
	const char *before_says;
} rows[] = {
	{ "direction out", outbound, 6010, 0, "", -EOPNOTSUPP, "6.10" },
	{ "direction in", inbound, 6010, 0, "", -EOPNOTSUPP, "6.10" },
	{ "direction out and ESN", outbound_esn, 6010, 0, "", -EOPNOTSUPP, "6.10" },
	{ "direction out with a window", outbound_window, 6010, -EINVAL, "eplay", -EOPNOTSUPP, "6.10" },
	{ "NAT keepalives", keepalive, 6011, 0, "", -EOPNOTSUPP, "Linux 6.1" },
	{ "marks and if_id", marks, 4019, 0, "", -EOPNOTSUPP, "4.19" },
	{ "security label", label, HAS_LABELS, 0, "", -EOPNOTSUPP, "SELinux" },
	/* A virtual link does no crypto. */
	{ "crypto offload", crypto, 0, -EOPNOTSUPP, "the device", 0, "" },
	{ "packet offload", packet, 6002, -EINVAL, "a device that can", -EINVAL, "Linux 6.2" },
};

static void probe_sa_features(void)
{
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t at = i / 2;
		bool batched = i % 2, has = rows[at].since == HAS_LABELS ? labels : kernel >= rows[at].since;
		int want = has ? rows[at].now : rows[at].before;
		struct ipsec_sa sa = plain_sa(), got = { 0 };
		struct ipsec_op op = { .type = IPSEC_OP_SA_ADD, .sa = &sa };
		struct ipsec_sa_id id = id_of(&sa);
		const char *differs = NULL;
		struct answer r;

		rows[at].make(&sa);
		r = try_op(op, batched);
		if (!r.err && !ipsec_sa_get(a, &id, &got))
			differs = sa_differs(&sa, &got);
		ok(r.err == want && !differs && strstr(r.words, has ? rows[at].now_says : rows[at].before_says) &&
		   entries() == (r.err ? 0 : 1), "%s%s: %d %s%s", rows[at].name, batched ? ", in a batch" : "", r.err, r.words,
		   differs ? differs : "");
		ipsec_sa_flush(a, 0);
	}
}

/* An SA with a direction is updated only in that direction, and a larval one is made with it. */
static void probe_direction(void)
{
	struct ipsec_sa sa = plain_sa(), other = plain_sa(), got = { 0 };
	struct ipsec_sa_id id = id_of(&sa);
	uint32_t spi = 0;
	int err;

	if (kernel < 6010)
		return;
	sa.dir = IPSEC_SA_DIR_IN;
	err = ipsec_spi_alloc(a, &sa, sa.spi, sa.spi, &spi);
	if (!err)
		err = ipsec_sa_update(a, &sa);
	ok(!err && !ipsec_sa_get(a, &id, &got) && got.dir == IPSEC_SA_DIR_IN && got.state == IPSEC_STATE_MATURE,
	   "a larval SA of a direction becomes one: %s", ipsec_error(a));
	other.dir = IPSEC_SA_DIR_OUT;
	err = ipsec_sa_update(a, &other);
	ok(err == -ESRCH, "and is not updated in another: %d %s", err, ipsec_error(a));
	ipsec_sa_flush(a, 0);
}

/* Refused, and the policy that was there stays in force. */
static void probe_policy_features(void)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .ntmpl = 1, .priority = 5, .flags = IPSEC_POLICY_LOCALOK | IPSEC_POLICY_ICMP },
		with, got = { 0 };
	const char *differs = NULL;

	ipsec_addr_parse(&pol.sel.src, "10.0.0.0");
	ipsec_addr_parse(&pol.sel.dst, "10.1.0.0");
	pol.sel.src_len = pol.sel.dst_len = 16;
	pol.tmpl[0].proto = IPPROTO_ESP;
	if (ipsec_policy_add(a, &pol) || ipsec_policy_get(a, &pol, &got))
		bail(ipsec_error(a));
	differs = policy_differs(&pol, &got);
	ok(!differs, "flags of policies come back%s%s", differs ? ": " : "", differs ? differs : "");
	for (int batched = 0; batched < 2; batched++) {
		for (int update = 0; update < 2; update++) {
			struct ipsec_op op = { .type = update ? IPSEC_OP_POLICY_UPDATE : IPSEC_OP_POLICY_ADD, .policy = &with };
			struct answer r;

			with = pol;
			with.offload = (struct ipsec_offload){ device, IPSEC_OFFLOAD_PACKET, false };
			r = try_op(op, batched);
			ok(r.err == (kernel >= 6002 ? -EINVAL : -EOPNOTSUPP) && strstr(r.words, kernel >= 6002 ? "(kernel: " : "6.2") &&
			   entries() == 1 && !ipsec_policy_get(a, &pol, &got) && !got.offload.kind, "offload of a policy: %s", r.words);
		}
	}
	ipsec_policy_flush(a);
}

/* A label is part of a policy's identity, or refused: a policy without it is another one. */
static void probe_policy_label(void)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT }, with;

	pol.sel.src.family = pol.sel.dst.family = AF_INET;
	for (int batched = 0; batched < 2; batched++) {
		struct ipsec_op add = { .type = IPSEC_OP_POLICY_ADD, .policy = &with };
		struct ipsec_op delete = { .type = IPSEC_OP_POLICY_DELETE, .policy = &with };
		struct answer r;

		with = pol;
		strcpy(with.ctx, "system_u:object_r:ipsec_spd_t:s0");
		if (ipsec_policy_add(a, &pol))
			bail(ipsec_error(a));
		r = try_op(delete, batched);
		ok(r.err == (labels ? -ENOENT : -EOPNOTSUPP) && entries() == 1, "no deletion of another label: %s", r.words);
		r = try_op(add, batched);
		ok(r.err == (labels ? 0 : -EOPNOTSUPP) && entries() == (labels ? 2 : 1), "a policy with a label: %s", r.words);
		ipsec_policy_flush(a);
	}
}

static bool selinux_runs(void)
{
	FILE *f = fopen("/proc/filesystems", "re");
	char line[128];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "selinuxfs");
	if (f)
		fclose(f);
	return found;
}

/* ---- going on ---- */

static void resumed_as(struct ipsec_sa *sa, uint32_t window, uint16_t flags, uint64_t seq, uint64_t oseq)
{
	*sa = plain_sa();
	sa->replay_window = window;
	sa->flags = flags;
	sa->resume = true;
	sa->usage = (struct ipsec_usage){ .seq = seq, .oseq = oseq };
}

static void probe_resume(void)
{
	static const struct { uint32_t window; uint16_t flags; uint64_t seq, oseq; } r[] = {
		{ 0, 0, 0, 77 }, { 32, 0, 77, 88 }, { 4, 0, UINT32_MAX - 1, UINT32_MAX - 2 }, { 1024, 0, 77, 0 },
		{ 64, IPSEC_SA_ESN, 5ull << 32 | 7, 6ull << 32 | 8 },
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		struct ipsec_sa sa, got = { 0 };
		struct ipsec_sa_id id;
		int err;

		resumed_as(&sa, r[i].window, r[i].flags, r[i].seq, r[i].oseq);
		if (i % 2) {
			sa.usage.add_time = (uint64_t)time(NULL) - 100;
			sa.usage.use_time = sa.usage.add_time + 1;
			sa.usage.bytes = 1000;
			sa.usage.packets = 10;
			sa.hard.add_seconds = 1000;
		}
		id = id_of(&sa);
		err = ipsec_sa_add(a, &sa);
		if (!err)
			err = ipsec_sa_get(a, &id, &got);
		ok(!err && got.usage.seq == r[i].seq && got.usage.oseq == r[i].oseq && !sa_differs(&sa, &got),
		   "window %u: goes on after %#llx and %#llx: %s", r[i].window, (unsigned long long)r[i].seq,
		   (unsigned long long)r[i].oseq, ipsec_error(a));
		if (i % 2)
			ok(got.usage.add_time == sa.usage.add_time && got.usage.use_time == sa.usage.use_time &&
			   got.usage.bytes == 1000 && got.usage.packets == 10, "with its age and its counters");
		ipsec_sa_flush(a, 0);
	}
}

static void send_one(const char *ns)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0xc0000202) };
	int fd;

	enter(ns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		bail("sendto");
	close(fd);
}

/* One SA at both ends: what was sent before is refused, what comes after is taken. */
static void probe_replay(const char *ns_a, uint32_t window, uint16_t flags)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .ntmpl = 1 };
	struct ipsec_sa in, out, got = { 0 };
	struct ipsec_sa_id id;

	resumed_as(&in, window, flags, 100, 0);
	resumed_as(&out, window, flags, 0, 98);
	id = id_of(&in);
	pol.sel = (struct ipsec_selector){ .src = in.src, .dst = in.dst, .src_len = 32, .dst_len = 32, .proto = IPPROTO_UDP };
	pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .reqid = in.reqid };
	if (ipsec_sa_add(b, &in) || ipsec_sa_add(a, &out) || ipsec_policy_add(a, &pol))
		bail("SAs and policy");
	for (int i = 0; i < 4; i++)		/* 99, 100, 101, 102 */
		send_one(ns_a);
	for (long left = WAIT_MS; left > 0 && got.usage.packets + got.usage.replay_failed < 4; left -= 20) {
		poll(NULL, 0, 20);
		if (ipsec_sa_get(b, &id, &got))
			bail(ipsec_error(b));
	}
	ok(got.usage.packets == 2 && got.usage.replay_failed == 2 && got.usage.seq == 102,
	   "window %u%s: %llu taken, %u refused, up to %llu", window, flags ? " and ESN" : "", (unsigned long long)got.usage.packets,
	   got.usage.replay_failed, (unsigned long long)got.usage.seq);
	ipsec_policy_flush(a);
	ipsec_sa_flush(a, 0);
	ipsec_sa_flush(b, 0);
}

int main(int argc, char **argv)
{
	struct utsname u;
	unsigned int major, minor;

	if (argc != 3 || uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return 2;
	kernel = major * 1000 + minor;
	labels = selinux_runs();
	puts("TAP version 13");
	b = door_in(argv[2]);
	a = door_in(argv[1]);
	device = if_nametoindex("eth0");
	if (!device)
		bail("no eth0");
	probe_many_sas();
	probe_algorithms();
	probe_sa_features();
	probe_direction();
	probe_policy_features();
	probe_policy_label();
	probe_resume();
	probe_replay(argv[1], 32, 0);
	probe_replay(argv[1], 256, 0);
	probe_replay(argv[1], 64, IPSEC_SA_ESN);
	ipsec_close(a);
	ipsec_close(b);
	return tap_end();
}
