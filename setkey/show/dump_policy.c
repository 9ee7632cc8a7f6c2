// SPDX-License-Identifier: MIT
/* A policy as text: what "setkey -DP" prints. */
#include "setkey/show/dump.h"

#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "setkey/show/dump_extra.h"
#include "setkey/lang/names.h"
#include "setkey/lang/write_part.h"

#define REQID_MANUAL_MAX 0x3fff	/* above it the kernel or libpfkey chose */

/* XFRM does not say it; this is what PF_KEY says of a policy that no packet is using. */
#define REFCNT 2

static bool has_ports(uint8_t proto)
{
	return !upper_has_types(proto) && proto != IPPROTO_GRE;
}

static void print_net(const struct ipsec_addr *addr, uint8_t len, uint8_t proto, uint16_t port, uint16_t mask, FILE *out)
{
	char buf[IPSEC_ADDR_STRLEN];

	fputs(ipsec_addr_format(addr, buf, sizeof(buf)), out);
	if (len != ipsec_addr_bits(addr->family))
		fprintf(out, "/%u", len);
	if (has_ports(proto) && mask)
		fprintf(out, "[%u]", port);
	else if (has_ports(proto))
		fputs("[any]", out);
	putc(' ', out);
}

static void print_selector(const struct ipsec_selector *sel, FILE *out)
{
	char buf[64];

	print_net(&sel->src, sel->src_len, sel->proto, sel->sport, sel->sport_mask, out);
	print_net(&sel->dst, sel->dst_len, sel->proto, sel->dport, sel->dport_mask, out);
	fputs(upper_name(sel->proto, buf, sizeof(buf)), out);
	if (!has_ports(sel->proto) && (sel->sport_mask || sel->dport_mask))
		write_upper_detail(out, sel);
}

static void print_tmpl(const struct ipsec_tmpl *tmpl, const struct dump_options *opt)
{
	static const char *const modes[] = { "transport", "tunnel", "beet", "any" };
	const char *proto = tmpl->proto == IPPROTO_ESP ? "esp" : tmpl->proto == IPPROTO_AH ? "ah" :
			    tmpl->proto == IPPROTO_COMP ? "ipcomp" : "unknown";
	const char *port = opt->ports ? "[0]" : "";
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	fprintf(opt->out, "\t%s/%s/", proto, tmpl->mode < 4 ? modes[tmpl->mode] : "unknown");
	if (tmpl->mode == IPSEC_MODE_TUNNEL || tmpl->mode == IPSEC_MODE_BEET)
		fprintf(opt->out, "%s%s-%s%s", ipsec_addr_format(&tmpl->src, src, sizeof(src)), port,
			ipsec_addr_format(&tmpl->dst, dst, sizeof(dst)), port);
	fprintf(opt->out, "/%s", tmpl->optional ? "use" : tmpl->reqid ? "unique" : "require");
	if (tmpl->reqid)
		fprintf(opt->out, "%c%u", tmpl->reqid > REQID_MANUAL_MAX ? '#' : ':', tmpl->reqid);
	if (tmpl->spi)
		fprintf(opt->out, "/spi:0x%x", tmpl->spi);
	putc('\n', opt->out);
}

static void print_policy(const struct ipsec_policy *pol, const struct dump_options *opt)
{
	static const char *const dirs[] = { "in", "out", "fwd", "in(socket)", "out(socket)" };
	unsigned int dir = pol->socket ? pol->dir + 3u : pol->dir;
	bool block = pol->action == IPSEC_ACTION_BLOCK;
	char prio[PRIORITY_TEXT_LEN];

	fprintf(opt->out, "\n\t%s ", dir < sizeof(dirs) / sizeof(dirs[0]) ? dirs[dir] : "unknown");
	if (pol->priority)
		fprintf(opt->out, "prio %s ", priority_text(pol->priority, prio, sizeof(prio)));
	fprintf(opt->out, "%s\n", block ? "discard" : pol->ntmpl ? "ipsec" : "none");
	for (unsigned int i = 0; !block && i < pol->ntmpl && i < IPSEC_TMPL_MAX; i++)
		print_tmpl(&pol->tmpl[i], opt);
}

static void print_lifetime(struct dump_extra *x, const char *name, const struct ipsec_lifetime *l, bool seconds)
{
	if (seconds && l->add_seconds)
		dump_extra(x, "%s=%" PRIu64 "s", name, l->add_seconds);
	if (seconds && l->use_seconds)
		dump_extra(x, "%s=%" PRIu64 "s-used", name, l->use_seconds);
	if (l->bytes)
		dump_extra(x, "%s=%" PRIu64 "bytes", name, l->bytes);
	if (l->packets)
		dump_extra(x, "%s=%" PRIu64 "packets", name, l->packets);
}

static void print_xfrm(const struct ipsec_policy *pol, FILE *out)
{
	struct dump_extra x = { .out = out };
	char name[IF_NAMESIZE];

	dump_extra_mark(&x, "mark", &pol->mark);
	if (pol->if_id)
		dump_extra(&x, "if_id=%u", pol->if_id);
	if (pol->type)
		dump_extra(&x, "ptype=sub");
	if (pol->sel.ifindex && if_indextoname(pol->sel.ifindex, name))
		dump_extra(&x, "dev=%s", name);
	else if (pol->sel.ifindex)
		dump_extra(&x, "dev=%u", pol->sel.ifindex);
	dump_extra_offload(&x, &pol->offload);
	if (pol->flags & IPSEC_POLICY_LOCALOK)
		dump_extra(&x, "localok");
	if (pol->flags & IPSEC_POLICY_ICMP)
		dump_extra(&x, "icmp");
	/* The line before this one has the hard limits in seconds. */
	print_lifetime(&x, "hard", &pol->hard, false);
	print_lifetime(&x, "soft", &pol->soft, true);
	dump_extra_end(&x);
}

void dump_policy(const struct ipsec_policy *pol, unsigned int seq, const struct dump_options *opt)
{
	char created[DUMP_TIME_LEN], last[DUMP_TIME_LEN];
	FILE *out = opt->out;

	if (pol->socket)
		fputs("(per-socket policy) ", out);
	else
		print_selector(&pol->sel, out);
	print_policy(pol, opt);
	fprintf(out, "\tcreated: %s  lastused: %s\n", dump_time(pol->usage.add_time, created, sizeof(created)),
		dump_time(pol->usage.use_time, last, sizeof(last)));
	fprintf(out, "\tlifetime: %" PRIu64 "(s) validtime: %" PRIu64 "(s)\n", pol->hard.add_seconds,
		pol->hard.use_seconds);
	print_xfrm(pol, out);
	if (pol->ctx[0])
		fprintf(out, "\tsecurity context doi: 1\n\tsecurity context algorithm: 1\n"
			"\tsecurity context length: %zu\n\tsecurity context: %s\n", strlen(pol->ctx) + 1, pol->ctx);
	fprintf(out, "\tspid=%u seq=%u pid=%d\n\trefcnt=%d\n", pol->index, seq, (int)getpid(), REFCNT);
}

struct spd_walk {
	const struct dump_options *opt;
	struct ipsec_policy held;
	size_t count;
};

static int walk_policy(const struct ipsec_policy *pol, void *arg)
{
	struct spd_walk *w = arg;

	if (w->count)
		dump_policy(&w->held, (unsigned int)w->count, w->opt);
	w->held = *pol;
	w->count++;
	return 0;
}

int dump_spd(struct ipsec *ip, const struct dump_options *opt, size_t *count)
{
	struct spd_walk w = { .opt = opt };
	int err = ipsec_policy_dump(ip, walk_policy, &w);

	if (w.count)
		dump_policy(&w.held, 0, opt);
	*count = w.count;
	return err;
}
