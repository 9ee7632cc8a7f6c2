// SPDX-License-Identifier: MIT
/* Statements as they are read: their beginning and end, numbers, addresses and ports. */
#include "setkey/lang/build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The text may be anything, and the message goes to somebody's terminal. */
static void printable(char *out, size_t n, const char *token)
{
	size_t i;

	for (i = 0; i < n - 1 && token[i]; i++)
		out[i] = token[i] >= ' ' && token[i] <= '~' ? token[i] : '?';
	out[i] = '\0';
}

/* A key without its 0x or quotes: at least as long as the shortest, and no decimal number. */
static bool may_be_key(const char *token)
{
	size_t digits = strspn(token, "0123456789abcdefABCDEF");

	return !token[digits] && digits >= 16 && (digits > 20 || token[strspn(token, "0123456789")]);
}

void build_error(struct script *sc, unsigned int line, const char *msg, const char *token)
{
	char shown[64];

	if (sc->failed)
		return;
	sc->failed = true;
	sc->error_line = line;
	if (++sc->errors > SCRIPT_ERRORS_TOLD || !sc->on_error)
		return;
	if (token)
		printable(shown, sizeof(shown), may_be_key(token) ? "..." : token);
	sc->on_error(sc->arg, line, msg, token ? shown : NULL);
}

static int no_memory(struct script *sc)
{
	build_error(sc, sc->line, "out of memory", NULL);
	return -1;
}

static bool has_policy(enum command command)
{
	return command == CMD_SPDADD || command == CMD_SPDUPDATE || command == CMD_SPDDELETE;
}

static bool has_sa(enum command command)
{
	return command <= CMD_DELETE;
}

int build_begin(struct script *sc, enum command command, unsigned int line)
{
	struct statement *st = arena_alloc(&sc->arena, sizeof(*st));

	if (!st)
		return no_memory(sc);
	st->command = (uint8_t)command;
	st->line = line;
	st->src.prefix = st->dst.prefix = -1;
	if (has_sa(command)) {
		st->sa = arena_alloc(&sc->arena, sizeof(*st->sa));
		if (!st->sa)
			return no_memory(sc);
		st->sa->mode = IPSEC_MODE_ANY;
	}
	if (has_policy(command)) {
		st->policy = arena_alloc(&sc->arena, sizeof(*st->policy));
		if (!st->policy)
			return no_memory(sc);
		st->policy->priority = 0x80000000;
		sc->upper = &st->policy->upper;
	}
	sc->st = st;
	sc->end = &st->src;
	sc->dst = &st->dst;
	return 0;
}

struct more_spec *build_more(struct script *sc)
{
	struct statement *st = sc->st;

	if (st->more)
		return st->more;
	st->more = arena_alloc(&sc->arena, sizeof(*st->more));
	if (!st->more)
		no_memory(sc);
	else
		st->more->oa.prefix = -1;
	return st->more;
}

/* What the grammar cannot say: which parts a command cannot do without. NULL, or what is wrong. */
static const char *missing(const struct statement *st)
{
	const struct sa_spec *sa = st->sa;

	if (st->policy && st->command != CMD_SPDDELETE) {
		if (st->policy->action == POLICY_UNSAID)
			return "a policy needs discard, none or ipsec";
		if (st->policy->action == POLICY_IPSEC && !st->policy->nrules)
			return "ipsec without a rule would let everything pass in clear";
	}
	if (st->command != CMD_ADD && st->command != CMD_UPDATE)
		return NULL;
	if (st->proto == IPPROTO_ESP && !sa->enc.alg)
		return "esp needs an algorithm after -E";
	if (st->proto == IPPROTO_AH && (!sa->auth.alg || sa->enc.alg))
		return "ah needs an algorithm after -A, and none after -E";
	if (st->proto == IPPROTO_COMP && !sa->comp.alg)
		return "ipcomp needs an algorithm after -C";
	if (st->proto != IPPROTO_COMP && sa->comp.alg)
		return "-C is for ipcomp";
	if (sa->enc.alg && sa->enc.alg->kind == IPSEC_ALG_AEAD && sa->auth.alg)
		return "this algorithm carries its own integrity: no -A";
	if ((sa->flags & SPEC_OLD) && sa->replay)
		return "replay prevention cannot be used with ah-old and esp-old";
	return NULL;
}

/* Rules were collected aside, as their number was not known. */
static int keep_rules(struct script *sc)
{
	struct policy_spec *pol = sc->st->policy;

	if (!pol || !pol->nrules)
		return 0;
	pol->rules = arena_copy(&sc->arena, sc->rules, pol->nrules * sizeof(sc->rules[0]));
	return pol->rules ? 0 : no_memory(sc);
}

int build_end(struct script *sc)
{
	struct statement *st = sc->st;
	const char *msg = missing(st);

	if (!msg)
		msg = build_options_wrong(st);
	if (msg) {
		build_error(sc, sc->line, msg, ";");
		return -1;
	}
	if (keep_rules(sc))
		return -1;
	sc->st = NULL;
	sc->count++;
	if (sc->on_statement) {
		sc->on_statement(sc->arg, st);
		arena_clear(&sc->arena);
		return 0;
	}
	if (sc->last)
		sc->last->next = st;
	else
		sc->first = st;
	sc->last = st;
	return 0;
}

void build_abandon(struct script *sc)
{
	sc->failed = false;
	sc->st = NULL;
	if (sc->on_statement)
		arena_clear(&sc->arena);
}

int build_number(struct script *sc, unsigned int line, const char *digits, uint64_t *out)
{
	errno = 0;
	*out = strtoull(digits, NULL, 10);
	if (!errno)
		return 0;
	build_error(sc, line, "number too big", digits);
	return -1;
}

int build_hex_number(struct script *sc, unsigned int line, struct text digits, uint64_t *out)
{
	errno = 0;
	*out = strtoull(digits.p, NULL, 16);
	if (!errno)
		return 0;
	/* Not the digits: somebody may have written a key in the wrong place. */
	build_error(sc, line, "number too big", "0x...");
	return -1;
}

int build_range(struct script *sc, unsigned int line, const char *what, uint64_t v, uint64_t max)
{
	char msg[64], token[24];

	if (v <= max)
		return 0;
	snprintf(msg, sizeof(msg), "%s too big", what);
	snprintf(token, sizeof(token), "%" PRIu64, v);
	build_error(sc, line, msg, token);
	return -1;
}

int build_name_flags(struct script *sc, const char *flags)
{
	struct name_flags *names = &sc->st->names;

	for (; *flags; flags++) {
		if (*flags == 'n')
			names->numeric = true;
		else
			names->family = *flags == '4' ? AF_INET : AF_INET6;
	}
	return 0;
}

/* The scope in "fe80::1%eth0" is cut off: no SA and no policy of Linux has one, and PF_KEY ignored it, too. */
static int parse_numeric(struct ipsec_addr *addr, const char *host)
{
	const char *scope = strchr(host, '%');
	char plain[IPSEC_ADDR_STRLEN];

	if (!scope)
		return ipsec_addr_parse(addr, host);
	if ((size_t)(scope - host) >= sizeof(plain) || !scope[1])
		return -EINVAL;
	snprintf(plain, sizeof(plain), "%.*s", (int)(scope - host), host);
	if (ipsec_addr_parse(addr, plain))
		return -EINVAL;
	return addr->family == AF_INET6 ? 0 : -EINVAL;
}

int build_endpoint(struct script *sc, unsigned int line, struct endpoint *ep, struct text host)
{
	const struct name_flags *names = &sc->st->names;
	struct ipsec_addr addr;

	ep->host = host.p;
	if (parse_numeric(&addr, host.p))
		return 0;
	if (names->family && names->family != addr.family) {
		build_error(sc, line, "address of the other family than -4 or -6 says", host.p);
		return -1;
	}
	ep->addrs = arena_copy(&sc->arena, &addr, sizeof(addr));
	if (!ep->addrs)
		return no_memory(sc);
	ep->naddrs = 1;
	return 0;
}

int build_rule_addr(struct script *sc, unsigned int line, struct ipsec_addr *addr, struct text text)
{
	if (!parse_numeric(addr, text.p))
		return 0;
	build_error(sc, line, "invalid IP address", text.p);
	return -1;
}

int build_oa(struct script *sc, unsigned int line, struct text host)
{
	struct more_spec *more = build_more(sc);

	return more ? build_endpoint(sc, line, &more->oa, host) : -1;
}

int build_prefix(struct script *sc, unsigned int line, uint64_t bits)
{
	if (build_range(sc, line, "prefix length", bits, 128))
		return -1;
	sc->end->prefix = (int16_t)bits;
	return 0;
}

int build_port(struct script *sc, unsigned int line, uint64_t number)
{
	return build_port_mask(sc, line, number, number ? UINT16_MAX : 0);
}

int build_port_mask(struct script *sc, unsigned int line, uint64_t number, uint64_t mask)
{
	struct port *port = &sc->end->port;

	if (build_range(sc, line, "port", number, UINT16_MAX) || build_range(sc, line, "port mask", mask, UINT16_MAX))
		return -1;
	port->number = (uint16_t)number;
	port->mask = (uint16_t)mask;
	return 0;
}
