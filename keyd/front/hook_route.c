// SPDX-License-Identifier: MIT
// What programs are told of the way to a peer: our interface, and the next host.
#include "keyd/front/hook.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

void hook_interface(const char *addr, char *buf, size_t n)
{
	struct ipsec_addr wanted, a;
	struct ifaddrs *all;

	*buf = 0;
	if (ipsec_addr_parse(&wanted, addr) || getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		socklen_t len = i->ifa_addr && i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

		if (i->ifa_addr && !ipsec_addr_from_sockaddr(&a, NULL, i->ifa_addr, len) && ipsec_addr_equal(&a, &wanted)) {
			snprintf(buf, n, "%s", i->ifa_name);
			break;
		}
	}
	freeifaddrs(all);
}

/* IPv4's routes, as the kernel prints them; the longest that fits. IPv6: as if nobody were between. */
void hook_next_hop(const char *addr, char *buf, size_t n)
{
	unsigned int dest, gateway, mask, best = 0;
	struct ipsec_addr to, found = { .family = AF_INET };
	bool any = false;
	char line[256];
	FILE *f;

	snprintf(buf, n, "%s", ipsec_addr_parse(&to, addr) ? "" : addr);
	f = *buf && to.family == AF_INET ? fopen("/proc/net/route", "re") : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %x %x %*s %*s %*s %*s %x", &dest, &gateway, &mask) != 3 || (to.v4.s_addr & mask) != dest ||
		    (any && ntohl(mask) <= best))
			continue;
		any = true;
		best = ntohl(mask);
		found.v4.s_addr = gateway;
	}
	if (f)
		fclose(f);
	if (any && found.v4.s_addr)
		ipsec_addr_format(&found, buf, n);
}
