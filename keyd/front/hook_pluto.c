// SPDX-License-Identifier: MIT
// What programs are told of a child, as the plutos (FreeS/WAN's, Libreswan's, strongSwan's) tell their updown.
#include "keyd/front/hook.h"

#include <stdio.h>
#include <string.h>

static void set_client(struct hook_env *e, const char *whose, const json_t *sel, const char *side)
{
	char name[64], addr[64], mask[64], port[24], cidr[80];
	const char *net = hook_text(sel, side);
	bool ok = hook_network(net, addr, sizeof(addr), mask, sizeof(mask));

	snprintf(cidr, sizeof(cidr), "%.60s%s", net, strchr(net, '/') ? "" : strchr(net, ':') ? "/128" : "/32");
	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT", whose);
	hook_set(e, name, ok ? cidr : "");
	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT_NET", whose);
	hook_set(e, name, ok ? addr : "");
	snprintf(name, sizeof(name), "PLUTO_%s_CLIENT_MASK", whose);
	hook_set(e, name, ok ? mask : "");
	snprintf(name, sizeof(name), "PLUTO_%s_PROTOCOL", whose);
	hook_set_number(e, name, json_integer_value(json_object_get(sel, "proto")));
	snprintf(name, sizeof(name), "PLUTO_%s_PORT", whose);
	snprintf(port, sizeof(port), "%s_port", side);
	hook_set_number(e, name, json_integer_value(json_object_get(sel, port)));
}

/* Addresses that one side was given by the other: all of them, and by family and number. */
static void set_assigned(struct hook_env *e, const json_t *ike)
{
	bool us = !strcmp(hook_text(ike, "assigned_to"), "us");
	const char *whose = us ? "MY" : "PEER";
	unsigned n[2] = { 0 };
	char name[64];
	const json_t *a;
	size_t i;

	json_array_foreach (json_object_get(ike, "assigned"), i, a) {
		const char *addr = json_string_value(a) ?: "";
		bool six = strchr(addr, ':');

		if (!i) {
			snprintf(name, sizeof(name), "PLUTO_%s_SOURCEIP", whose);
			hook_set_addr(e, name, addr);
		}
		snprintf(name, sizeof(name), "PLUTO_%s_SOURCEIP%c_%u", whose, six ? '6' : '4', ++n[six]);
		hook_set_addr(e, name, addr);
	}
}

static void set_dns(struct hook_env *e, const struct hook_pair *p)
{
	struct hook_resolv r;
	unsigned n[2] = { 0 };
	char name[64], *save = NULL;

	hook_resolv(&r, p->run_dir, hook_text(p->event, "peer"));
	if (!*r.list)
		return;
	hook_set(e, "PLUTO_PEER_DNS_INFO", r.list);
	hook_set(e, "PLUTO_PEER_DOMAIN_INFO", r.domain);
	for (char *one = strtok_r(r.list, " ", &save); one; one = strtok_r(NULL, " ", &save)) {
		bool six = strchr(one, ':');

		snprintf(name, sizeof(name), "PLUTO_DNS%c_%u", six ? '6' : '4', ++n[six]);
		hook_set_addr(e, name, one);
	}
}

static void set_way(struct hook_env *e, const struct hook_pair *p)
{
	char text[128];

	hook_interface(hook_text(p->event, "local"), text, sizeof(text));
	hook_set(e, "PLUTO_INTERFACE", text);
	hook_next_hop(hook_text(p->event, "remote"), text, sizeof(text));
	hook_set(e, "PLUTO_NEXT_HOP", text);
	hook_set(e, "PLUTO_CONN_ADDRFAMILY", strchr(hook_text(p->event, "local"), ':') ? "ipv6" : "ipv4");
	if (json_is_true(json_object_get(p->ike, "encap")))
		hook_set_number(e, "PLUTO_UDP_ENC", json_integer_value(json_object_get(p->ike, "remote_port")));
}

static void set_user(struct hook_env *e, const char *user)
{
	static const char *const names[] = { "PLUTO_USERNAME", "PLUTO_XAUTH_USERNAME", "PLUTO_XAUTH_ID" };

	for (unsigned i = 0; *user && i < sizeof(names) / sizeof(*names); i++)
		hook_set(e, names[i], user);
}

static void set_sa(struct hook_env *e, const struct hook_pair *p)
{
	const json_t *reqid = json_object_get(p->child, "reqid");

	hook_set(e, "PLUTO_STACK", "xfrm");
	hook_set(e, "PLUTO_PROTO", "esp");
	hook_set(e, "PLUTO_SA_TYPE", "ESP");
	if (reqid) {
		hook_set_number(e, "PLUTO_REQID", json_integer_value(reqid));
		hook_set_number(e, "PLUTO_SA_REQID", json_integer_value(reqid));
	}
	hook_set(e, "PLUTO_UNIQUEID", hook_text(p->event, "spi_i"));
	hook_set(e, "SPI_IN", hook_text(p->event, "spi_in"));
	hook_set(e, "SPI_OUT", hook_text(p->event, "spi_out"));
}

/* Is our side the end of the tunnel itself? */
static bool is_host(const char *net, const char *end)
{
	size_t n = strlen(end);

	return n && !strncmp(net, end, n) && (!net[n] || !strcmp(net + n, "/32") || !strcmp(net + n, "/128"));
}

void hook_env_pluto(struct hook_env *e, const struct hook_pair *p)
{
	const char *local = hook_text(p->selector, "local"), *end = hook_text(p->event, "local");
	char verb[48];

	hook_begin(e);
	snprintf(verb, sizeof(verb), "%s-%s%s", p->verb, is_host(local, end) ? "host" : "client", strchr(local, ':') ? "-v6" : "");
	hook_set(e, "PLUTO_VERSION", "1.1");
	hook_set(e, "PLUTO_VERB", verb);
	hook_set(e, "PLUTO_CONNECTION", hook_text(p->event, "peer"));
	set_way(e, p);
	hook_set_addr(e, "PLUTO_ME", end);
	hook_set(e, "PLUTO_MY_ID", hook_text(p->ike, "local_id"));
	set_client(e, "MY", p->selector, "local");
	hook_set_addr(e, "PLUTO_PEER", hook_text(p->event, "remote"));
	hook_set(e, "PLUTO_PEER_ID", hook_text(p->ike, "remote_id"));
	set_client(e, "PEER", p->selector, "remote");
	hook_set(e, "PLUTO_PEER_CA", "");
	set_sa(e, p);
	set_user(e, hook_text(p->ike, "user"));
	set_assigned(e, p->ike);
	set_dns(e, p);
}
