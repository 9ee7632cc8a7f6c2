// SPDX-License-Identifier: MIT
/* Host and service names, through the system's resolver. */
#include "setkey/resolve.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define ADDRS_MAX 64	/* of one name */

static bool known(const struct ipsec_addr *addrs, unsigned int n, const struct ipsec_addr *a)
{
	for (unsigned int i = 0; i < n; i++)
		if (ipsec_addr_equal(&addrs[i], a))
			return true;
	return false;
}

static int resolve_host(struct script *sc, const struct name_flags *names, struct endpoint *ep, char *msg, size_t n)
{
	struct addrinfo hints = {
		.ai_family = names->family,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = names->numeric ? AI_NUMERICHOST : 0,
	};
	struct ipsec_addr addrs[ADDRS_MAX];
	struct addrinfo *res = NULL;
	unsigned int count = 0;
	int err;

	err = getaddrinfo(ep->host, NULL, &hints, &res);
	if (err) {
		snprintf(msg, n, "%s", gai_strerror(err));
		return -1;
	}
	for (const struct addrinfo *ai = res; ai && count < ADDRS_MAX; ai = ai->ai_next)
		if (!ipsec_addr_from_sockaddr(&addrs[count], NULL, ai->ai_addr, ai->ai_addrlen) &&
		    !known(addrs, count, &addrs[count]))
			count++;
	freeaddrinfo(res);
	ep->addrs = arena_copy(&sc->arena, addrs, count * sizeof(addrs[0]));
	ep->naddrs = ep->addrs ? count : 0;
	if (!ep->naddrs)
		snprintf(msg, n, "no address");
	return ep->naddrs ? 0 : -1;
}

static int resolve_service(struct port *port, uint8_t proto, char *msg, size_t n)
{
	const struct servent *ent;

	ent = getservbyname(port->service, proto == IPPROTO_TCP ? "tcp" : "udp");
	if (!ent)
		ent = getservbyname(port->service, NULL);
	if (!ent) {
		snprintf(msg, n, "unknown service");
		return -1;
	}
	port->number = ntohs((uint16_t)ent->s_port);
	port->mask = UINT16_MAX;
	return 0;
}

/* A device by its name or, as scripts may be written for another machine, by its number. */
static int resolve_device(struct device *dev, char *msg, size_t n)
{
	unsigned long number;
	char *end;

	dev->index = if_nametoindex(dev->name);
	if (dev->index)
		return 0;
	errno = 0;
	number = strtoul(dev->name, &end, 10);
	if (dev->name[0] >= '0' && dev->name[0] <= '9' && !*end && !errno && number > 0 && number <= INT32_MAX) {
		dev->index = (uint32_t)number;
		return 0;
	}
	snprintf(msg, n, "no such network device");
	return -1;
}

/* IPv6's 128 bits are the parser's limit; what an address has is known only here. */
static bool prefix_fits(const struct endpoint *ep)
{
	for (unsigned int i = 0; i < ep->naddrs; i++)
		if (ep->prefix > ipsec_addr_bits(ep->addrs[i].family))
			return false;
	return true;
}

static int resolve_end(struct script *sc, const struct name_flags *names, struct endpoint *ep, uint8_t proto, char *msg,
		       size_t n, const char **token)
{
	if (!ep->host)
		return 0;
	*token = ep->host;
	if (!ep->naddrs && resolve_host(sc, names, ep, msg, n))
		return -1;
	if (!prefix_fits(ep)) {
		snprintf(msg, n, "prefix length %d too big", ep->prefix);
		return -1;
	}
	*token = ep->port.service;
	return ep->port.service ? resolve_service(&ep->port, proto, msg, n) : 0;
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
static int resolve_ends(struct script *sc, const struct name_flags *names, struct endpoint *src, struct endpoint *dst,
			uint8_t proto, bool single, char *msg, size_t n, const char **token)
{
	if (resolve_end(sc, names, src, proto, msg, n, token) || resolve_end(sc, names, dst, proto, msg, n, token))
		return -1;
	if (!src->host)
		return 0;
	*token = src->naddrs > 1 ? src->host : dst->host;
	if (single && (src->naddrs > 1 || dst->naddrs > 1)) {
		snprintf(msg, n, "multiple address specified");
		return -1;
	}
	if (!families_meet(src, dst)) {
		snprintf(msg, n, "source and destination are of different families");
		return -1;
	}
	return 0;
}

static int resolve_more(struct script *sc, struct statement *st, char *msg, size_t n, const char **token)
{
	struct more_spec *more = st->more;
	struct device *devices[] = { &more->dev, &more->offload_dev };

	if (resolve_end(sc, &st->names, &more->oa, 0, msg, n, token))
		return -1;
	if (more->sel && resolve_ends(sc, &st->names, &more->sel->src, &more->sel->dst, more->sel->upper.proto, true,
				      msg, n, token))
		return -1;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		*token = devices[i]->name;
		if (devices[i]->name && resolve_device(devices[i], msg, n))
			return -1;
	}
	return 0;
}

int resolve_statement(struct script *sc, struct statement *st, char *msg, size_t n, const char **token)
{
	uint8_t proto = st->policy ? st->policy->upper.proto : 0;
	bool single = st->policy || st->command == CMD_DELETE;

	if (resolve_ends(sc, &st->names, &st->src, &st->dst, proto, single, msg, n, token))
		return -1;
	return st->more ? resolve_more(sc, st, msg, n, token) : 0;
}

int resolve_script(struct script *sc)
{
	const char *token = NULL;
	char msg[120];
	int err = 0;

	for (struct statement *st = sc->first; st; st = st->next) {
		if (!resolve_statement(sc, st, msg, sizeof(msg), &token))
			continue;
		err = -1;
		sc->error_line = st->line;
		if (++sc->errors <= SCRIPT_ERRORS_TOLD && sc->on_error)
			sc->on_error(sc->arg, st->line, msg, token);
	}
	return err;
}
