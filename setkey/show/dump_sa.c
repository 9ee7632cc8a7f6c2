// SPDX-License-Identifier: MIT
/* An SA as text: what "setkey -D" and "get" print. */
#include "setkey/show/dump.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "pfkey/alg.h"
#include "setkey/show/dump_extra.h"
#include "setkey/lang/write_part.h"

/* PF_KEY's names for three of the flags (sadb_sa_flags of Linux). */
#define SAFLAGS_NOECN 0x80000000u
#define SAFLAGS_DECAP_DSCP 0x40000000u
#define SAFLAGS_NOPMTUDISC 0x20000000u

const char *dump_time(uint64_t when, char *buf, size_t n)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!when)
		snprintf(buf, n, "%20s", "");
	else if (!localtime_r(&t, &tm) || !strftime(buf, n, "%b %e %H:%M:%S %Y", &tm))
		snprintf(buf, n, "%.20s", "????????????????????");
	return buf;
}

static time_t dump_now(const struct dump_options *opt)
{
	return opt->now ? opt->now : time(NULL);
}

static const char *satype(uint8_t proto)
{
	return proto == IPPROTO_ESP ? "esp" : proto == IPPROTO_AH ? "ah" : proto == IPPROTO_COMP ? "ipcomp" : "unknown";
}

static void print_end(const struct ipsec_sa *sa, const struct ipsec_addr *addr, uint16_t port,
		      const struct dump_options *opt)
{
	char buf[IPSEC_ADDR_STRLEN];

	fputs(ipsec_addr_format(addr, buf, sizeof(buf)), opt->out);
	if (opt->ports)
		fputs("[0]", opt->out);
	if (sa->encap.type)
		fprintf(opt->out, "[%u]", port);
	putc(' ', opt->out);
}

static void print_head(const struct ipsec_sa *sa, const struct dump_options *opt)
{
	static const char *const modes[] = { "transport", "tunnel", "beet", "any" };
	const char *mode = sa->mode < sizeof(modes) / sizeof(modes[0]) ? modes[sa->mode] : "unknown";
	char buf[IPSEC_ADDR_STRLEN];

	print_end(sa, &sa->src, sa->encap.sport, opt);
	print_end(sa, &sa->dst, sa->encap.dport, opt);
	fprintf(opt->out, "\n\t%s mode=%s spi=%u(0x%08x) reqid=%u(0x%08x)\n",
		sa->encap.type && sa->proto == IPPROTO_ESP ? "esp-udp" : satype(sa->proto), mode,
		sa->spi, sa->spi, sa->reqid, sa->reqid);
	if (sa->encap.type && sa->encap.oa.family)
		fprintf(opt->out, "\tNAT OA=%s\n", ipsec_addr_format(&sa->encap.oa, buf, sizeof(buf)));
}

static const char *alg_name(enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_kernel(kind, alg->name, alg->icv_bits);

	return info ? info->names[0] : alg->name;
}

/* Groups of four bytes, 32 bytes in a line. A null algorithm has no key and no line. */
static void print_key(char letter, enum ipsec_alg_kind kind, const struct ipsec_alg *alg, FILE *out)
{
	size_t n = alg->key_bits / 8;

	if (!alg->name[0] || !n)
		return;
	fprintf(out, "\t%c: %s ", letter, alg_name(kind, alg));
	for (size_t i = 0; i < n && i < sizeof(alg->key); i++) {
		if (i && i % 32 == 0)
			putc('\n', out);
		if (i % 4 == 0)
			putc(' ', out);
		fprintf(out, "%02x", alg->key[i]);
	}
	putc('\n', out);
}

static void print_algs(const struct ipsec_sa *sa, FILE *out)
{
	/* No newline after the compression: the state has followed in the same line since 1998. */
	if (sa->proto == IPPROTO_COMP)
		fprintf(out, "\tC: %s ", sa->comp.name[0] ? alg_name(IPSEC_ALG_COMP, &sa->comp) : "none");
	print_key('E', IPSEC_ALG_AEAD, &sa->aead, out);
	print_key('E', IPSEC_ALG_ENC, &sa->enc, out);
	print_key('A', IPSEC_ALG_AUTH, &sa->auth, out);
}

static void print_state(const struct ipsec_sa *sa, FILE *out)
{
	static const char *const states[] = { "larval", "mature", "dying", "dead" };
	uint32_t flags = (sa->flags & IPSEC_SA_NOECN ? SAFLAGS_NOECN : 0) |
			 (sa->flags & IPSEC_SA_DECAP_DSCP ? SAFLAGS_DECAP_DSCP : 0) |
			 (sa->flags & IPSEC_SA_NOPMTUDISC ? SAFLAGS_NOPMTUDISC : 0);

	fprintf(out, "\tseq=0x%08x replay=%u flags=0x%08x state=%s \n", (uint32_t)(sa->usage.oseq ? sa->usage.oseq : sa->usage.seq),
		sa->replay_window, flags, sa->state < 4 ? states[sa->state] : "unknown");
}

static void print_lifetime(const struct ipsec_sa *sa, const struct dump_options *opt)
{
	const struct ipsec_lifetime *hard = &sa->hard, *soft = &sa->soft;
	const struct ipsec_usage *u = &sa->usage;
	uint64_t now = (uint64_t)dump_now(opt);
	char created[DUMP_TIME_LEN], current[DUMP_TIME_LEN], last[DUMP_TIME_LEN];

	fprintf(opt->out, "\tcreated: %s\tcurrent: %s\n", dump_time(u->add_time, created, sizeof(created)),
		dump_time(now, current, sizeof(current)));
	fprintf(opt->out, "\tdiff: %" PRIu64 "(s)\thard: %" PRIu64 "(s)\tsoft: %" PRIu64 "(s)\n",
		u->add_time && now > u->add_time ? now - u->add_time : 0, hard->add_seconds, soft->add_seconds);
	fprintf(opt->out, "\tlast: %s\thard: %" PRIu64 "(s)\tsoft: %" PRIu64 "(s)\n",
		dump_time(u->use_time, last, sizeof(last)), hard->use_seconds, soft->use_seconds);
	fprintf(opt->out, "\tcurrent: %" PRIu64 "(bytes)\thard: %" PRIu64 "(bytes)\tsoft: %" PRIu64 "(bytes)\n",
		u->bytes, hard->bytes, soft->bytes);
	fprintf(opt->out, "\tallocated: %" PRIu64 "\thard: %" PRIu64 "\tsoft: %" PRIu64 "\n",
		u->packets, hard->packets, soft->packets);
}

static bool truncated(enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_kernel(kind, alg->name, 0);

	return alg->name[0] && alg->icv_bits && info && info->icv_bits != alg->icv_bits;
}

static void print_offload(struct dump_extra *x, const struct ipsec_sa *sa)
{
	static const char *const dirs[] = { [IPSEC_SA_DIR_IN] = "in", [IPSEC_SA_DIR_OUT] = "out" };

	if (sa->dir && sa->dir <= IPSEC_SA_DIR_OUT)
		dump_extra(x, "dir=%s", dirs[sa->dir]);
	dump_extra_offload(x, &sa->offload);
	if (sa->offload.kind)
		fputs(sa->offload.inbound ? ",in" : ",out", x->out);
}

/* What the field "flags" has no bit for. */
static void print_flags(struct dump_extra *x, uint16_t flags)
{
	static const struct { uint16_t flag; const char *word; } words[] = {
		{ IPSEC_SA_ESN, "esn" },
		{ IPSEC_SA_WILDRECV, "wildrecv" },
		{ IPSEC_SA_ICMP, "icmp" },
		{ IPSEC_SA_AF_UNSPEC, "af-unspec" },
		{ IPSEC_SA_ALIGN4, "align4" },
		{ IPSEC_SA_DONT_ENCAP_DSCP, "dont-encap-dscp" },
		{ IPSEC_SA_OSEQ_MAY_WRAP, "oseq-may-wrap" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (flags & words[i].flag)
			dump_extra(x, "%s", words[i].word);
}

static void print_selector(struct dump_extra *x, const struct ipsec_selector *sel)
{
	if (!sel->src.family || (!sel->src_len && !sel->dst_len && !sel->proto && !sel->sport_mask && !sel->dport_mask &&
				 !sel->ifindex))
		return;
	dump_extra(x, "sel=\"");
	write_selector(x->out, sel);
	write_device(x->out, "dev", sel->ifindex);
	putc('"', x->out);
}

static void print_xfrm(const struct ipsec_sa *sa, FILE *out)
{
	struct dump_extra x = { .out = out };

	dump_extra_mark(&x, "mark", &sa->mark);
	dump_extra_mark(&x, "output-mark", &sa->output_mark);
	if (sa->if_id)
		dump_extra(&x, "if_id=%u", sa->if_id);
	if (truncated(IPSEC_ALG_AUTH, &sa->auth))
		dump_extra(&x, "icv=%u", sa->auth.icv_bits);
	print_flags(&x, sa->flags);
	print_offload(&x, sa);
	if (sa->nat_keepalive)
		dump_extra(&x, "nat-keepalive=%u", sa->nat_keepalive);
	if (sa->tfc_pad)
		dump_extra(&x, "tfc=%u", sa->tfc_pad);
	print_selector(&x, &sa->sel);
	dump_extra_end(&x);
}

void dump_sa(const struct ipsec_sa *sa, unsigned int seq, const struct dump_options *opt)
{
	FILE *out = opt->out;

	print_head(sa, opt);
	print_algs(sa, out);
	print_state(sa, out);
	print_lifetime(sa, opt);
	print_xfrm(sa, out);
	if (sa->ctx[0])
		fprintf(out, "\tsecurity context doi: 1\n\tsecurity context algorithm: 1\n"
			"\tsecurity context length: %zu\n\tsecurity context: %s\n", strlen(sa->ctx) + 1, sa->ctx);
	fprintf(out, "\tsadb_seq=%u pid=%d refcnt=0\n", seq, (int)getpid());
}

void dump_sa_brief(const struct ipsec_sa *sa, const struct dump_options *opt)
{
	uint64_t now = (uint64_t)dump_now(opt), hard = sa->hard.add_seconds;
	uint64_t age = sa->usage.add_time && now > sa->usage.add_time ? now - sa->usage.add_time : 0;
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	fprintf(opt->out, "%02u%02u %-3s %c %08x", (unsigned int)(now % 3600 / 60), (unsigned int)(now % 60),
		satype(sa->proto), sa->state < 4 ? "LMDd"[sa->state] : '?', sa->spi);
	if (age >= 1000)
		fputs(" big/", opt->out);
	else
		fprintf(opt->out, " %3u/", (unsigned int)age);
	if (hard >= 1000)
		fputs("big", opt->out);
	else
		fprintf(opt->out, "%-3u", (unsigned int)hard);
	fprintf(opt->out, " %s -> %s\n", ipsec_addr_format(&sa->src, src, sizeof(src)),
		ipsec_addr_format(&sa->dst, dst, sizeof(dst)));
}

struct sad_walk {
	const struct dump_options *opt;
	uint8_t proto;
	struct ipsec_sa held;		/* the one before, as only the last has seq 0 */
	size_t count;
};

static int walk_sa(const struct ipsec_sa *sa, void *arg)
{
	struct sad_walk *w = arg;

	if ((w->proto && sa->proto != w->proto) || (sa->state == IPSEC_STATE_DEAD && !w->opt->all))
		return 0;
	if (w->opt->brief)
		dump_sa_brief(sa, w->opt);
	else if (w->count)
		dump_sa(&w->held, (unsigned int)w->count, w->opt);
	w->held = *sa;
	w->count++;
	return 0;
}

int dump_sad(struct ipsec *ip, uint8_t proto, const struct dump_options *opt, size_t *count)
{
	struct sad_walk w = { .opt = opt, .proto = proto };
	int err = ipsec_sa_dump(ip, walk_sa, &w);

	if (w.count && !opt->brief)
		dump_sa(&w.held, 0, opt);
	*count = w.count;
	explicit_bzero(&w, sizeof(w));
	return err;
}
