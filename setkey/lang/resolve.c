// SPDX-License-Identifier: MIT
/* Names of hosts, services and devices, each asked for once in a script. */
#include "setkey/lang/resolve.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define ADDRS_MAX 64	/* of one name */

enum kind { HOST, SERVICE, DEVICE };

/* A question and its answer. */
struct answer {
	uint8_t kind;
	uint8_t proto;			/* of a service; 0: any */
	struct name_flags names;	/* of a host */
	const char *name;

	const char *error;		/* NULL: found */
	const struct ipsec_addr *addrs;
	unsigned int naddrs;
	uint32_t number;
};

struct resolver {
	struct script *sc;
	void *answers;			/* tree of struct answer in the script's arena */
	char *msg;			/* after an error: what is wrong, … */
	size_t n;
	const char *token;		/* … and with what */
};

static int fail(struct resolver *r, const char *token, const char *msg)
{
	snprintf(r->msg, r->n, "%s", msg);
	r->token = token;
	return -1;
}

static bool known(const struct ipsec_addr *addrs, unsigned int n, const struct ipsec_addr *a)
{
	for (unsigned int i = 0; i < n; i++)
		if (ipsec_addr_equal(&addrs[i], a))
			return true;
	return false;
}

static void ask_host(struct script *sc, struct answer *a)
{
	struct addrinfo hints = {
		.ai_family = a->names.family,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = a->names.numeric ? AI_NUMERICHOST : 0,
	};
	struct ipsec_addr addrs[ADDRS_MAX + 1];
	struct addrinfo *res = NULL;
	int err;

	err = getaddrinfo(a->name, NULL, &hints, &res);
	if (err) {
		a->error = gai_strerror(err);
		return;
	}
	for (const struct addrinfo *ai = res; ai && a->naddrs <= ADDRS_MAX; ai = ai->ai_next)
		if (!ipsec_addr_from_sockaddr(&addrs[a->naddrs], NULL, ai->ai_addr, ai->ai_addrlen) &&
		    !known(addrs, a->naddrs, &addrs[a->naddrs]))
			a->naddrs++;
	freeaddrinfo(res);
	a->addrs = arena_copy(&sc->arena, addrs, a->naddrs * sizeof(addrs[0]));
	if (!a->naddrs)
		a->error = "no address";
	else if (a->naddrs > ADDRS_MAX)
		a->error = "too many addresses";
	else if (!a->addrs)
		a->error = "out of memory";
}

static void ask_service(struct answer *a)
{
	const struct servent *ent;

	ent = getservbyname(a->name, a->proto == IPPROTO_TCP ? "tcp" : "udp");
	if (!ent)
		ent = getservbyname(a->name, NULL);
	if (ent)
		a->number = ntohs((uint16_t)ent->s_port);
	else
		a->error = "unknown service";
}

/* A device by its name or, as scripts may be written for another machine, by its number. */
static void ask_device(struct answer *a)
{
	unsigned long number;
	char *end;

	a->number = if_nametoindex(a->name);
	if (a->number)
		return;
	errno = 0;
	number = strtoul(a->name, &end, 10);
	if (a->name[0] >= '0' && a->name[0] <= '9' && !*end && !errno && number > 0 && number <= INT32_MAX)
		a->number = (uint32_t)number;
	else
		a->error = "no such network device";
}

static int order(const void *l, const void *r)
{
	const struct answer *a = l, *b = r;
	int d = strcmp(a->name, b->name);

	if (!d)
		d = a->kind - b->kind;
	if (!d)
		d = a->proto - b->proto;
	if (!d)
		d = a->names.family - b->names.family;
	return d ? d : a->names.numeric - b->names.numeric;
}

/* NULL without memory. */
static struct answer *ask_system(struct resolver *r, const struct answer *question)
{
	struct answer *a = arena_copy(&r->sc->arena, question, sizeof(*question));

	if (!a || !tsearch(a, &r->answers, order))
		return NULL;
	switch (a->kind) {
	case HOST:
		ask_host(r->sc, a);
		break;
	case SERVICE:
		ask_service(a);
		break;
	default:
		ask_device(a);
		break;
	}
	return a;
}

/* NULL after an error. */
static const struct answer *ask(struct resolver *r, const struct answer *question)
{
	void *node = tfind(question, &r->answers, order);
	const struct answer *a = node ? *(struct answer **)node : ask_system(r, question);

	if (a && !a->error)
		return a;
	fail(r, question->name, a ? a->error : "out of memory");
	return NULL;
}

static int resolve_device(struct resolver *r, struct device *dev)
{
	const struct answer *a;

	if (!dev->name)
		return 0;
	a = ask(r, &(struct answer){ .kind = DEVICE, .name = dev->name });
	if (a)
		dev->index = a->number;
	return a ? 0 : -1;
}

static int resolve_port(struct resolver *r, struct port *port, uint8_t proto)
{
	const struct answer *a;

	if (!port->service)
		return 0;
	a = ask(r, &(struct answer){ .kind = SERVICE, .proto = proto, .name = port->service });
	if (!a)
		return -1;
	port->number = (uint16_t)a->number;
	port->mask = UINT16_MAX;
	return 0;
}

/* IPv6's 128 bits are the parser's limit; what an address has is known only here. */
static int check_prefix(struct resolver *r, const struct endpoint *ep)
{
	char msg[40];

	for (unsigned int i = 0; i < ep->naddrs; i++) {
		if (ep->prefix <= ipsec_addr_bits(ep->addrs[i].family))
			continue;
		snprintf(msg, sizeof(msg), "prefix length %d too big", ep->prefix);
		return fail(r, ep->host, msg);
	}
	return 0;
}

static int resolve_end(struct resolver *r, const struct name_flags *names, struct endpoint *ep, uint8_t proto)
{
	const struct answer *a;

	if (!ep->host)
		return 0;
	if (!ep->naddrs) {
		a = ask(r, &(struct answer){ .kind = HOST, .names = *names, .name = ep->host });
		if (!a)
			return -1;
		ep->addrs = a->addrs;
		ep->naddrs = a->naddrs;
	}
	return check_prefix(r, ep) ? -1 : resolve_port(r, &ep->port, proto);
}

static bool families_meet(const struct endpoint *src, const struct endpoint *dst)
{
	for (unsigned int i = 0; i < src->naddrs; i++)
		for (unsigned int j = 0; j < dst->naddrs; j++)
			if (src->addrs[i].family == dst->addrs[j].family)
				return true;
	return false;
}

/* Both ends of an SA or a selector, and what could not be checked before the names were known. */
static int resolve_ends(struct resolver *r, const struct name_flags *names, struct endpoint *src, struct endpoint *dst,
			uint8_t proto, bool single)
{
	if (resolve_end(r, names, src, proto) || resolve_end(r, names, dst, proto))
		return -1;
	if (!src->host)
		return 0;
	if (single && (src->naddrs > 1 || dst->naddrs > 1))
		return fail(r, src->naddrs > 1 ? src->host : dst->host, "multiple address specified");
	if (!families_meet(src, dst))
		return fail(r, dst->host, "source and destination are of different families");
	return 0;
}

static int resolve_more(struct resolver *r, const struct name_flags *names, struct more_spec *more)
{
	struct selector_spec *sel = more->sel;

	if (resolve_end(r, names, &more->oa, 0))
		return -1;
	if (sel && resolve_ends(r, names, &sel->src, &sel->dst, sel->upper.proto, true))
		return -1;
	return resolve_device(r, &more->dev) ? -1 : resolve_device(r, &more->offload_dev);
}

static int resolve(struct resolver *r, struct statement *st)
{
	uint8_t proto = st->policy ? st->policy->upper.proto : 0;
	bool single = st->policy || st->command == CMD_DELETE;

	if (resolve_ends(r, &st->names, &st->src, &st->dst, proto, single))
		return -1;
	return st->more ? resolve_more(r, &st->names, st->more) : 0;
}

static void keep(void *answer)
{
	(void)answer;	/* it is the arena's */
}

int resolve_statement(struct script *sc, struct statement *st, char *msg, size_t n, const char **token)
{
	struct resolver r = { .sc = sc, .msg = msg, .n = n };
	int err = resolve(&r, st);

	tdestroy(r.answers, keep);
	*token = r.token;
	return err;
}

int resolve_script(struct script *sc)
{
	char msg[120];
	struct resolver r = { .sc = sc, .msg = msg, .n = sizeof(msg) };
	int err = 0;

	for (struct statement *st = sc->first; st; st = st->next) {
		if (!resolve(&r, st))
			continue;
		err = -1;
		sc->error_line = st->line;
		if (++sc->errors <= SCRIPT_ERRORS_TOLD && sc->on_error)
			sc->on_error(sc->arg, st->line, msg, r.token);
	}
	tdestroy(r.answers, keep);
	return err;
}
