// SPDX-License-Identifier: MIT
/* pfkey_probe: TAP, namespaces, events. */
#include "tests/netns/pfkey_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *ns_a, *ns_b;
struct ipsec *a, *b, *other;
bool is_pfkey;
bool is_extended;

/* ---- what goes with TAP ---- */

void note(const char *what, const char *text)
{
	printf("# %s: %s\n", what, text);
}

bool same(const char *differs, const char *what, const char *name)
{
	if (!ok(!differs, "%s: %s", what, name))
		note("differs", differs);
	return !differs;
}

void bail(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(1);
}

/* ---- the world ---- */

void enter(const char *ns)
{
	int fd = open(ns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bail(ns, strerror(errno));
	close(fd);
}

struct ipsec *door_in(const char *ns, const char *backend)
{
	struct ipsec *ip;
	char why[256];

	enter(ns);
	if (ipsec_open(&ip, backend, why, sizeof(why)))
		bail("ipsec_open", why);
	return ip;
}

struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr x;

	if (ipsec_addr_parse(&x, text))
		bail("address", text);
	return x;
}

const char *ip_xfrm(const char *what)
{
	static char text[8192];
	char cmd[128];
	size_t n;
	FILE *f;

	enter(ns_a);
	snprintf(cmd, sizeof(cmd), "ip -d -s xfrm %s", what);
	f = popen(cmd, "r");
	if (!f)
		bail(cmd, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	if (pclose(f))
		bail(cmd, "failed");
	return text;
}

void send_udp(const char *ns, const char *to)
{
	struct ipsec_addr dst = addr(to);
	struct sockaddr_storage ss;
	socklen_t n = ipsec_addr_to_sockaddr(&dst, PROBE_PORT, &ss);
	int fd;

	enter(ns);
	fd = socket(dst.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		bail("socket", strerror(errno));
	/* What becomes of it (held, dropped, refused) is the kernel's business and seen through events. */
	if (sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&ss, n) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
		note("sendto", strerror(errno));
	close(fd);
}

void write_sysctl(const char *ns, const char *path, const char *value)
{
	FILE *f;

	enter(ns);
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f))
		bail(path, strerror(errno));
}

long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clean(void)
{
	struct ipsec *both[] = { a, b };

	for (int i = 0; i < 2; i++)
		if (ipsec_sa_flush(both[i], 0) || ipsec_policy_flush(both[i]))
			bail("flush", ipsec_error(both[i]));
	drain(a, 0);
	drain(b, 0);
}

/* ---- events ---- */

void look(const struct ipsec_event *ev, void *arg)
{
	struct wanted *w = arg;

	if (ev->type != w->type) {
		w->others++;
		return;
	}
	w->same++;
	if (!w->found)
		w->ev = *ev;
	w->found = true;
}

bool wait_event(struct ipsec *ip, uint8_t type, struct wanted *w)
{
	long end = now_ms() + PROBE_WAIT_MS, left;
	struct pollfd p = { .fd = ipsec_event_fd(ip), .events = POLLIN };

	memset(w, 0, sizeof(*w));
	w->type = type;
	while (!w->found && (left = end - now_ms()) > 0)
		if (poll(&p, 1, (int)left) > 0 && ipsec_events_read(ip, look, w) < 0)
			bail("ipsec_events_read", ipsec_error(ip));
	return w->found;
}

unsigned int drain(struct ipsec *ip, uint8_t type)
{
	struct wanted w = { .type = type };

	while (ipsec_events_read(ip, look, &w) > 0)
		;
	return w.same;
}

/* ---- values ---- */

void set_alg(struct ipsec_alg *alg, enum ipsec_alg_kind kind, const char *name, unsigned int bits)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_name(kind, name);
	uint8_t key[IPSEC_KEY_MAX];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i + 1);
	if (!info || ipsec_alg_set(alg, info, key, bits))
		bail("algorithm", name);
}

struct ipsec_sa plain_sa(void)
{
	struct ipsec_sa sa = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP, .spi = 0x1000,
			       .reqid = 42 };

	set_alg(&sa.enc, IPSEC_ALG_ENC, "aes-cbc", 128);
	set_alg(&sa.auth, IPSEC_ALG_AUTH, "hmac-sha1", 160);
	return sa;
}

struct ipsec_sa_id id_of(const struct ipsec_sa *sa)
{
	return (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
}

struct ipsec_policy plain_policy(void)
{
	struct ipsec_policy pol = { .sel = { .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .src_len = 32, .dst_len = 32 },
				    .dir = IPSEC_DIR_OUT, .priority = 2147483648u, .ntmpl = 1 };

	pol.tmpl[0].proto = IPPROTO_ESP;
	return pol;
}

int delete_each(const struct ipsec_sa *sa, void *arg)
{
	struct ipsec_sa_id id = id_of(sa);

	++*(unsigned int *)arg;
	return ipsec_sa_delete(a, &id);
}
