// SPDX-License-Identifier: MIT
// The addresses of this machine.
#include "keyd/import/import.h"

#include <ifaddrs.h>
#include <netinet/in.h>

unsigned import_own_addresses(struct ipsec_addr *own, unsigned most)
{
	struct ifaddrs *list;
	unsigned n = 0;

	if (getifaddrs(&list))
		return 0;
	for (const struct ifaddrs *i = list; i && n < most; i = i->ifa_next)
		if (i->ifa_addr && !ipsec_addr_from_sockaddr(&own[n], NULL, i->ifa_addr, sizeof(struct sockaddr_in6)))
			n++;
	freeifaddrs(list);
	return n;
}
