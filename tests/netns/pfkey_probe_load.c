// SPDX-License-Identifier: MIT
/* pfkey_probe: many events, lost events, other processes that make noise meanwhile, dumps of many SAs. */
#include "pfkey/pfkey_sock.h"
#include "tests/netns/pfkey_probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGE 20000
#define NOISE_SPI 0x80000000u

/* Without encryption, and with reqids of their own: the kernel walks over all SAs between two hosts that share one. */
static void add_many(const char *name, uint32_t spi, uint32_t n)
{
	struct ipsec_sa sa = plain_sa();

	set_alg(&sa.enc, IPSEC_ALG_ENC, "null", 0);
	memset(&sa.auth, 0, sizeof(sa.auth));
	for (uint32_t i = 0; i < n; i++) {
		sa.spi = spi + i;
		sa.reqid = i;
		if (ipsec_sa_add(a, &sa))
			bail(name, ipsec_error(a));
	}
}

/* Another receive buffer than ours would be too small for this: none may be lost. */
static void probe_burst(void)
{
	struct wanted w = { .type = IPSEC_EVENT_SA_NEW };
	const uint32_t n = 2000;

	add_many("burst", 0x1000, n);
	while (ipsec_events_read(a, look, &w) > 0)
		;
	ok(w.same == n && !w.others, "%u events wait without loss: %u, %u others", n, w.same, w.others);
	clean();
}

static void probe_overrun(void)
{
	struct wanted w = { .type = IPSEC_EVENT_OVERRUN };
	int size = 1;

	if (setsockopt(ipsec_event_fd(a), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		bail("SO_RCVBUFFORCE", strerror(errno));
	add_many("overrun", 0x1000, 50);
	while (ipsec_events_read(a, look, &w) > 0)
		;
	ok(w.same == 1 && w.others < 50, "lost events show as one overrun: %u, %u events", w.same, w.others);
	size = 4 << 20;
	setsockopt(ipsec_event_fd(a), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	memset(&w, 0, sizeof(w));
	w.type = IPSEC_EVENT_SA_DELETE;
	clean();
	add_many("overrun", 0x1000, 1);
	w.type = IPSEC_EVENT_SA_NEW;
	while (ipsec_events_read(a, look, &w) > 0)
		;
	ok(w.same == 1 && !w.others, "and the next events come as ever");
	clean();
}

void probe_floods(void)
{
	probe_burst();
	probe_overrun();
}

/* ---- noise ---- */

static volatile sig_atomic_t enough;

static void stop_noise(int sig)
{
	(void)sig;
	enough = 1;
}

/* Adds, deletes and asks in A, as fast as it can; reads nothing that is not its own. Says "x" when the first is done. */
static void make_noise(const char *backend, int ready)
{
	struct ipsec *ip = door_in(ns_a, backend);
	struct ipsec_sa sa = plain_sa(), got;
	struct ipsec_sa_id id;
	unsigned long errors = 0;

	for (unsigned long i = 0; !enough; i++) {
		sa.spi = NOISE_SPI + i % 1000;
		id = id_of(&sa);
		errors += ipsec_sa_add(ip, &sa) || ipsec_sa_get(ip, &id, &got) || ipsec_sa_delete(ip, &id);
		if (!i && write(ready, "x", 1) != 1)
			break;
	}
	ipsec_close(ip);
	_exit(errors ? 1 : 0);
}

static pid_t start_noise(const char *backend)
{
	int fds[2];
	pid_t pid;
	char c;

	fflush(stdout);
	if (pipe(fds))
		bail("pipe", strerror(errno));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGTERM, stop_noise);
		make_noise(backend, fds[1]);
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], &c, 1) != 1)
		bail("noise", "does not begin");
	close(fds[0]);
	return pid;
}

static void end_noise(pid_t pid, const char *name)
{
	int status;

	kill(pid, SIGTERM);
	ok(waitpid(pid, &status, 0) == pid && !status, "%s: the other had no errors either", name);
}

struct seen {
	uint8_t spi[LARGE / 8];
	unsigned int ours, twice;
};

static int see(const struct ipsec_sa *sa, void *arg)
{
	struct seen *s = arg;
	uint32_t at = sa->spi - 0x1000;

	if (at >= LARGE)
		return 0;
	s->twice += s->spi[at / 8] >> at % 8 & 1;
	s->spi[at / 8] |= (uint8_t)(1 << at % 8);
	s->ours++;
	return 0;
}

/* Each answer is that of its question, whoever else is being answered. */
static void ask_in_noise(const char *name, const char *backend)
{
	unsigned int wrong = 0, n = 300;
	struct ipsec_sa got;
	struct seen s;
	pid_t pid;

	memset(&s, 0, sizeof(s));
	pid = start_noise(backend);
	for (uint32_t i = 0; i < n; i++) {
		struct ipsec_sa sa = plain_sa();
		struct ipsec_sa_id id;

		sa.spi += i;
		sa.reqid = i;
		id = id_of(&sa);
		wrong += ipsec_sa_add(a, &sa) != 0;
		wrong += ipsec_sa_add(a, &sa) != -EEXIST;
		wrong += ipsec_sa_get(a, &id, &got) || got.reqid != i || got.spi != sa.spi;
		id.spi = 0x100;
		wrong += ipsec_sa_delete(a, &id) != -ESRCH;
	}
	ok(!wrong, "%s: %u questions have their own answers, %u do not", name, 4 * n, wrong);
	wrong = ipsec_sa_dump(a, see, &s) != 0;
	ok(!wrong && s.ours == n && !s.twice, "%s: a dump has %u of %u", name, s.ours, n);
	end_noise(pid, name);
	clean();
}

void probe_noise(void)
{
	ask_in_noise("noise through XFRM", "xfrm");
	if (is_pfkey || other)
		ask_in_noise("noise through PF_KEY", "pfkey");
}

/* ---- many ---- */

static void one_large_dump(const char *name)
{
	struct seen *s = calloc(1, sizeof(*s));
	long began = now_ms();
	int err;

	if (!s)
		bail(name, "no memory");
	err = ipsec_sa_dump(a, see, s);
	printf("# %ld ms\n", now_ms() - began);
	if (!ok(!err && s->ours == LARGE && !s->twice, "%s: %u of %u SAs, %u twice", name, s->ours, LARGE, s->twice))
		note("error", ipsec_error(a));
	free(s);
}

void probe_large(void)
{
	pid_t pid;

	long began = now_ms();

	add_many("large", 0x1000, LARGE);
	printf("# %d SAs added in %ld ms\n", LARGE, now_ms() - began);
	one_large_dump("a large dump");
	pid = start_noise(is_pfkey || other ? "pfkey" : "xfrm");
	one_large_dump("a large dump in noise");
	end_noise(pid, "large");
	clean();
}
