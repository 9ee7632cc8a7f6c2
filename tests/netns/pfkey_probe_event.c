// SPDX-License-Identifier: MIT
/* pfkey_probe: what traffic, time and moving peers raise. */
#include "pfkey/pfkey_sock.h"
#include "tests/netns/pfkey_probe.h"

#include <errno.h>
#include <linux/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ipsec_sa larval_of(const struct ipsec_event *ev)
{
	const struct ipsec_tmpl *t = &ev->acquire.policy.tmpl[ev->acquire.tmpl];

	return (struct ipsec_sa){ .src = ev->acquire.src, .dst = ev->acquire.dst, .proto = ev->acquire.proto, .mode = t->mode,
				  .reqid = t->reqid, .acquire_seq = ev->acquire.seq, .mark = ev->acquire.policy.mark,
				  .if_id = ev->acquire.policy.if_id };
}

static int one_esp(const struct ipsec_sa *sa, void *arg)
{
	if (sa->proto == IPPROTO_ESP)
		*(struct ipsec_sa *)arg = *sa;
	return 0;
}

/* PF_KEY tells the policy, not the packet. */
static void shows_packet(const char *name, const struct ipsec_policy *pol, const struct ipsec_event *ev)
{
	if (is_pfkey)
		ok(!selector_differs(&pol->sel, &ev->acquire.sel), "%s: shows the policy's selector", name);
	else
		ok(ev->acquire.sel.proto == IPPROTO_UDP && ev->acquire.sel.dport == PROBE_PORT &&
		   ev->acquire.sel.dst_len == ipsec_addr_bits(ev->acquire.dst.family), "%s: shows the packet", name);
}

static void probe_acquire(bool use_v6, bool as_tunnel)
{
	const char *to = use_v6 ? "2001:db8::2" : "192.0.2.2";
	struct ipsec_policy pol = plain_policy();
	struct ipsec_addr peer = addr(to);
	struct ipsec_sa larval, old;
	struct ipsec_sa_id gone;
	char name[64];
	struct wanted w;

	snprintf(name, sizeof(name), "ACQUIRE %s %s", use_v6 ? "IPv6" : "IPv4", as_tunnel ? "tunnel" : "transport");
	if (use_v6) {
		pol.sel.src = addr("2001:db8::1");
		pol.sel.dst = peer;
		pol.sel.src_len = pol.sel.dst_len = 128;
	}
	pol.tmpl[0].reqid = 11;
	if (as_tunnel) {
		pol.tmpl[0].mode = IPSEC_MODE_TUNNEL;
		pol.tmpl[0].src = pol.sel.src;
		pol.tmpl[0].dst = pol.sel.dst;
	}
	if (ipsec_policy_add(a, &pol))
		bail(name, ipsec_error(a));
	send_udp(ns_a, to);
	if (!ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w), "%s: comes", name)) {
		clean();
		return;
	}
	ok(ipsec_addr_equal(&w.ev.acquire.dst, &peer) && ipsec_addr_equal(&w.ev.acquire.src, &pol.sel.src) &&
	   w.ev.acquire.proto == IPPROTO_ESP && w.ev.acquire.seq, "%s: names the ends", name);
	shows_packet(name, &pol, &w.ev);
	ok(!policy_differs(&pol, &w.ev.acquire.policy) && w.ev.acquire.policy.index, "%s: has the policy", name);
	old = larval = larval_of(&w.ev);
	send_udp(ns_a, to);
	ok(drain(a, IPSEC_EVENT_ACQUIRE) == 0, "%s: one only while the larval SA lives", name);
	if (!ok(!ipsec_larval_delete(a, &larval), "%s: the larval SA can be deleted", name))
		note("error", ipsec_error(a));
	drain(a, 0);
	send_udp(ns_a, to);
	ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w) && w.ev.acquire.seq != old.acquire_seq, "%s: the next packet asks again", name);
	larval = larval_of(&w.ev);
	ok(!ipsec_larval_delete(a, &larval), "%s: that one goes too", name);
	ok(ipsec_larval_delete(a, &old) == -ESRCH, "%s: no larval SA: %s", name, ipsec_error(a));
	gone = (struct ipsec_sa_id){ .dst = peer, .proto = IPPROTO_ESP };
	memset(&old, 0, sizeof(old));
	ok(ipsec_sa_get(a, &gone, &old) == -ESRCH && !ipsec_sa_dump(a, one_esp, &old) && !old.dst.family,
	   "%s: nothing is left in the SAD", name);
	clean();
}

/*
 * With xfrm_larval_drop 0 the packet is held. When its larval SA goes, the hold queue's timer asks again by itself; when an
 * SA comes, the packet leaves by it.
 */
static void probe_hold(void)
{
	struct ipsec_policy pol = plain_policy();
	struct ipsec_sa sa = plain_sa(), larval, got = { 0 };
	struct ipsec_sa_id id = id_of(&sa);
	struct wanted w;
	long end;

	write_sysctl(ns_a, "/proc/sys/net/core/xfrm_larval_drop", "0\n");
	pol.tmpl[0].reqid = sa.reqid;
	if (!is_pfkey)
		pol.mark = sa.mark = id.mark = (struct ipsec_mark){ 0, 0x7 };
	if (ipsec_policy_add(a, &pol))
		bail("policy", ipsec_error(a));
	send_udp(ns_a, "192.0.2.2");
	if (ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w), "hold: ACQUIRE")) {
		larval = larval_of(&w.ev);
		ok(!ipsec_larval_delete(a, &larval), "hold: larval SA deleted: %s", ipsec_error(a));
		ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w) && w.ev.acquire.seq != larval.acquire_seq, "hold: asked again without a packet");
		sa.acquire_seq = w.ev.acquire.seq;
		ok(!ipsec_sa_add(a, &sa), "hold: SA added");
		for (end = now_ms() + PROBE_WAIT_MS; now_ms() < end && !got.usage.packets; poll(NULL, 0, 20))
			if (ipsec_sa_get(a, &id, &got))
				break;
		ok(got.usage.packets == 1, "hold: the packet left by it");
	}
	write_sysctl(ns_a, "/proc/sys/net/core/xfrm_larval_drop", "1\n");
	clean();
}

/* An SA that answers an ACQUIRE removes the larval SA, and so does one that got its SPI first. */
static void probe_answer(bool with_spi)
{
	struct ipsec_policy pol = plain_policy();
	struct ipsec_sa sa = plain_sa(), larval;
	unsigned int n = 0;
	struct wanted w;

	pol.tmpl[0].reqid = sa.reqid;
	if (ipsec_policy_add(a, &pol))
		bail("policy", ipsec_error(a));
	send_udp(ns_a, "192.0.2.2");
	if (!ok(wait_event(a, IPSEC_EVENT_ACQUIRE, &w), "answer: ACQUIRE")) {
		clean();
		return;
	}
	larval = larval_of(&w.ev);
	sa.acquire_seq = larval.acquire_seq;
	if (with_spi)
		ok(!ipsec_spi_alloc(a, &larval, 0x3000, 0x3fff, &sa.spi) && sa.spi >= 0x3000 && sa.spi <= 0x3fff &&
		   !ipsec_sa_update(a, &sa), "answer: SPI %#x for it, then keys", sa.spi);
	else
		ok(!ipsec_sa_add(a, &sa), "answer: SA added for it");
	ok(!ipsec_sa_dump(a, delete_each, &n) && n == 1, "answer: the larval SA is gone, %u SA left", n);
	clean();
}

void probe_expire(void)
{
	struct ipsec_sa sa = plain_sa(), got;
	struct ipsec_sa_id id = id_of(&sa);
	struct wanted w;

	sa.soft.add_seconds = 1;
	sa.hard.add_seconds = 6;
	ok(!ipsec_sa_add(a, &sa), "expire: SA of six seconds");
	ok(wait_event(a, IPSEC_EVENT_EXPIRE, &w) && !w.ev.expire.hard && w.ev.expire.sa.spi == sa.spi &&
	   w.ev.expire.sa.reqid == sa.reqid && w.ev.expire.sa.state == IPSEC_STATE_DYING, "expire: soft");
	ok(!ipsec_sa_get(a, &id, &got) && got.state == IPSEC_STATE_DYING, "expire: it is dying");
	ok(wait_event(a, IPSEC_EVENT_EXPIRE, &w) && w.ev.expire.hard && w.ev.expire.sa.spi == sa.spi &&
	   w.ev.expire.sa.state == IPSEC_STATE_DEAD, "expire: hard");
	ok(ipsec_sa_get(a, &id, &got) == -ESRCH, "expire: it is gone");
	clean();
}

/* One packet from A to B: B hears of it at once, and both count it. */
static void probe_aevent(bool wide)
{
	struct ipsec_policy out = plain_policy(), in = plain_policy();
	struct ipsec_sa sa = plain_sa(), got;
	struct ipsec_sa_id id = id_of(&sa);
	const char *name = wide ? "first packet, ESN" : "first packet, window 32";
	struct wanted w;

	if (wide)
		sa.flags = IPSEC_SA_ESN;
	sa.replay_window = wide ? 256 : 32;
	out.tmpl[0].reqid = sa.reqid;	/* outbound, no number means SAs without a number only */
	in.dir = IPSEC_DIR_IN;
	if (ipsec_sa_add(a, &sa) || ipsec_policy_add(a, &out))
		bail(name, ipsec_error(a));
	if (ipsec_sa_add(b, &sa) || ipsec_policy_add(b, &in))
		bail(name, ipsec_error(b));
	ok(drain(b, IPSEC_EVENT_AE) == 0, "%s: nothing before", name);
	send_udp(ns_a, "192.0.2.2");
	if (ok(wait_event(b, IPSEC_EVENT_AE, &w), "%s: NEWAE comes", name)) {
		ok(w.ev.ae.id.spi == sa.spi && ipsec_addr_equal(&w.ev.ae.id.dst, &sa.dst) && w.ev.ae.reqid == sa.reqid &&
		   ipsec_addr_equal(&w.ev.ae.src, &sa.src), "%s: it names the SA", name);
		ok(w.ev.ae.seq == 1, "%s: its sequence number is 1", name);
	}
	ok(!ipsec_sa_get(b, &id, &got) && got.usage.packets == 1 && got.usage.seq == 1 && got.usage.use_time, "%s: B counts it", name);
	ok(!ipsec_sa_get(a, &id, &got) && got.usage.packets == 1 && got.usage.oseq == 1, "%s: A counts it", name);
	clean();
}

void probe_aevents(void)
{
	if (is_pfkey) {
		ok(ipsec_subscribe_ae(a, true) == -EOPNOTSUPP && ipsec_error(a)[0], "no AE events: %s", ipsec_error(a));
		return;
	}
	probe_aevent(false);
	probe_aevent(true);
}

void probe_acquires(void)
{
	probe_acquire(false, false);
	probe_acquire(true, false);
	probe_acquire(false, true);
	probe_acquire(true, true);
	probe_answer(false);
	probe_answer(true);
	probe_hold();
}

/* ---- peers that move ---- */

/* A socket of B's on port 4500 that takes ESP in UDP. */
static int encap_socket(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(4500) };
	const int type = UDP_ENCAP_ESPINUDP;
	int fd;

	enter(ns_b);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof(type)) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		bail("UDP_ENCAP", strerror(errno));
	return fd;
}

/* A sends from another port than B knows, as if a NAT had forgotten it. */
static void probe_mapping(void)
{
	struct ipsec_policy out = plain_policy(), in = plain_policy();
	struct ipsec_sa sa = plain_sa();
	int fd = encap_socket();
	struct wanted w;

	out.tmpl[0].reqid = sa.reqid;
	/* Not all UDP: what is around the ESP must pass. */
	out.sel.proto = IPPROTO_UDP;
	out.sel.dport = PROBE_PORT;
	out.sel.dport_mask = 0xffff;
	in.sel = out.sel;
	in.dir = IPSEC_DIR_IN;
	sa.encap = (struct ipsec_encap){ UDP_ENCAP_ESPINUDP, 5555, 4500, { 0 } };
	if (ipsec_sa_add(a, &sa) || ipsec_policy_add(a, &out))
		bail("mapping", ipsec_error(a));
	sa.encap.sport = 4500;
	if (ipsec_sa_add(b, &sa) || ipsec_policy_add(b, &in))
		bail("mapping", ipsec_error(b));
	drain(b, 0);
	send_udp(ns_a, "192.0.2.2");
	if (ok(wait_event(b, IPSEC_EVENT_MAPPING, &w), "mapping: event")) {
		ok(w.ev.mapping.old_port == 4500 && w.ev.mapping.new_port == 5555 &&
		   ipsec_addr_equal(&w.ev.mapping.old_addr, &sa.src) && ipsec_addr_equal(&w.ev.mapping.new_addr, &sa.src),
		   "mapping: from port %u to %u", w.ev.mapping.old_port, w.ev.mapping.new_port);
		ok(w.ev.mapping.id.spi == sa.spi && w.ev.mapping.id.proto == IPPROTO_ESP && w.ev.mapping.reqid == sa.reqid &&
		   ipsec_addr_equal(&w.ev.mapping.id.dst, &sa.dst), "mapping: names the SA");
	}
	close(fd);
	clean();
}

/* Somebody moves a tunnel of A's from one address to another. */
static void probe_migrate(void)
{
	struct ipsec_event move = { .migrate = { .dir = IPSEC_DIR_OUT, .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TUNNEL, .reqid = 42 } };
	struct ipsec_policy pol = plain_policy();
	struct ipsec_sa sa = plain_sa(), got;
	struct ipsec_sa_id id;
	struct pfkey_sock s;
	struct pfkey_msg m;
	struct wanted w;

	sa.mode = pol.tmpl[0].mode = IPSEC_MODE_TUNNEL;
	pol.tmpl[0].src = move.migrate.old_src = sa.src;
	pol.tmpl[0].dst = move.migrate.old_dst = sa.dst;
	pol.tmpl[0].reqid = sa.reqid;
	move.migrate.sel = pol.sel;
	move.migrate.new_src = addr("192.0.2.11");
	move.migrate.new_dst = addr("192.0.2.12");
	if (ipsec_sa_add(a, &sa) || ipsec_policy_add(a, &pol))
		bail("migrate", ipsec_error(a));
	enter(ns_a);
	if (pfkey_sock_open(&s)) {
		printf("# no PF_KEY socket to migrate through\n");
		clean();
		return;
	}
	drain(a, 0);
	pfkey_migrate_put(&m, &move);
	pfkey_sock_set_timeout(&s, 300);
	/* The kernel's answer has neither sequence number nor process, so it is not known as one: only an error is. */
	ok(pfkey_sock_request(&s, &m, NULL, NULL) == -ENOBUFS, "migrate: the kernel takes it");
	pfkey_sock_close(&s);
	if (ok(wait_event(a, IPSEC_EVENT_MIGRATE, &w), "migrate: event")) {
		ok(ipsec_addr_equal(&w.ev.migrate.old_src, &sa.src) && ipsec_addr_equal(&w.ev.migrate.old_dst, &sa.dst) &&
		   ipsec_addr_equal(&w.ev.migrate.new_src, &move.migrate.new_src) &&
		   ipsec_addr_equal(&w.ev.migrate.new_dst, &move.migrate.new_dst), "migrate: from where to where");
		ok(!selector_differs(&w.ev.migrate.sel, &pol.sel) && w.ev.migrate.dir == IPSEC_DIR_OUT && w.ev.migrate.reqid == 42 &&
		   w.ev.migrate.proto == IPPROTO_ESP && w.ev.migrate.mode == IPSEC_MODE_TUNNEL, "migrate: names the policy");
	}
	id = id_of(&sa);
	id.dst = move.migrate.new_dst;
	ok(!ipsec_sa_get(a, &id, &got) && ipsec_addr_equal(&got.src, &move.migrate.new_src), "migrate: the SA has moved");
	clean();
}

void probe_moves(void)
{
	probe_mapping();
	probe_migrate();
}

/* ---- rights ---- */

/* Without the right nothing opens, and the sentence names it. */
void probe_rights(void)
{
	const char *name = ipsec_backend_name(a);
	struct ipsec *ip;
	char why[256];
	int status;
	pid_t pid;

	enter(ns_a);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(ipsec_open(&ip, name, why, sizeof(why)) == -EPERM && !ip && strstr(why, "CAP_NET_ADMIN") ? 0 : 1);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "no door without CAP_NET_ADMIN, and it says so");
}
