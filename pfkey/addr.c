// SPDX-License-Identifier: MIT
/* Addresses: text, sockaddr and prefix arithmetic. */
#include "pfkey/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

size_t ipsec_addr_size(uint16_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

uint8_t ipsec_addr_bits(uint16_t family)
{
	return (uint8_t)(ipsec_addr_size(family) * 8);
}

int ipsec_addr_parse(struct ipsec_addr *a, const char *text)
{
	struct ipsec_addr t = { 0 };

	if (inet_pton(AF_INET, text, t.b) == 1)
		t.family = AF_INET;
	else if (inet_pton(AF_INET6, text, t.b) == 1)
		t.family = AF_INET6;
	else
		return -EINVAL;
	*a = t;
	return 0;
}

/* glibc's inet_ntop prints IPv4 through sprintf, which would be a third of what a dump of policies takes. */
static size_t format_v4(const uint8_t b[4], char text[INET_ADDRSTRLEN])
{
	char *p = text;

	for (unsigned int i = 0; i < 4; i++) {
		if (b[i] >= 100)
			*p++ = (char)('0' + b[i] / 100);
		if (b[i] >= 10)
			*p++ = (char)('0' + b[i] / 10 % 10);
		*p++ = (char)('0' + b[i] % 10);
		*p++ = i < 3 ? '.' : '\0';
	}
	return (size_t)(p - text);
}

const char *ipsec_addr_format(const struct ipsec_addr *a, char *buf, size_t n)
{
	char v4[INET_ADDRSTRLEN];

	if (!n)
		return buf;
	if (!ipsec_addr_size(a->family))
		snprintf(buf, n, "any");
	else if (a->family == AF_INET && format_v4(a->b, v4) <= n)
		strcpy(buf, v4);
	else if (!inet_ntop(a->family, a->b, buf, (socklen_t)n))
		buf[0] = '\0';
	return buf;
}

int ipsec_addr_from_bytes(struct ipsec_addr *a, const void *p, size_t len)
{
	if (len != 4 && len != 16)
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	a->family = len == 4 ? AF_INET : AF_INET6;
	memcpy(a->b, p, len);
	return 0;
}

int ipsec_addr_from_sockaddr(struct ipsec_addr *a, uint16_t *port, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	sa_family_t family;

	if (len < offsetof(struct sockaddr, sa_family) + sizeof(family))
		return -EINVAL;
	memcpy(&family, (const char *)sa + offsetof(struct sockaddr, sa_family), sizeof(family));
	if (family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		if (port)
			*port = ntohs(in.sin_port);
		return ipsec_addr_from_bytes(a, &in.sin_addr, 4);
	}
	if (family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		if (port)
			*port = ntohs(in6.sin6_port);
		return ipsec_addr_from_bytes(a, &in6.sin6_addr, 16);
	}
	return -EINVAL;
}

socklen_t ipsec_addr_to_sockaddr(const struct ipsec_addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = a->v4 };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = a->v6 };

	memset(ss, 0, sizeof(*ss));
	if (a->family == AF_INET) {
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == AF_INET6) {
		memcpy(ss, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

int ipsec_addr_cmp(const struct ipsec_addr *a, const struct ipsec_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, ipsec_addr_size(a->family));
}

bool ipsec_addr_equal(const struct ipsec_addr *a, const struct ipsec_addr *b)
{
	return !ipsec_addr_cmp(a, b);
}

bool ipsec_addr_is_any(const struct ipsec_addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->b, zero, ipsec_addr_size(a->family));
}

void ipsec_addr_prefix_range(const struct ipsec_addr *net, uint8_t len, struct ipsec_addr *first, struct ipsec_addr *last)
{
	struct ipsec_addr lo = *net, hi = *net;

	for (size_t i = 0; i < ipsec_addr_size(net->family); i++) {
		size_t bits = len > i * 8 ? len - i * 8 : 0;
		uint8_t host = bits >= 8 ? 0 : (uint8_t)(0xff >> bits);

		lo.b[i] &= (uint8_t)~host;
		hi.b[i] |= host;
	}
	*first = lo;
	*last = hi;
}

bool ipsec_addr_in_prefix(const struct ipsec_addr *a, const struct ipsec_addr *net, uint8_t len)
{
	struct ipsec_addr first, last;

	if (a->family != net->family)
		return false;
	ipsec_addr_prefix_range(net, len, &first, &last);
	return ipsec_addr_cmp(a, &first) >= 0 && ipsec_addr_cmp(a, &last) <= 0;
}
