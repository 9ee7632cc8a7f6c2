// SPDX-License-Identifier: MIT
/* The parts of a policy as they are read: upper layer, priority, rules. */
#include "setkey/lang/build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/lang/names.h"

#define UPPER_ANY 255	/* PF_KEY's "any", which -DP shows */

int build_upper_proto(struct script *sc, unsigned int line, uint64_t proto)
{
	if (build_range(sc, line, "protocol", proto, UINT8_MAX))
		return -1;
	sc->upper->proto = proto == UPPER_ANY ? 0 : (uint8_t)proto;
	return 0;
}

int build_upper_hex(struct script *sc, unsigned int line, struct text digits)
{
	uint64_t proto;

	if (build_hex_number(sc, line, digits, &proto) || build_range(sc, line, "protocol", proto, UINT8_MAX))
		return -1;
	sc->upper->proto = (uint8_t)proto;
	return 0;
}

int build_upper_name(struct script *sc, unsigned int line, struct text name)
{
	int proto = upper_by_name(name.p);

	if (proto < 0) {
		build_error(sc, line, "invalid upper layer protocol", name.p);
		return -1;
	}
	sc->upper->proto = (uint8_t)proto;
	return 0;
}

static int bad_detail(struct script *sc, unsigned int line, const char *token)
{
	build_error(sc, line, "invalid upper layer protocol spec", token);
	return -1;
}

static void set_detail(struct upper_spec *upper, uint16_t type, uint16_t code, bool have_code)
{
	upper->type = type;
	upper->code = code;
	upper->have_type = true;
	upper->have_code = have_code;
}

int build_upper_detail(struct script *sc, unsigned int line, struct text detail)
{
	struct upper_spec *upper = sc->upper;
	struct ipsec_addr key;
	unsigned long type, code;
	char *end;

	if (upper->proto == IPPROTO_GRE) {
		if (ipsec_addr_parse(&key, detail.p) || key.family != AF_INET)
			return bad_detail(sc, line, detail.p);
		set_detail(upper, (uint16_t)(key.b[0] << 8 | key.b[1]), (uint16_t)(key.b[2] << 8 | key.b[3]), true);
		return 0;
	}
	type = strtoul(detail.p, &end, 10);
	if (!upper_has_types(upper->proto) || *end != ',' || type > UINT8_MAX)
		return bad_detail(sc, line, detail.p);
	code = strtoul(end + 1, &end, 10);
	if (*end || code > UINT8_MAX)
		return bad_detail(sc, line, detail.p);
	set_detail(upper, (uint16_t)type, (uint16_t)code, true);
	return 0;
}

int build_upper_number(struct script *sc, unsigned int line, uint64_t v)
{
	struct upper_spec *upper = sc->upper;
	char token[24];

	if (upper->proto == IPPROTO_GRE && v <= UINT32_MAX) {
		set_detail(upper, (uint16_t)(v >> 16), (uint16_t)v, true);
		return 0;
	}
	if (upper_has_types(upper->proto) && v <= UINT8_MAX) {
		set_detail(upper, (uint16_t)v, 0, false);
		return 0;
	}
	snprintf(token, sizeof(token), "%" PRIu64, v);
	return bad_detail(sc, line, token);
}

int build_priority(struct script *sc, unsigned int line, uint32_t base, char sign, uint64_t offset)
{
	uint64_t max = sign == '+' ? base : UINT32_MAX - base;

	if (build_range(sc, line, "priority", offset, max))
		return -1;
	sc->st->policy->priority = sign == '+' ? base - (uint32_t)offset : base + (uint32_t)offset;
	return 0;
}

int build_rule_reqid(struct script *sc, unsigned int line, enum policy_level level, uint64_t reqid)
{
	if (build_range(sc, line, "reqid", reqid, UINT32_MAX))
		return -1;
	sc->rule.level = (uint8_t)level;
	sc->rule.reqid = (uint32_t)reqid;
	return 0;
}

int build_rule_me(struct script *sc, unsigned int line, enum ipsec_dir dir)
{
	if (sc->st->policy->dir == dir)
		return 0;
	build_error(sc, line, "me-any is for out and any-me for in", dir == IPSEC_DIR_OUT ? "me-any" : "any-me");
	return -1;
}

int build_rule_end(struct script *sc, unsigned int line)
{
	struct policy_spec *pol = sc->st->policy;
	const struct rule_spec *rule = &sc->rule;
	const char *msg = NULL;

	/* Kept as it has always been: what follows "none" and "discard" has no effect. */
	if (pol->action != POLICY_IPSEC)
		return 0;
	if (pol->nrules == IPSEC_TMPL_MAX)
		msg = "more rules than the kernel takes";
	else if (rule->mode != IPSEC_MODE_TRANSPORT && !rule->src.family)
		msg = "a tunnel needs the addresses of both ends";
	else if (rule->src.family != rule->dst.family)
		msg = "the ends of a rule are of different families";
	if (msg) {
		build_error(sc, line, msg, protocol_name(rule->proto));
		return -1;
	}
	sc->rules[pol->nrules++] = *rule;
	return 0;
}
