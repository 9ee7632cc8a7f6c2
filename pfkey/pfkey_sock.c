// SPDX-License-Identifier: MIT
/* PF_KEY sockets: asking and waiting, dumps that are whole, broadcasts, lost messages. */
#include "pfkey/pfkey_sock.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define ASK_BUF (1 << 20)		/* what others say while we wait for our answer, some 800 messages */
#define EVENT_BUF (4 << 20)
#define ANSWER_TIMEOUT_MS 10000
#define DRAIN_MAX 65536			/* messages; more than any receive buffer of ours holds */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void set_receive_buffer(struct pfkey_sock *s, int size)
{
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int pfkey_sock_adopt(struct pfkey_sock *s, int fd)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->buf = malloc(PFKEY_SOCK_BUF);
	if (!s->buf) {
		pfkey_sock_close(s);
		return -ENOMEM;
	}
	/* Two doors of one process tell their answers apart by where they began to count. */
	if (getrandom(&s->seq, sizeof(s->seq), 0) != sizeof(s->seq))
		s->seq = 0;
	set_receive_buffer(s, ASK_BUF);
	pfkey_sock_set_timeout(s, ANSWER_TIMEOUT_MS);
	return 0;
}

void pfkey_sock_set_timeout(struct pfkey_sock *s, int ms)
{
	const struct timeval timeout = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	s->timeout_ms = ms;
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

int pfkey_sock_open(struct pfkey_sock *s)
{
	s->buf = NULL;
	s->fd = socket(PF_KEY, SOCK_RAW | SOCK_CLOEXEC, PF_KEY_V2);
	return s->fd < 0 ? -errno : pfkey_sock_adopt(s, s->fd);
}

/* Messages hold keys, those of other processes as well. */
static void cleanse(struct pfkey_sock *s)
{
	explicit_bzero(s->buf, s->n);
	s->n = 0;
}

void pfkey_sock_close(struct pfkey_sock *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->buf)
		cleanse(s);
	free(s->buf);
	s->buf = NULL;
}

/* One message, replacing the last one. Its length, or -errno (-EAGAIN: none, or none in time); -EBADMSG: none that can be. */
static int receive(struct pfkey_sock *s, int flags)
{
	ssize_t n;

	cleanse(s);
	do {
		n = recv(s->fd, s->buf, PFKEY_SOCK_BUF, flags | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	s->n = n < PFKEY_SOCK_BUF ? (size_t)n : PFKEY_SOCK_BUF;
	return n > PFKEY_SOCK_BUF || n < (ssize_t)sizeof(struct sadb_msg) ? -EBADMSG : (int)n;
}

/* What others have done since the last request, lest it takes the place of our answer. */
static void drain(struct pfkey_sock *s)
{
	for (unsigned int i = 0; i < DRAIN_MAX; i++) {
		int n = receive(s, MSG_DONTWAIT);

		if (n < 0 && n != -EBADMSG)
			break;
	}
}

/* ---- requests ---- */

/* These numbers mean something to the kernel: the ACQUIRE that is answered. */
static bool has_own_seq(uint8_t type)
{
	return type == SADB_GETSPI || type == SADB_ADD || type == SADB_UPDATE || type == SADB_ACQUIRE;
}

static int transmit(struct pfkey_sock *s, struct pfkey_msg *m)
{
	ssize_t n;

	if (!has_own_seq(m->head.sadb_msg_type))
		m->head.sadb_msg_seq = ++s->seq ? s->seq : ++s->seq;
	m->head.sadb_msg_pid = (uint32_t)getpid();
	drain(s);
	do {
		n = send(s->fd, m->bytes, pfkey_msg_size(m), 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static const struct sadb_msg *message(const struct pfkey_sock *s)
{
	return (const struct sadb_msg *)s->buf;
}

/* Two doors of one process may both say SADB_ADD for no ACQUIRE: the SPI tells which answer is whose. */
static bool same_spi(const struct pfkey_msg *m, const struct pfkey_exts *t)
{
	const struct sadb_sa *got = t->e[SADB_EXT_SA], *want;
	struct pfkey_exts asked;

	if (pfkey_exts_get(&asked, &m->head, pfkey_msg_size(m)))
		return false;
	want = asked.e[SADB_EXT_SA];
	return !want || !got || want->sadb_sa_spi == got->sadb_sa_spi;
}

static bool is_answer(const struct pfkey_sock *s, const struct pfkey_msg *m)
{
	const struct sadb_msg *got = message(s);

	return got->sadb_msg_type == m->head.sadb_msg_type && got->sadb_msg_seq == m->head.sadb_msg_seq &&
	       got->sadb_msg_pid == m->head.sadb_msg_pid;
}

/* Of a flush the kernel says that it is done, and then may say that it is not. */
static int later_error(struct pfkey_sock *s, const struct pfkey_msg *m)
{
	int n = 0;

	if (m->head.sadb_msg_type != SADB_FLUSH && m->head.sadb_msg_type != SADB_X_SPDFLUSH)
		return 0;
	for (unsigned int i = 0; i < DRAIN_MAX && (n >= 0 || n == -EBADMSG); i++) {
		n = receive(s, MSG_DONTWAIT);
		if (n > 0 && is_answer(s, m) && message(s)->sadb_msg_errno)
			return -message(s)->sadb_msg_errno;
	}
	return 0;
}

int pfkey_sock_request(struct pfkey_sock *s, struct pfkey_msg *m, pfkey_answer_fn *fn, void *arg)
{
	int err = transmit(s, m);
	struct pfkey_exts t;
	long end = 0;

	while (!err) {
		int n = receive(s, 0);

		if (n < 0 && n != -EBADMSG)
			return n == -EAGAIN ? -ENOBUFS : n;
		if (n > 0 && is_answer(s, m)) {
			if (message(s)->sadb_msg_errno)
				return -message(s)->sadb_msg_errno;
			if (pfkey_exts_get(&t, message(s), s->n))
				return -EBADMSG;
			if (same_spi(m, &t)) {
				err = fn ? fn(message(s), &t, arg) : 0;
				cleanse(s);
				return err ? err : later_error(s, m);
			}
		}
		/* Not ours. Others may go on for ever. */
		if (!end)
			end = now_ms() + s->timeout_ms;
		else if (now_ms() > end)
			err = -ENOBUFS;
	}
	return err;
}

/* ---- dumps ---- */

struct dump {
	pfkey_answer_fn *fn;
	void *arg;
	uint32_t count;			/* of the last entry */
	int result;
	bool finished;
};

/*
 * When the kernel meets an entry that it has no words for, it ends the dump, and the last entry has the error, as a negative
 * number. An empty database is an error of its own.
 */
static int dump_error(const struct sadb_msg *msg)
{
	int err = msg->sadb_msg_errno;

	if (msg->sadb_msg_len <= sizeof(*msg) / sizeof(uint64_t))
		return err == ENOENT ? 0 : -err;
	return err > INT8_MAX ? err - (UINT8_MAX + 1) : -err;
}

static void take_entry(struct dump *d, const struct sadb_msg *msg, size_t n)
{
	struct pfkey_exts t;

	if (msg->sadb_msg_errno && n == sizeof(*msg)) {
		d->finished = true;
		if (!d->result)
			d->result = dump_error(msg);
		return;
	}
	d->finished = !msg->sadb_msg_seq;
	if (!d->result && !d->finished && msg->sadb_msg_seq != d->count + 1)
		d->result = -ENOBUFS;
	d->count++;
	if (!d->result && pfkey_exts_get(&t, msg, n))
		d->result = -EBADMSG;
	if (!d->result)
		d->result = d->fn(msg, &t, d->arg);
	if (!d->result && d->finished)
		d->result = dump_error(msg);
}

/* Entries have a number of their own; only an error has the request's. */
static bool is_entry(const struct pfkey_sock *s, const struct pfkey_msg *m)
{
	const struct sadb_msg *got = message(s);

	if (s->n == sizeof(*got))
		return is_answer(s, m);
	return got->sadb_msg_type == m->head.sadb_msg_type && got->sadb_msg_pid == m->head.sadb_msg_pid;
}

int pfkey_sock_dump(struct pfkey_sock *s, struct pfkey_msg *m, pfkey_answer_fn *fn, void *arg)
{
	struct dump d = { .fn = fn, .arg = arg };
	int err = transmit(s, m);
	long end = now_ms() + s->timeout_ms;

	if (err)
		return err;
	while (!d.finished) {
		int n = receive(s, 0);

		if (n < 0 && n != -EBADMSG)
			return d.result ? d.result : n == -EAGAIN ? -ENOBUFS : n;
		if (n > 0 && is_entry(s, m)) {
			take_entry(&d, message(s), s->n);
			end = 0;
		} else if (!end) {
			end = now_ms() + s->timeout_ms;
		} else if (now_ms() > end) {
			return d.result ? d.result : -ENOBUFS;
		}
	}
	cleanse(s);
	return d.result;
}

/* ---- events ---- */

int pfkey_sock_listen(struct pfkey_sock *s)
{
	static const uint8_t satypes[] = { SADB_SATYPE_ESP, SADB_SATYPE_AH, SADB_X_SATYPE_IPCOMP };

	set_receive_buffer(s, EVENT_BUF);
	for (size_t i = 0; i < sizeof(satypes); i++) {
		struct pfkey_msg m;
		int err;

		pfkey_msg_start(&m, SADB_REGISTER, satypes[i]);
		pfkey_extended_put(&m);
		err = pfkey_sock_request(s, &m, NULL, NULL);
		if (err && err != -EEXIST)
			return err;
	}
	return 0;
}

/*
 * The kernel drops what arrives while the receive buffer is more than full. Had it been before the last message was taken
 * out, it would still be nearly so: a message costs its length, rounded up, and the kernel's own fields.
 */
static bool was_full(const struct pfkey_sock *s)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof(info);

	if (getsockopt(s->fd, SOL_SOCKET, SO_MEMINFO, info, &n))
		return false;
	return info[SK_MEMINFO_RMEM_ALLOC] && info[SK_MEMINFO_RMEM_ALLOC] + 2 * s->n + 2048 > info[SK_MEMINFO_RCVBUF];
}

int pfkey_sock_read(struct pfkey_sock *s)
{
	int n = receive(s, MSG_DONTWAIT);
	bool full, lost;

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return n;
	/* Told when there is room again: what is lost was lost before. */
	full = was_full(s);
	lost = s->full && !full;
	s->full = full;
	return lost ? 2 : 1;
}
