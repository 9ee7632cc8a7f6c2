// SPDX-License-Identifier: MIT
// Policies of a draft in setkey's language.
#include "keyd/import/draft.h"

#include <string.h>

static const struct {
	uint8_t n;
	const char *name;
} protocols[] = { { 0, "any" }, { 1, "icmp" }, { 6, "tcp" }, { 17, "udp" }, { 58, "icmp6" } };

static const char *proto_name(struct draft *d, uint8_t n)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (protocols[i].n == n)
			return protocols[i].name;
	return draft_text(d, "%u", n);
}

/* What would be a line, and is not: an end is not known. */
static const char *lacks(const struct draft_peer *p, const struct draft_pair *pair)
{
	bool tunnel = !strcmp(p->action, "ipsec") && !pair->transport;

	if (!pair->local.addr.family || (tunnel && !p->local.family))
		return "our own address";
	return !pair->remote.addr.family || (tunnel && !p->remote.family) ? "the peer's address" : NULL;
}

static void write_one(struct draft *d, const struct draft_peer *p, const struct draft_pair *pair, bool out_,
		      const char *prefix, FILE *out)
{
	const struct draft_net *from = out_ ? &pair->local : &pair->remote, *to = out_ ? &pair->remote : &pair->local;
	const char *why = lacks(p, pair);
	char local[IPSEC_ADDR_STRLEN] = "ADDRESS", remote[IPSEC_ADDR_STRLEN] = "ADDRESS";

	if (p->local.family)
		ipsec_addr_format(&p->local, local, sizeof(local));
	if (p->remote.family)
		ipsec_addr_format(&p->remote, remote, sizeof(remote));
	fprintf(out, "%s%sspdadd %s %s %s -P %s %s", prefix, why ? "# " : "", draft_net_text(d, from, true),
		draft_net_text(d, to, true), proto_name(d, pair->local.proto ?: pair->remote.proto),
		out_ ? "out" : "in", p->action);
	if (!strcmp(p->action, "ipsec") && pair->transport)
		fputs(" esp/transport//require", out);
	else if (!strcmp(p->action, "ipsec"))
		fprintf(out, " esp/tunnel/%s-%s/require", out_ ? local : remote, out_ ? remote : local);
	fprintf(out, ";%s%s%s\n", why ? "	# " : "", why ?: "", why ? " is missing" : "");
}

void draft_write_policies(const struct draft *d, const struct draft_peer *p, const char *prefix, FILE *out)
{
	for (unsigned i = 0; i < p->npairs; i++) {
		write_one((struct draft *)d, p, &p->pair[i], true, prefix, out);
		write_one((struct draft *)d, p, &p->pair[i], false, prefix, out);
	}
}

void draft_write_spd(const struct draft *d, FILE *out)
{
	fprintf(out, "# Made by keydctl import from %s, for setkey -f.\n", d->tree->files[0]);
	for (const struct draft_peer *p = d->peers; p; p = p->next) {
		if (!p->npairs || p->set[SET_TRAFFIC] || p->assigned || p->set[SET_VIRTUAL])
			continue;
		fprintf(out, "\n# %s:%u: %s\n", d->tree->files[p->at.file], p->at.line, p->head);
		draft_write_policies(d, p, p->off && !strcmp(p->action, "ipsec") ? "# " : "", out);
	}
}
