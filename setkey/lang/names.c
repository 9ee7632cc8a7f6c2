// SPDX-License-Identifier: MIT
/* Upper-layer protocols, priorities and the kernel's algorithms by name. */
#include "setkey/lang/names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pfkey/alg.h"

#ifndef IPPROTO_MH
#define IPPROTO_MH 135
#endif

/* Of several names, the first is the one of /etc/protocols. */
static const struct { const char *name; uint8_t proto; } uppers[] = {
	{ "icmp", IPPROTO_ICMP },
	{ "igmp", IPPROTO_IGMP },
	{ "ipencap", IPPROTO_IPIP }, { "ip4", IPPROTO_IPIP }, { "ipv4", IPPROTO_IPIP }, { "ip-encap", IPPROTO_IPIP },
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "dccp", IPPROTO_DCCP },
	{ "ipv6", IPPROTO_IPV6 }, { "ip6", IPPROTO_IPV6 },
	{ "gre", IPPROTO_GRE },
	{ "esp", IPPROTO_ESP },
	{ "ah", IPPROTO_AH },
	{ "ipv6-icmp", IPPROTO_ICMPV6 }, { "icmp6", IPPROTO_ICMPV6 }, { "icmpv6", IPPROTO_ICMPV6 },
	{ "ospf", 89 }, { "ospfigp", 89 },
	{ "pim", IPPROTO_PIM },
	{ "ipcomp", IPPROTO_COMP },
	{ "vrrp", 112 },
	{ "l2tp", 115 },
	{ "sctp", IPPROTO_SCTP },
	{ "mobility-header", IPPROTO_MH }, { "mh", IPPROTO_MH }, { "ipv6-mh", IPPROTO_MH },
	{ "udplite", IPPROTO_UDPLITE },
};

#define UPPERS (sizeof(uppers) / sizeof(uppers[0]))

int upper_by_name(const char *name)
{
	const struct protoent *ent;

	for (size_t i = 0; i < UPPERS; i++)
		if (!strcasecmp(uppers[i].name, name))
			return uppers[i].proto;
	/* "ip" and "hopopt" are 0 there: any, as ever. */
	ent = getprotobyname(name);
	return ent && ent->p_proto >= 0 && ent->p_proto < UINT8_MAX ? ent->p_proto : -1;
}

const char *upper_known(uint8_t proto)
{
	for (size_t i = 0; i < UPPERS; i++)
		if (uppers[i].proto == proto)
			return uppers[i].name;
	return NULL;
}

const char *upper_name(uint8_t proto, char *buf, size_t n)
{
	const char *name = upper_known(proto);
	const struct protoent *ent = proto && !name ? getprotobynumber(proto) : NULL;

	if (name || ent)
		snprintf(buf, n, "%s", name ? name : ent->p_name);
	else
		snprintf(buf, n, "%u", proto ? proto : 255u);
	return buf;
}

bool upper_has_types(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 || proto == IPPROTO_MH;
}

bool kernel_alg_name(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789()-_,.";
	static const enum ipsec_alg_kind kinds[] = { IPSEC_ALG_ENC, IPSEC_ALG_AUTH, IPSEC_ALG_AEAD, IPSEC_ALG_COMP };
	const char *open = strchr(name, '(');

	if (strlen(name) >= IPSEC_ALG_NAME_MAX || name[strspn(name, chars)])
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (ipsec_alg_by_kernel(kinds[i], name, 0))
			return true;
	return open && open > name && strchr(open, ')');
}

const char *priority_text(uint32_t priority, char *buf, size_t n)
{
	uint32_t base = PRIORITY_LOW;
	const char *name = "low";

	if (priority < PRIORITY_DEF / 4 * 3) {
		base = PRIORITY_HIGH;
		name = "high";
	} else if (priority < PRIORITY_DEF / 4 * 5) {
		base = PRIORITY_DEF;
		name = "def";
	}
	if (priority < base)
		snprintf(buf, n, "%s + %u", name, base - priority);
	else if (priority > base)
		snprintf(buf, n, "%s - %u", name, priority - base);
	else
		snprintf(buf, n, "%s", name);
	return buf;
}
