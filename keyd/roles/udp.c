// SPDX-License-Identifier: MIT
// Receives and sends IKE's datagrams with both their addresses.
#include "keyd/roles/udp.h"

#include "keyd/roles/sockets.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Datagrams read before others get their turn: those of IKE SAs, and first requests, which may be a flood. */
#define BURST 64
#define BURST_FIRST 16
#define DATAGRAM_MAX 65536
#define COMPLAIN_EVERY 5000000		/* µs between log lines about one socket */

struct socket {
	struct udp *u;
	int fd;
	struct message_socket where;
	struct loop_fd *watch;
	uint64_t complain_at;		/* when the next line may be written */
	uint32_t unsaid;
};

struct udp {
	struct loop *loop;
	udp_fn *fn;
	udp_unreachable_fn *unreachable;
	void *arg;
	struct socket *sockets[SOCKETS_MAX];
	unsigned int n;
	bool paused;
	uint8_t buf[DATAGRAM_MAX];
};

/* In front of IKE messages on a NAT port, where ESP has its SPI. */
static const uint8_t marker[4];

union control {
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct cmsghdr align;
};

struct udp *udp_new(struct loop *l, udp_fn *fn, udp_unreachable_fn *unreachable, void *arg)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (u)
		*u = (struct udp){ .loop = l, .fn = fn, .unreachable = unreachable, .arg = arg };
	return u;
}

void udp_clear(struct udp *u)
{
	while (u->n) {
		struct socket *s = u->sockets[--u->n];

		loop_fd_free(s->watch);
		close(s->fd);
		free(s);
	}
}

void udp_free(struct udp *u)
{
	if (u)
		udp_clear(u);
	free(u);
}

static void complain(struct socket *s, const char *what, const struct ipsec_addr *remote, int error)
{
	uint64_t now = loop_now();
	char text[IPSEC_ADDR_STRLEN];

	s->unsaid++;
	if (now < s->complain_at)
		return;
	log_warning("%s: role=ike remote=%s error=\"%s\" times=%u", what,
		    remote ? ipsec_addr_format(remote, text, sizeof(text)) : "?", strerror(error), s->unsaid);
	s->complain_at = now + COMPLAIN_EVERY;
	s->unsaid = 0;
}

/* The address that the datagram was sent to. */
static void local_of(struct msghdr *mh, struct ipsec_addr *local)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ipsec_addr_from_bytes(local, &info.ipi_addr, sizeof(info.ipi_addr));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			ipsec_addr_from_bytes(local, &info.ipi6_addr, sizeof(info.ipi6_addr));
		}
	}
}

/*
 * What came to a NAT port: true, and *data is the IKE message behind the marker. Keepalives and ESP go no further; both
 * are the kernel's affair, and come here only where it does not take them (RFC 3948 2.2, 2.3).
 */
static bool unmark(struct socket *s, const struct ipsec_addr *remote, struct view *data)
{
	if (data->n == 1)
		return false;
	if (data->n < sizeof(marker) || memcmp(data->p, marker, sizeof(marker))) {
		complain(s, "ESP in UDP was dropped, for the kernel does not take it", remote, EPROTONOSUPPORT);
		return false;
	}
	*data = (struct view){ data->p + sizeof(marker), data->n - sizeof(marker) };
	return true;
}

/* What a router or a host said of a datagram of ours (RFC 792, RFC 4443). Returns false when nothing more is there. */
static bool receive_error(struct socket *s)
{
	struct sockaddr_storage to;
	union {
		char bytes[512];
		struct cmsghdr align;
	} control;
	uint8_t start[64];
	struct iovec io = { start, sizeof(start) };
	struct msghdr mh = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &io, .msg_iovlen = 1,
			     .msg_control = &control, .msg_controllen = sizeof(control) };
	struct engine_unreachable un = { 0 };
	struct sock_extended_err err;

	if (recvmsg(s->fd, &mh, MSG_DONTWAIT | MSG_ERRQUEUE) < 0)
		return false;
	if (ipsec_addr_from_sockaddr(&un.remote, &un.remote_port, (struct sockaddr *)&to, mh.msg_namelen))
		return true;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
		bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);

		if (!ours || c->cmsg_len < CMSG_LEN(sizeof(err)))
			continue;
		memcpy(&err, CMSG_DATA(c), sizeof(err));
		un.type = err.ee_type;
		un.code = err.ee_code;
		if (err.ee_origin == SO_EE_ORIGIN_ICMP || err.ee_origin == SO_EE_ORIGIN_ICMP6)
			s->u->unreachable(s->u->arg, &un);
	}
	return true;
}

/* An error that waits makes the next call fail that has nothing to do with it. */
static bool drain_errors(struct socket *s)
{
	bool any = false;

	for (int i = 0; i < BURST && receive_error(s); i++)
		any = true;
	return any;
}

/* Returns false when nothing more is there. */
static bool receive(struct socket *s)
{
	struct sockaddr_storage from;
	union control control;
	struct iovec io = { s->u->buf, sizeof(s->u->buf) };
	struct msghdr mh = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &io, .msg_iovlen = 1,
			     .msg_control = &control, .msg_controllen = sizeof(control) };
	struct engine_datagram d = { .local = s->where.addr, .local_port = s->where.port };
	ssize_t n = recvmsg(s->fd, &mh, MSG_DONTWAIT);

	int error = n < 0 ? errno : 0;

	if (error == EINTR || (error && error != EAGAIN && drain_errors(s)))
		return true;
	if (error && error != EAGAIN)
		complain(s, "receiving failed", NULL, error);
	if (error)
		return false;
	if (ipsec_addr_from_sockaddr(&d.remote, &d.remote_port, (struct sockaddr *)&from, mh.msg_namelen) ||
	    !d.remote_port || (mh.msg_flags & MSG_TRUNC))
		return true;
	local_of(&mh, &d.local);
	d.data = (struct view){ s->u->buf, (size_t)n };
	if (!s->where.nat || unmark(s, &d.remote, &d.data))
		s->u->fn(s->u->arg, &d);
	return true;
}

static void on_ready(void *arg, unsigned int ready)
{
	struct socket *s = arg;
	int n = 0;

	(void)ready;
	while (n < (s->where.first ? BURST_FIRST : BURST) && receive(s))
		n++;
	if (!n)		/* so it was an error that woke us */
		drain_errors(s);
}

void udp_pause(struct udp *u, bool pause)
{
	u->paused = pause;
	for (unsigned int i = 0; i < u->n; i++)
		loop_fd_want(u->sockets[i]->watch, pause ? 0 : LOOP_READ);
}

int udp_add(struct udp *u, int fd, const struct message_socket *where)
{
	struct socket *s = u->n < SOCKETS_MAX ? calloc(1, sizeof(*s)) : NULL;

	if (s) {
		*s = (struct socket){ .u = u, .fd = fd, .where = *where };
		s->watch = loop_fd_new(u->loop, fd, u->paused ? 0 : LOOP_READ, on_ready, s);
	}
	if (s && s->watch) {
		u->sockets[u->n++] = s;
		return 0;
	}
	free(s);
	close(fd);
	return -1;
}

/* One bound to the address itself is better than a wildcard. */
static struct socket *choose(struct udp *u, const struct engine_datagram *d)
{
	struct socket *best = NULL;

	for (unsigned int i = 0; i < u->n; i++) {
		struct socket *s = u->sockets[i];

		if (s->where.addr.family != d->remote.family || (d->local_port && s->where.port != d->local_port))
			continue;
		if (ipsec_addr_equal(&s->where.addr, &d->local))
			return s;
		if (!best && (ipsec_addr_is_any(&s->where.addr) || ipsec_addr_is_any(&d->local)))
			best = s;
	}
	return best;
}

static void control_put(struct msghdr *mh, union control *control, int level, int type, const void *p, size_t n)
{
	struct cmsghdr *c;

	mh->msg_control = control;
	mh->msg_controllen = CMSG_SPACE(n);
	c = CMSG_FIRSTHDR(mh);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), p, n);
}

static void source_put(struct msghdr *mh, union control *control, const struct ipsec_addr *local)
{
	struct in_pktinfo v4 = { .ipi_spec_dst = local->v4 };
	struct in6_pktinfo v6 = { .ipi6_addr = local->v6 };

	if (ipsec_addr_is_any(local))
		return;
	if (local->family == AF_INET)
		control_put(mh, control, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
	else
		control_put(mh, control, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
}

void udp_send(struct udp *u, const struct engine_datagram *d)
{
	struct socket *s = choose(u, d);
	struct sockaddr_storage to;
	union control control = { 0 };
	struct iovec io[] = { { (void *)(uintptr_t)marker, sizeof(marker) }, { (void *)(uintptr_t)d->data.p, d->data.n } };
	struct msghdr mh = { .msg_name = &to, .msg_iov = &io[1], .msg_iovlen = 1 };
	char local[IPSEC_ADDR_STRLEN], remote[IPSEC_ADDR_STRLEN];
	int error;

	if (!s) {
		log_debug("no socket to send from: role=ike local=%s remote=%s",
			  ipsec_addr_format(&d->local, local, sizeof(local)),
			  ipsec_addr_format(&d->remote, remote, sizeof(remote)));
		return;
	}
	if (s->where.nat && d->data.n > 1) {	/* one byte is a keepalive */
		mh.msg_iov = io;
		mh.msg_iovlen = 2;
	}
	mh.msg_namelen = ipsec_addr_to_sockaddr(&d->remote, d->remote_port, &to);
	source_put(&mh, &control, &d->local);
	error = sendmsg(s->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
	if (error && drain_errors(s))
		error = sendmsg(s->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
	if (error)
		complain(s, "sending failed", &d->remote, error);
}
