// SPDX-License-Identifier: MIT
// What programs are told of a tunnel. It may come from a peer: addresses are parsed, names hold only what is printed.
#include "keyd/front/hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hook_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

void hook_set(struct hook_env *e, const char *name, const char *value)
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

void hook_set_addr(struct hook_env *e, const char *name, const char *value)
{
	struct ipsec_addr a;

	hook_set(e, name, ipsec_addr_parse(&a, value) ? "" : value);
}

void hook_set_number(struct hook_env *e, const char *name, long long n)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%lld", n);
	hook_set(e, name, buf);
}

bool hook_network(const char *value, char *addr, size_t n, char *mask, size_t nmask)
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

	if (strcmp(hook_text(ike, "assigned_to"), "us") != 0)
		return "";
	json_array_foreach (json_object_get(ike, "assigned"), i, a)
		if (!strchr(json_string_value(a) ?: ":", ':'))
			return json_string_value(a);
	return "";
}

void hook_resolv(struct hook_resolv *r, const char *run_dir, const char *peer)
{
	char path[512], line[512];
	FILE *f;

	*r = (struct hook_resolv){ .list = "" };
	snprintf(path, sizeof(path), "%s/resolv/%s.conf", run_dir, peer);
	f = strchr(peer, '/') ? NULL : fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		struct ipsec_addr a;

		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "search ", 7))
			snprintf(r->domain, sizeof(r->domain), "%.290s", line + 7);
		if (strncmp(line, "nameserver ", 11) != 0 || ipsec_addr_parse(&a, line + 11))
			continue;
		if (!*r->first && a.family == AF_INET)
			snprintf(r->first, sizeof(r->first), "%.60s", line + 11);
		snprintf(r->list + strlen(r->list), sizeof(r->list) - strlen(r->list), "%s%.60s", *r->list ? " " : "", line + 11);
	}
	if (f)
		fclose(f);
}

static void set_resolv(struct hook_env *e, const char *run_dir, const char *peer)
{
	char list[512] = "", *save = NULL;
	struct hook_resolv r;

	hook_resolv(&r, run_dir, peer);
	for (char *one = strtok_r(r.list, " ", &save); one; one = strtok_r(NULL, " ", &save))
		if (!strchr(one, ':'))
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%.60s", *list ? " " : "", one);
	hook_set(e, "INTERNAL_DNS4", r.first);
	hook_set(e, "INTERNAL_DNS4_LIST", list);
	hook_set(e, "DEFAULT_DOMAIN", r.domain);
}

/* One network more of each list. */
static void add_split(char *list, char *cidr, size_t n, const char *net)
{
	char addr[64], mask[64];

	if (!hook_network(net, addr, sizeof(addr), mask, sizeof(mask)) || strchr(addr, ':'))
		return;
	snprintf(list + strlen(list), n - strlen(list), "%s%s/%s", *list ? " " : "", addr, mask);
	snprintf(cidr + strlen(cidr), n - strlen(cidr), "%s%s%s", *cidr ? " " : "", net, strchr(net, '/') ? "" : "/32");
}

/* The networks behind the gateway, as its children have them. */
static void set_split(struct hook_env *e, const json_t *ike)
{
	char list[2048] = "", cidr[2048] = "";
	const json_t *c, *sel;
	size_t i, k;

	json_array_foreach (json_object_get(ike, "children"), i, c)
		json_array_foreach (json_object_get(c, "selectors"), k, sel)
			if (!json_is_true(json_object_get(c, "old")))
				add_split(list, cidr, sizeof(list), hook_text(sel, "remote"));
	hook_set(e, "SPLIT_INCLUDE", list);
	hook_set(e, "SPLIT_INCLUDE_CIDR", cidr);
	hook_set(e, "SPLIT_LOCAL", "");		/* UNITY_LOCAL_LAN, which no gateway tells keyd */
	hook_set(e, "SPLIT_LOCAL_CIDR", "");
}

void hook_begin(struct hook_env *e)
{
	*e = (struct hook_env){ .n = 0 };
	hook_set(e, "PATH", "/sbin:/usr/sbin:/bin:/usr/bin");
}

void hook_env_racoon(struct hook_env *e, const json_t *ike, const char *run_dir)
{
	hook_begin(e);
	hook_set_addr(e, "LOCAL_ADDR", hook_text(ike, "local"));
	hook_set_number(e, "LOCAL_PORT", json_integer_value(json_object_get(ike, "local_port")));
	hook_set_addr(e, "REMOTE_ADDR", hook_text(ike, "remote"));
	hook_set_number(e, "REMOTE_PORT", json_integer_value(json_object_get(ike, "remote_port")));
	hook_set(e, "REMOTE_ID", hook_text(ike, "remote_id"));
	hook_set_addr(e, "INTERNAL_ADDR4", internal(ike));
	hook_set(e, "INTERNAL_NETMASK4", *internal(ike) ? "255.255.255.255" : "");
	hook_set(e, "INTERNAL_CIDR4", *internal(ike) ? "32" : "");
	hook_set(e, "INTERNAL_WINS4", "");
	hook_set(e, "INTERNAL_WINS4_LIST", "");
	set_resolv(e, run_dir, hook_text(ike, "peer"));
	set_split(e, ike);
	hook_set(e, "PEER", hook_text(ike, "peer"));
}
