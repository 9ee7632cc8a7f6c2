/* SPDX-License-Identifier: MIT */
/* An IPv4 or IPv6 address without a port: the one address type of setkey, libpfkey and keyd. */
#ifndef PFKEY_ADDR_H
#define PFKEY_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Around what the library gives to others: names as C has them, which the shared library shows. */
#ifdef __cplusplus
#define IPSEC_API_BEGIN extern "C" { _Pragma("GCC visibility push(default)")
#define IPSEC_API_END _Pragma("GCC visibility pop") }
#else
#define IPSEC_API_BEGIN _Pragma("GCC visibility push(default)")
#define IPSEC_API_END _Pragma("GCC visibility pop")
#endif

IPSEC_API_BEGIN

/* family is AF_INET, AF_INET6 or AF_UNSPEC (0, "no address"); bytes are in network order, the unused ones are zero. */
struct ipsec_addr {
	uint16_t family;
	union {
		uint8_t b[16];
		struct in_addr v4;
		struct in6_addr v6;
	};
};

/* Longest text of an address and its final NUL: INET6_ADDRSTRLEN, and room for "/128" or "[65535]". */
#define IPSEC_ADDR_STRLEN 56

/* Bytes of an address of this family: 4, 16, or 0 for AF_UNSPEC. */
size_t ipsec_addr_size(uint16_t family);
/* Bits: 32, 128, or 0. */
uint8_t ipsec_addr_bits(uint16_t family);

/* Numeric text only, no resolver. Returns 0, or -EINVAL. */
int ipsec_addr_parse(struct ipsec_addr *a, const char *text);
/* Writes the numeric text ("any" for AF_UNSPEC) into buf[n] and returns buf. */
const char *ipsec_addr_format(const struct ipsec_addr *a, char *buf, size_t n);

/* From network bytes; len must be 4 or 16, else -EINVAL. */
int ipsec_addr_from_bytes(struct ipsec_addr *a, const void *p, size_t len);
/* From a sockaddr_in or sockaddr_in6 of len bytes; port (host order) may be NULL. -EINVAL when it is neither or too short. */
int ipsec_addr_from_sockaddr(struct ipsec_addr *a, uint16_t *port, const struct sockaddr *sa, socklen_t len);
/* port is in host order; returns the length used, 0 for AF_UNSPEC. */
socklen_t ipsec_addr_to_sockaddr(const struct ipsec_addr *a, uint16_t port, struct sockaddr_storage *ss);

bool ipsec_addr_equal(const struct ipsec_addr *a, const struct ipsec_addr *b);
/* Like memcmp over family, then bytes. */
int ipsec_addr_cmp(const struct ipsec_addr *a, const struct ipsec_addr *b);
/* AF_UNSPEC, 0.0.0.0 or :: */
bool ipsec_addr_is_any(const struct ipsec_addr *a);
/* Is a inside net/len? Different families: false. A len beyond the family's bits counts as all of them. */
bool ipsec_addr_in_prefix(const struct ipsec_addr *a, const struct ipsec_addr *net, uint8_t len);
/* First and last address of net/len. */
void ipsec_addr_prefix_range(const struct ipsec_addr *net, uint8_t len, struct ipsec_addr *first, struct ipsec_addr *last);

IPSEC_API_END

#endif
