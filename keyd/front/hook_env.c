// SPDX-License-Identifier: MIT
// What programs are told of a tunnel. All of it may come from a peer: addresses are parsed, and names have nothing in them that is not printed.
#include "keyd/front/hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

static void set(struct hook_env *e, const char *name, const char *value)
{
	char *both;

	if (e->n == HOOK_VALUES_MAX || asprintf(&both, "%s=%s", name, value) < 0)
		return;
	for (char *c = both; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
	e->value[e->n++] = both;
}

void hook_env_free(struct hook_env *e)
{
	while (e->n)
		free(e->value[--e->n]);
	*e = (struct hook_env){ .n = 0 };
}

/* "192.0.2.1", or "" where it is none. */
static void set_addr(struct hook_env *e, const char *name, const char *value)
{
	struct ipsec_addr a;

	set(e, name, ipsec_addr_parse(&a, value) ? "" : value);
}

static void set_number(struct hook_env *e, const char *name, long long n)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%lld", n);
	set(e, name, buf);
}

/* "10.0.0.0/8" as address and mask; false: it is none. */
static bool network(const char *value, char *addr, size_t n, char *mask, size_t nmask)
{
	const char *slash = strchr(value, '/');
	struct ipsec_addr a;
	unsigned long bits;

	snprintf(addr, n, "%.*s", (int)(slash ? slash - value : (int)strlen(value)), value);
	if (ipsec_addr_parse(&a, addr))
		return false;
	bits = slash ? strtoul(slash + 1, NULL, 10) : ipsec_addr_bits(a.family);
	if (a.family == AF_INET && bits <= 32) {
		struct ipsec_addr m = { .family = AF_INET, .v4.s_addr = htonl(bits ? ~0U << (32 - bits) : 0) };

		ipsec_addr_format(&m, mask, nmask);
	} else {
		snprintf(mask, nmask, "%lu", bits);
	}
	return true;
}

/* The first IPv4 address that the gateway has given us, or "". */
static const char *internal(const json_t *ike)
{
	const json_t *a;
	size_t i;

	if (strcmp(text(ike, "assigned_to"), "us") != 0)
		return "";
	json_array_foreach (json_object_get(ike, "assigned"), i, a)
		if (!strchr(json_string_value(a) ?: ":", ':'))
			return json_string_value(a);
	return "";
}

/* Name servers and domain as keyd has written them for this peer. */
static void set_resolv(struct hook_env *e, const char *run_dir, const char *peer)
{
	char path[512], line[512], list[512] = "", first[64] = "", domain[300] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/resolv/%s.conf", run_dir, peer);
	f = strchr(peer, '/') ? NULL : fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		struct ipsec_addr a;

		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "search ", 7))
			snprintf(domain, sizeof(domain), "%.290s", line + 7);
		if (strncmp(line, "nameserver ", 11) != 0 || ipsec_addr_parse(&a, line + 11) || a.family != AF_INET)
			continue;
		if (!*first)
			snprintf(first, sizeof(first), "%.60s", line + 11);
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%.60s", *list ? " " : "", line + 11);
	}
	if (f)
		fclose(f);
	set(e, "INTERNAL_DNS4", first);
	set(e, "INTERNAL_DNS4_LIST", list);
	set(e, "DEFAULT_DOMAIN", domain);
}

/* The networks behind the gateway, as its children have them. */
static void set_split(struct hook_env *e, const json_t *ike)
{
	char list[1024] = "", cidr[1024] = "", addr[64], mask[64];
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(ike, "children"), i, c) {
		const char *net = text(json_object_get(c, "selector"), "remote");

		if (!network(net, addr, sizeof(addr), mask, sizeof(mask)) || strchr(addr, ':'))
			continue;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s/%s", *list ? " " : "", addr, mask);
		snprintf(cidr + strlen(cidr), sizeof(cidr) - strlen(cidr), "%s%s", *cidr ? " " : "", net);
	}
	set(e, "SPLIT_INCLUDE", list);
	set(e, "SPLIT_INCLUDE_CIDR", cidr);
}

static void begin(struct hook_env *e)
{
	*e = (struct hook_env){ .n = 0 };
	set(e, "PATH", "/sbin:/usr/sbin:/bin:/usr/bin");
}

void hook_env_racoon(struct hook_env *e, const json_t *ike, const char *run_dir)
{
	begin(e);
	set_addr(e, "LOCAL_ADDR", text(ike, "local"));
	set_number(e, "LOCAL_PORT", json_integer_value(json_object_get(ike, "local_port")));
	set_addr(e, "REMOTE_ADDR", text(ike, "remote"));
	set_number(e, "REMOTE_PORT", json_integer_value(json_object_get(ike, "remote_port")));
	set(e, "REMOTE_ID", text(ike, "remote_id"));
	set_addr(e, "INTERNAL_ADDR4", internal(ike));
	set(e, "INTERNAL_NETMASK4", *internal(ike) ? "255.255.255.255" : "");
	set(e, "INTERNAL_CIDR4", *internal(ike) ? "32" : "");
	set(e, "INTERNAL_WINS4", "");
	set(e, "INTERNAL_WINS4_LIST", "");
	set_resolv(e, run_dir, text(ike, "peer"));
	set_split(e, ike);
	set(e, "PEER", text(ike, "peer"));
}

static void set_client(struct hook_env *e, const char *whose, const char *net)
{
	char name[64], addr[64], mask[64];
	bool ok = network(net, addr, sizeof(addr), mask, sizeof(mask));

	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT", whose);
	set(e, name, ok ? net : "");
	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT_NET", whose);
	set(e, name, ok ? addr : "");
	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT_MASK", whose);
	set(e, name, ok ? mask : "");
}

void hook_env_pluto(struct hook_env *e, const json_t *event, const json_t *ike)
{
	const json_t *sel = json_object_get(event, "selector");
	const char *local = text(sel, "local"), *end = text(event, "local");
	bool host = !strncmp(local, end, strlen(end)) && (!local[strlen(end)] || !strcmp(local + strlen(end), "/32") || !strcmp(local + strlen(end), "/128"));
	char verb[32];

	begin(e);
	snprintf(verb, sizeof(verb), "%s-%s%s", !strcmp(text(event, "event"), "child-up") ? "up" : "down", host ? "host" : "client", strchr(local, ':') ? "-v6" : "");
	set(e, "PLUTO_VERSION", "1.1");
	set(e, "PLUTO_VERB", verb);
	set(e, "PLUTO_CONNECTION", text(event, "peer"));
	set_addr(e, "PLUTO_ME", text(event, "local"));
	set(e, "PLUTO_MY_ID", text(ike, "local_id"));
	set_client(e, "MY", local);
	set_addr(e, "PLUTO_PEER", text(event, "remote"));
	set(e, "PLUTO_PEER_ID", text(ike, "remote_id"));
	set_client(e, "PEER", text(sel, "remote"));
	if (*internal(ike))
		set_addr(e, "PLUTO_MY_SOURCEIP", internal(ike));
}
