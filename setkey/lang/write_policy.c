// SPDX-License-Identifier: MIT
/* A policy as a statement. */
#include "setkey/lang/write.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "setkey/lang/names.h"
#include "setkey/lang/statement.h"
#include "setkey/lang/write_part.h"

/* What libpfkey takes as a policy: is there a word for everything? */
static int check(const struct ipsec_policy *pol, const struct write_reason *r)
{
	if (pol->socket)
		return write_refuse(r, "it belongs to one socket, whose program asked for it");
	if (ipsec_policy_check(pol, r->why, r->n))
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < pol->ntmpl; i++)
		if (pol->tmpl[i].mode >= IPSEC_MODE_ANY)
			return write_refuse(r, "the mode of a rule has no name");
	return write_label_check(pol->ctx, r);
}

/* What tells a policy from another with the same selector. */
static void write_key(FILE *out, const struct ipsec_policy *pol)
{
	write_mark(out, "-mark", &pol->mark);
	write_number(out, "-if-id", pol->if_id);
	if (pol->type == XFRM_POLICY_TYPE_SUB)
		fputs(" -ptype sub", out);
	write_number(out, "-index", pol->index);
	write_device(out, "-dev", pol->sel.ifindex);
	write_label(out, pol->ctx);
}

static void write_options(FILE *out, const struct ipsec_policy *pol)
{
	if (pol->flags & IPSEC_POLICY_LOCALOK)
		fputs(" -f localok", out);
	if (pol->flags & IPSEC_POLICY_ICMP)
		fputs(" -f icmp", out);
	if (pol->offload.kind) {
		write_device(out, "-offload", pol->offload.ifindex);
		fputs(pol->offload.kind == IPSEC_OFFLOAD_PACKET ? " packet" : " crypto", out);
	}
	write_lifetimes(out, &pol->hard, &pol->soft);
}

static void write_level(FILE *out, const struct ipsec_tmpl *t)
{
	if (t->optional && t->reqid)
		fprintf(out, "use:%u", t->reqid);
	else if (t->optional)
		fputs("use", out);
	else if (t->reqid)
		fprintf(out, "unique:%u", t->reqid);
	else
		fputs("require", out);
	if (t->spi)
		fprintf(out, "/spi:0x%x", t->spi);
}

static void write_rule(FILE *out, const struct ipsec_tmpl *t)
{
	static const char *const modes[] = { "transport", "tunnel", "beet" };
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	fprintf(out, " %s/%s/", protocol_name(t->proto), modes[t->mode]);
	if (t->mode != IPSEC_MODE_TRANSPORT)
		fprintf(out, "%s-%s", ipsec_addr_format(&t->src, src, sizeof(src)),
			ipsec_addr_format(&t->dst, dst, sizeof(dst)));
	putc('/', out);
	write_level(out, t);
}

static void write_what(FILE *out, const struct ipsec_policy *pol)
{
	char prio[PRIORITY_TEXT_LEN];

	/* "def" without an offset is what no word means, too. */
	if (pol->priority != PRIORITY_DEF)
		fprintf(out, " prio %s", priority_text(pol->priority, prio, sizeof(prio)));
	if (pol->action == IPSEC_ACTION_BLOCK) {
		fputs(" discard", out);
		return;
	}
	fputs(pol->ntmpl ? " ipsec" : " none", out);
	for (unsigned int i = 0; i < pol->ntmpl; i++)
		write_rule(out, &pol->tmpl[i]);
}

int write_policy(FILE *out, const char *command, const struct ipsec_policy *pol, char *why, size_t n)
{
	static const char *const dirs[] = { [IPSEC_DIR_IN] = "in", [IPSEC_DIR_OUT] = "out", [IPSEC_DIR_FWD] = "fwd" };
	const struct write_reason r = { why, n };
	bool whole = strcmp(command, "spddelete") != 0;
	int err = check(pol, &r);

	if (err)
		return err;
	fprintf(out, "%s ", command);
	write_selector(out, &pol->sel);
	write_key(out, pol);
	if (whole)
		write_options(out, pol);
	fprintf(out, " -P %s", dirs[pol->dir]);
	if (whole)
		write_what(out, pol);
	fputs(";\n", out);
	return 0;
}
