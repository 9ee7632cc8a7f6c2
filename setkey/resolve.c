// SPDX-License-Identifier: MIT
/* Host and service names, through the system's resolver. */
#include "setkey/resolve.h"

#include <netdb.h>
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
	port->set = true;
	return 0;
}

static bool families_meet(const struct endpoint *src, const struct endpoint *dst)
{
	for (unsigned int i = 0; i < src->naddrs; i++)
		for (unsigned int j = 0; j < dst->naddrs; j++)
			if (src->addrs[i].family == dst->addrs[j].family)
				return true;
	return false;
}

/* What could not be known before the names were. */
static int check_addresses(const struct statement *st, char *msg, size_t n, const char **token)
{
	bool single = st->policy || st->command == CMD_DELETE || st->command == CMD_GETSPI;

	if (!st->src.host)
		return 0;
	*token = st->src.naddrs > 1 ? st->src.host : st->dst.host;
	if (single && (st->src.naddrs > 1 || st->dst.naddrs > 1)) {
		snprintf(msg, n, "multiple address specified");
		return -1;
	}
	if (!families_meet(&st->src, &st->dst)) {
		snprintf(msg, n, "source and destination are of different families");
		return -1;
	}
	return 0;
}

int resolve_statement(struct script *sc, struct statement *st, char *msg, size_t n, const char **token)
{
	struct endpoint *ends[] = { &st->src, &st->dst, st->sa ? &st->sa->oa : NULL };
	uint8_t proto = st->policy ? st->policy->proto : 0;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct endpoint *ep = ends[i];

		if (!ep || !ep->host)
			continue;
		*token = ep->host;
		if (!ep->naddrs && resolve_host(sc, &st->names, ep, msg, n))
			return -1;
		*token = ep->port.service;
		if (ep->port.service && resolve_service(&ep->port, proto, msg, n))
			return -1;
	}
	return check_addresses(st, msg, n, token);
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
