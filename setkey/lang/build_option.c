// SPDX-License-Identifier: MIT
/* Options as one table: what they are called, what they may belong to, their limits, and where their values go. */
#include "setkey/lang/build.h"

#include <linux/if.h>
#include <linux/xfrm.h>
#include <string.h>

#define TRUNC_MAX 512	/* bits; no hash is longer */

enum { OF_SA = 1 << 0, OF_POLICY = 1 << 1 };

/* Where a value goes. */
enum place { NOWHERE, IN_SA, IN_MORE };

struct option_info {
	const char *name;
	const char *text;	/* one of the words that may follow; of a number, what it is */
	uint8_t of;
	uint8_t place, offset, size;
	bool flag;		/* value is added to what is there */
	uint64_t value;		/* of the word or flag; else the greatest number */
};

#define SA(member) IN_SA, offsetof(struct sa_spec, member), sizeof(((struct sa_spec *)NULL)->member)
#define MORE(member) IN_MORE, offsetof(struct more_spec, member), sizeof(((struct more_spec *)NULL)->member)
#define BOTH (OF_SA | OF_POLICY)

static const struct option_info options[] = {
	/* Numbers */
	{ "-u", "reqid", OF_SA, SA(reqid), false, UINT32_MAX },
	{ "-r", "replay window", OF_SA, SA(replay), false, XFRMA_REPLAY_ESN_MAX },
	{ "-lh", "lifetime", BOTH, MORE(hard.add_seconds), false, UINT64_MAX },
	{ "-ls", "lifetime", BOTH, MORE(soft.add_seconds), false, UINT64_MAX },
	{ "-bh", "lifetime", BOTH, MORE(hard.bytes), false, UINT64_MAX },
	{ "-bs", "lifetime", BOTH, MORE(soft.bytes), false, UINT64_MAX },
	{ "-ph", "lifetime", BOTH, MORE(hard.packets), false, UINT64_MAX },
	{ "-ps", "lifetime", BOTH, MORE(soft.packets), false, UINT64_MAX },
	{ "-uh", "lifetime", BOTH, MORE(hard.use_seconds), false, UINT64_MAX },
	{ "-us", "lifetime", BOTH, MORE(soft.use_seconds), false, UINT64_MAX },
	{ "-if-id", "interface id", BOTH, MORE(if_id), false, UINT32_MAX },
	{ "-trunc", "ICV length", OF_SA, MORE(trunc), false, TRUNC_MAX },
	{ "-tfc", "padding", OF_SA, MORE(tfc), false, UINT32_MAX },
	{ "-nat-keepalive", "keepalive interval", OF_SA, MORE(nat_keepalive), false, UINT32_MAX },
	{ "-index", "policy index", OF_POLICY, MORE(index), false, UINT32_MAX },
	{ "-natt_mtu", "MTU", OF_SA, NOWHERE, 0, 0, false, UINT16_MAX },		/* FreeBSD's; Linux has no use for it */
	/* Flags */
	{ "-R", NULL, OF_SA, SA(flags), true, SPEC_RAW_CPI },
	{ "-esn", NULL, OF_SA, MORE(flags), true, IPSEC_SA_ESN },
	/* Words */
	{ "-m", "transport", OF_SA, SA(mode), false, IPSEC_MODE_TRANSPORT },
	{ "-m", "tunnel", OF_SA, SA(mode), false, IPSEC_MODE_TUNNEL },
	{ "-m", "beet", OF_SA, SA(mode), false, IPSEC_MODE_BEET },
	{ "-m", "any", OF_SA, SA(mode), false, IPSEC_MODE_ANY },
	{ "-f", "zero-pad", OF_SA, SA(flags), true, SPEC_PAD_ZERO },
	{ "-f", "random-pad", OF_SA, SA(flags), true, SPEC_PAD_RANDOM },
	{ "-f", "seq-pad", OF_SA, SA(flags), true, SPEC_PAD_SEQ },
	{ "-f", "nocyclic-seq", OF_SA, SA(flags), true, SPEC_NO_CYCLIC_SEQ },
	{ "-f", "cyclic-seq", OF_SA, NOWHERE, 0, 0, true, 0 },			/* KAME's, and the default */
	{ "-f", "noecn", OF_SA, MORE(flags), true, IPSEC_SA_NOECN },
	{ "-f", "decap-dscp", OF_SA, MORE(flags), true, IPSEC_SA_DECAP_DSCP },
	{ "-f", "nopmtudisc", OF_SA, MORE(flags), true, IPSEC_SA_NOPMTUDISC },
	{ "-f", "wildrecv", OF_SA, MORE(flags), true, IPSEC_SA_WILDRECV },
	{ "-f", "icmp", OF_SA, MORE(flags), true, IPSEC_SA_ICMP },
	{ "-f", "af-unspec", OF_SA, MORE(flags), true, IPSEC_SA_AF_UNSPEC },
	{ "-f", "align4", OF_SA, MORE(flags), true, IPSEC_SA_ALIGN4 },
	{ "-f", "dont-encap-dscp", OF_SA, MORE(flags), true, IPSEC_SA_DONT_ENCAP_DSCP },
	{ "-f", "oseq-may-wrap", OF_SA, MORE(flags), true, IPSEC_SA_OSEQ_MAY_WRAP },
	{ "-f", "localok", OF_POLICY, MORE(flags), true, IPSEC_POLICY_LOCALOK },
	{ "-f", "icmp", OF_POLICY, MORE(flags), true, IPSEC_POLICY_ICMP },
	{ "-dir", "in", OF_SA, MORE(dir), false, IPSEC_SA_DIR_IN },
	{ "-dir", "out", OF_SA, MORE(dir), false, IPSEC_SA_DIR_OUT },
	{ "-ptype", "main", OF_POLICY, MORE(ptype), false, XFRM_POLICY_TYPE_MAIN },
	{ "-ptype", "sub", OF_POLICY, MORE(ptype), false, XFRM_POLICY_TYPE_SUB },
	/* With rules of their own */
	{ "-mark", "mark", BOTH, MORE(mark), false, UINT32_MAX },
	{ "-output-mark", "output mark", OF_SA, MORE(output_mark), false, UINT32_MAX },
	{ "-dev", NULL, BOTH, MORE(dev), false, 0 },
	{ "-offload", NULL, BOTH, MORE(offload_dev), false, 0 },
	{ "-hwif", NULL, BOTH, MORE(offload_dev), false, 0 },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

_Static_assert(sizeof(struct more_spec) <= UINT8_MAX + 1, "offsets in the table are bytes");

const struct option_info *option_find(const char *name)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (!strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

static bool fits(const struct script *sc, const struct option_info *opt)
{
	return opt->of & (sc->st->sa ? OF_SA : OF_POLICY);
}

static void misplaced(struct script *sc, unsigned int line, const char *option)
{
	build_error(sc, line, sc->st->sa ? "option of a policy" : "option of an association", option);
}

/* Where the value goes, or NULL after an error was told. */
static void *destination(struct script *sc, unsigned int line, const struct option_info *opt)
{
	void *base = sc->st->sa;

	if (!fits(sc, opt)) {
		misplaced(sc, line, opt->name);
		return NULL;
	}
	if (opt->place == IN_MORE)
		base = build_more(sc);
	return base ? (uint8_t *)base + opt->offset : NULL;
}

static int store(struct script *sc, unsigned int line, const struct option_info *opt, uint64_t v)
{
	void *to = destination(sc, line, opt);

	if (!to)
		return -1;
	switch (opt->size) {
	case 1:
		*(uint8_t *)to = (uint8_t)(opt->flag ? *(uint8_t *)to | v : v);
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)(opt->flag ? *(uint16_t *)to | v : v);
		break;
	case 4:
		*(uint32_t *)to = (uint32_t)v;
		break;
	case 8:
		*(uint64_t *)to = v;
		break;
	default:
		break;
	}
	return 0;
}

int build_flag(struct script *sc, unsigned int line, const struct option_info *opt)
{
	return store(sc, line, opt, opt->value);
}

int build_option_number(struct script *sc, unsigned int line, const struct option_info *opt, uint64_t v)
{
	return build_range(sc, line, opt->text, v, opt->value) ? -1 : store(sc, line, opt, v);
}

int build_option_word(struct script *sc, unsigned int line, const struct option_info *opt, struct text word)
{
	const struct option_info *end = options + OPTIONS;
	bool fitting = false;

	for (const struct option_info *row = opt; row < end && !strcmp(row->name, opt->name); row++) {
		if (!fits(sc, row))
			continue;
		if (!strcmp(row->text, word.p))
			return store(sc, line, row, row->value);
		fitting = true;
	}
	if (fitting)
		build_error(sc, line, "unknown word after an option", word.p);
	else
		misplaced(sc, line, opt->name);
	return -1;
}

int build_option_mark(struct script *sc, unsigned int line, const struct option_info *opt, uint64_t value, uint64_t mask)
{
	struct ipsec_mark *mark;

	if (build_range(sc, line, opt->text, value, opt->value) || build_range(sc, line, "mask", mask, opt->value))
		return -1;
	if (value & ~mask) {
		build_error(sc, line, "the mark has bits outside its mask", opt->name);
		return -1;
	}
	mark = destination(sc, line, opt);
	if (!mark)
		return -1;
	*mark = (struct ipsec_mark){ (uint32_t)value, (uint32_t)mask };
	return 0;
}

int build_option_device(struct script *sc, unsigned int line, const struct option_info *opt, struct text name)
{
	struct device *dev = destination(sc, line, opt);

	if (!dev)
		return -1;
	if (name.n >= IFNAMSIZ || strlen(name.p) != name.n) {
		build_error(sc, line, "not a name of a network device", name.p);
		return -1;
	}
	dev->name = name.p;
	/* A policy is offloaded for whole packets or not at all. */
	if (dev == &sc->st->more->offload_dev)
		sc->st->more->offload = sc->st->sa ? IPSEC_OFFLOAD_CRYPTO : IPSEC_OFFLOAD_PACKET;
	return 0;
}

int build_offload_word(struct script *sc, unsigned int line, struct text word)
{
	static const struct { const char *word; uint8_t kind, dir; } words[] = {
		{ "packet", IPSEC_OFFLOAD_PACKET, 0 },
		{ "crypto", IPSEC_OFFLOAD_CRYPTO, 0 },
		{ "in", 0, IPSEC_SA_DIR_IN },
		{ "out", 0, IPSEC_SA_DIR_OUT },
	};
	struct more_spec *more = sc->st->more;
	/* A policy has its own direction. */
	size_t n = sc->st->sa ? sizeof(words) / sizeof(words[0]) : 1;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i].word, word.p))
			continue;
		if (words[i].kind)
			more->offload = words[i].kind;
		else
			more->offload_dir = words[i].dir;
		return 0;
	}
	build_error(sc, line, sc->st->sa ? "expected crypto, packet, in or out" : "expected packet", word.p);
	return -1;
}

int build_selector(struct script *sc, unsigned int line)
{
	struct more_spec *more;

	if (!sc->st->sa) {
		misplaced(sc, line, "-sel");
		return -1;
	}
	more = build_more(sc);
	if (!more)
		return -1;
	more->sel = arena_alloc(&sc->arena, sizeof(*more->sel));
	if (!more->sel) {
		build_error(sc, line, "out of memory", NULL);
		return -1;
	}
	more->sel->src.prefix = more->sel->dst.prefix = -1;
	sc->end = &more->sel->src;
	sc->dst = &more->sel->dst;
	sc->upper = &more->sel->upper;
	return 0;
}

int build_natt(struct script *sc, unsigned int line, uint64_t sport, uint64_t dport)
{
	struct statement *st = sc->st;

	if (!st->sa || st->proto != IPPROTO_ESP) {
		build_error(sc, line, "UDP encapsulation is for ESP", "-natt");
		return -1;
	}
	if (build_range(sc, line, "port", sport, UINT16_MAX) || build_range(sc, line, "port", dport, UINT16_MAX))
		return -1;
	st->sa->flags |= SPEC_ENCAP;
	st->src.port.number = (uint16_t)sport;
	st->dst.port.number = (uint16_t)dport;
	return 0;
}

int build_ctx(struct script *sc, unsigned int line, uint64_t doi, uint64_t alg, struct text label)
{
	struct more_spec *more;

	if (build_range(sc, line, "domain of interpretation", doi, UINT8_MAX) ||
	    build_range(sc, line, "security context algorithm", alg, UINT8_MAX))
		return -1;
	if (!label.n || label.n >= IPSEC_CTX_MAX || strlen(label.p) != label.n) {
		build_error(sc, line, "security label empty or too long", label.p);
		return -1;
	}
	more = build_more(sc);
	if (!more)
		return -1;
	more->ctx = (struct ctx_spec){ label.p, (uint8_t)doi, (uint8_t)alg };
	return 0;
}

const char *build_options_wrong(const struct statement *st)
{
	const struct more_spec *more = st->more;
	const struct sa_spec *sa = st->sa;

	/* Its last three bits are the direction. */
	if (more && more->index && (more->index & 7) != st->policy->dir)
		return "-index belongs to a policy of another direction";
	if (!more || !sa)
		return NULL;
	if (more->trunc && !sa->auth.alg && !statement_has_aead(st))
		return "-trunc needs an algorithm with an ICV";
	if (more->trunc % 8)
		return "-trunc counts bits, and an ICV has whole bytes";
	if (more->dev.name && !more->sel)
		return "-dev needs -sel, to which it belongs";
	if (more->offload_dev.name && !more->offload_dir && !more->dir)
		return "-offload needs a direction: in or out";
	if (more->offload_dir && more->dir && more->offload_dir != more->dir)
		return "-offload and -dir name different directions";
	return NULL;
}
