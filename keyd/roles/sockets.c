// SPDX-License-Identifier: MIT
// Binds IKE's UDP ports.
#include "keyd/roles/sockets.h"

#include "keyd/roles/steer.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (4 << 20)	/* bytes: a burst of peers after an outage */

/* IKE's own datagrams pass whatever the policies say, in both directions: without them no SA would ever come. */
static int bypass_policies(int fd, uint16_t family)
{
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int option = family == AF_INET6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY;
	struct xfrm_userpolicy_info pol = {
		.sel.family = family,
		.action = XFRM_POLICY_ALLOW,
		.lft = { .soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF, .soft_packet_limit = XFRM_INF,
			 .hard_packet_limit = XFRM_INF },
	};

	for (pol.dir = XFRM_POLICY_IN; pol.dir <= XFRM_POLICY_OUT; pol.dir++)
		if (setsockopt(fd, level, option, &pol, sizeof(pol)))
			return -errno;
	return 0;
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* The kernel takes ESP out of what arrives here, and eats keepalives (RFC 3948). */
static void take_esp(int fd, uint16_t family)
{
	static bool told;
	int r = set(fd, SOL_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP);

	if (!r || told)
		return;
	told = true;
	log_warning("the kernel takes no ESP in %s UDP, so peers behind a NAT get no traffic through: error=\"%s\"",
		    family == AF_INET6 ? "IPv6" : "IPv4", strerror(-r));
}

static int prepare(int fd, uint16_t family, bool nat)
{
	static bool told;
	int r;

	if (nat)
		take_esp(fd, family);
	if (family == AF_INET6) {
		r = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		r = r ? r : set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	} else {
		r = set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	/* ICMP errors say why a peer does not answer. */
	if (!r && family == AF_INET6)
		r = set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	else if (!r)
		r = set(fd, IPPROTO_IP, IP_RECVERR, 1);
	if (r)
		return r;
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
		set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	/* ENOPROTOOPT: no XFRM in this kernel, and then no policies either; the kern role says so. */
	r = bypass_policies(fd, family);
	if (r && r != -ENOPROTOOPT && r != -EOPNOTSUPP && !told) {
		told = true;
		log_warning("IKE's own packets cannot be kept out of the policies: error=\"%s\"", strerror(-r));
	}
	return 0;
}

static int bind_one(const struct message_socket *w)
{
	int fd = socket(w->addr.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	struct sockaddr_storage ss;
	socklen_t n = ipsec_addr_to_sockaddr(&w->addr, w->port, &ss);
	int r;

	if (fd < 0)
		return -errno;
	r = prepare(fd, w->addr.family, w->nat);
	if (!r && !w->first)
		r = steer_share(fd);
	if (!r && bind(fd, (struct sockaddr *)&ss, n))
		r = -errno;
	if (!r && w->first)
		steer_share(fd);	/* where that fails, this one has all to itself */
	else if (!r)
		r = steer_sort(fd, w->nat);
	if (!r)
		return fd;
	close(fd);
	return r;
}

static void explain(int error, const struct message_socket *w, char *why, size_t n)
{
	char addr[IPSEC_ADDR_STRLEN];

	ipsec_addr_format(&w->addr, addr, sizeof(addr));
	if (error == -EADDRINUSE)
		snprintf(why, n, "port %u on %s is taken by another IKE daemon", w->port, addr);
	else if (error == -EADDRNOTAVAIL)
		snprintf(why, n, "listen address %s is not an address of this machine", addr);
	else if (error == -EACCES || error == -EPERM)
		snprintf(why, n, "keyd has no right to bind port %u on %s", w->port, addr);
	else
		snprintf(why, n, "port %u on %s cannot be bound: %s", w->port, addr, strerror(-error));
}

/* The socket in old for that address, or -1. */
static int reuse(const struct sockets *old, const struct message_socket *w)
{
	for (unsigned int i = 0; old && i < old->n; i++)
		if (ipsec_addr_equal(&old->s[i].where.addr, &w->addr) && old->s[i].where.port == w->port &&
		    old->s[i].where.nat == w->nat && old->s[i].where.first == w->first)
			return old->s[i].fd;
	return -1;
}

static bool owns(const struct sockets *s, int fd)
{
	for (unsigned int i = 0; s && i < s->n; i++)
		if (s->s[i].fd == fd)
			return true;
	return false;
}

/* A machine without IPv6 (or IPv4) is no mistake when nobody named an address of it. */
static bool family_missing(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL || error == -EPROTONOSUPPORT;
}

static unsigned int wanted(const struct conf *c, struct message_socket *w)
{
	static const struct ipsec_addr any[] = { { .family = AF_INET }, { .family = AF_INET6 } };
	const struct ipsec_addr *addr = c->nlisten ? c->listen : any;
	unsigned int n = c->nlisten ? c->nlisten : 2, count = 0;

	for (unsigned int i = 0; i < n && i < CONF_LISTEN_MAX; i++) {
		for (unsigned int first = 2; first-- > 0;) {
			w[count++] = (struct message_socket){ addr[i], c->port, false, first };
			if (c->nat_port)
				w[count++] = (struct message_socket){ addr[i], c->nat_port, true, first };
		}
	}
	return count;
}

static void close_new(struct sockets *s, const struct sockets *old)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (!owns(old, s->s[i].fd))
			close(s->s[i].fd);
	s->n = 0;
}

int sockets_open(struct sockets *s, struct sockets *old, const struct conf *c, char *why, size_t n)
{
	struct message_socket w[SOCKETS_MAX];
	unsigned int count = wanted(c, w);
	int fd = -1;

	s->n = 0;
	for (unsigned int i = 0; i < count; i++) {
		fd = reuse(old, &w[i]);
		if (fd < 0)
			fd = bind_one(&w[i]);
		if (fd < 0 && ((!c->nlisten && family_missing(fd)) || !w[i].first))
			continue;	/* that of first requests does it all where the kernel cannot sort */
		if (fd < 0) {
			explain(fd, &w[i], why, n);
			close_new(s, old);
			return fd;
		}
		s->s[s->n].fd = fd;
		s->s[s->n++].where = w[i];
	}
	if (!s->n) {
		snprintf(why, n, "this machine has neither IPv4 nor IPv6");
		return -EAFNOSUPPORT;
	}
	if (old)
		close_new(old, s);
	return 0;
}

void sockets_close(struct sockets *s)
{
	close_new(s, NULL);
}

const char *sockets_format(const struct sockets *s, char *buf, size_t n)
{
	char addr[IPSEC_ADDR_STRLEN];
	size_t len = 0;

	*buf = 0;
	for (unsigned int i = 0; i < s->n && len < n; i++) {
		bool v6 = s->s[i].where.addr.family == AF_INET6;

		if (!s->s[i].where.first)
			continue;
		ipsec_addr_format(&s->s[i].where.addr, addr, sizeof(addr));
		len += (size_t)snprintf(buf + len, n - len, "%s%s%s%s:%u", len ? "," : "", v6 ? "[" : "", addr,
					v6 ? "]" : "", s->s[i].where.port);
	}
	return buf;
}
