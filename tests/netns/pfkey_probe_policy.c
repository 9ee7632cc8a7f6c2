// SPDX-License-Identifier: MIT
/* pfkey_probe: policies field by field, and those of sockets. */
#include "tests/netns/pfkey_probe.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>
#include <unistd.h>

static void p_plain(struct ipsec_policy *p) { (void)p; }
static void p_in(struct ipsec_policy *p) { p->dir = IPSEC_DIR_IN; }
static void p_fwd(struct ipsec_policy *p) { p->dir = IPSEC_DIR_FWD; }
static void p_block(struct ipsec_policy *p) { p->action = IPSEC_ACTION_BLOCK; p->ntmpl = 0; }
static void p_none(struct ipsec_policy *p) { p->ntmpl = 0; }
static void p_port(struct ipsec_policy *p)
{
	p->sel.proto = IPPROTO_TCP;
	p->sel.dport = 443;
	p->sel.dport_mask = 0xffff;
}
static void p_ports(struct ipsec_policy *p)
{
	p_port(p);
	p->sel.sport = 1024;
	p->sel.sport_mask = 0xfc00;
}
static void p_interface(struct ipsec_policy *p) { p->sel.ifindex = 1; }
static void p_icmp(struct ipsec_policy *p)
{
	p->sel.proto = IPPROTO_ICMP;
	p->sel.sport = 8;
	p->sel.sport_mask = 0xffff;
}
static void p_icmp_code(struct ipsec_policy *p) { p_icmp(p); p->sel.dport_mask = 0xffff; }
static void p_tunnel(struct ipsec_policy *p)
{
	p->sel = (struct ipsec_selector){ .src = addr("10.1.0.0"), .dst = addr("10.2.0.0"), .src_len = 16, .dst_len = 15 };
	p->tmpl[0] = (struct ipsec_tmpl){ .src = addr("192.0.2.1"), .dst = addr("192.0.2.2"), .proto = IPPROTO_ESP,
					  .mode = IPSEC_MODE_TUNNEL, .reqid = 0x3fff };
}
static void p_large_reqid(struct ipsec_policy *p) { p_tunnel(p); p->tmpl[0].reqid = 0x4001; }
static void p_spi(struct ipsec_policy *p) { p_tunnel(p); p->tmpl[0].spi = 0x1234; }
static void p_beet(struct ipsec_policy *p) { p_tunnel(p); p->tmpl[0].mode = IPSEC_MODE_BEET; }
static void p_six_in_four(struct ipsec_policy *p)
{
	p_tunnel(p);
	p->sel = (struct ipsec_selector){ .src = addr("2001:db8:1::"), .dst = addr("2001:db8:2::"), .src_len = 48, .dst_len = 48 };
}
static void p_four_in_six(struct ipsec_policy *p)
{
	p_tunnel(p);
	p->tmpl[0].src = addr("2001:db8::1");
	p->tmpl[0].dst = addr("2001:db8::2");
}
static void p_bundle(struct ipsec_policy *p)
{
	p_tunnel(p);
	p->ntmpl = 3;
	p->dir = IPSEC_DIR_IN;
	p->tmpl[2] = (struct ipsec_tmpl){ .proto = IPPROTO_AH, .reqid = 9 };
	p->tmpl[1] = p->tmpl[0];
	p->tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_COMP, .optional = true };
}
/* af_key tells wrong lengths of these. */
static void p_bundle_46(struct ipsec_policy *p) { p_bundle(p); p->tmpl[1].src = addr("::1"); p->tmpl[1].dst = addr("::2"); }
static void p_bundle_64(struct ipsec_policy *p)
{
	p_bundle(p);
	p->sel = (struct ipsec_selector){ .src = addr("2001:db8:1::"), .dst = addr("2001:db8:2::"), .src_len = 48, .dst_len = 48 };
}
static void p_use_reqid(struct ipsec_policy *p) { p_bundle(p); p->tmpl[0].reqid = 8; }
static void p_six(struct ipsec_policy *p)
{
	p->ntmpl = IPSEC_TMPL_MAX;
	for (unsigned int i = 0; i < IPSEC_TMPL_MAX; i++)
		p->tmpl[i] = (struct ipsec_tmpl){ .proto = i % 2 ? IPPROTO_AH : IPPROTO_ESP, .reqid = i + 1 };
}
static void p_mark(struct ipsec_policy *p) { p->mark = (struct ipsec_mark){ 0x21, 0x3f }; }
static void p_if_id(struct ipsec_policy *p) { p->if_id = 5; }
static void p_lifetimes(struct ipsec_policy *p)
{
	p->soft = (struct ipsec_lifetime){ 1000, 2000, 3000, 4000 };
	p->hard = (struct ipsec_lifetime){ 1ull << 40, 20000, 30000, 40000 };
}
static void p_index(struct ipsec_policy *p) { p->index = 0x1001; }
static void p_v6(struct ipsec_policy *p)
{
	p->sel.src = addr("2001:db8::1");
	p->sel.dst = addr("2001:db8::2");
	p->sel.src_len = p->sel.dst_len = 128;
}

static const struct {
	const char *name;
	void (*make)(struct ipsec_policy *pol);
	const char *refusal;		/* NULL, or what PF_KEY cannot carry of it */
	const char *says[4];
} policy_rows[] = {
	{ "out", p_plain, NULL, { "src 192.0.2.1/32 dst 192.0.2.2/32", "dir out", "priority 2147483648", "proto esp" } },
	{ "in", p_in, NULL, { "dir in" } },
	{ "fwd", p_fwd, NULL, { "dir fwd" } },
	{ "discard", p_block, NULL, { "action block" } },
	{ "none", p_none, NULL, { "action allow" } },
	{ "port", p_port, NULL, { "proto tcp", "dport 443" } },
	{ "ports with a mask", p_ports, "mask", { "proto tcp", "dport 443" } },
	{ "interface", p_interface, "interface", { "dev lo" } },
	{ "ICMP type", p_icmp, NULL, { "proto icmp", "type 8" } },
	{ "ICMP code 0", p_icmp_code, "code 0", { "proto icmp", "type 8 code 0" } },
	{ "tunnel", p_tunnel, NULL, { "tmpl src 192.0.2.1 dst 192.0.2.2", "proto esp", "reqid 16383", "mode tunnel" } },
	{ "large reqid", p_large_reqid, "reqid", { "reqid 16385" } },
	{ "SPI", p_spi, "SPI", { "spi 0x00001234" } },
	{ "beet", p_beet, "BEET", { "mode beet" } },
	{ "IPv6 in IPv4", p_six_in_four, NULL, { "src 2001:db8:1::/48", "tmpl src 192.0.2.1 dst 192.0.2.2" } },
	{ "IPv4 in IPv6", p_four_in_six, NULL, { "src 10.1.0.0/16", "tmpl src 2001:db8::1 dst 2001:db8::2" } },
	{ "three templates", p_bundle, NULL, { "proto comp", "level use", "proto ah" } },
	{ "three templates, IPv6 tunnel", p_bundle_46, NULL, { "proto comp", "tmpl src ::1 dst ::2", "proto ah" } },
	{ "three templates, IPv4 tunnel", p_bundle_64, NULL, { "src 2001:db8:1::/48", "tmpl src 192.0.2.1", "proto ah" } },
	{ "level use with a reqid", p_use_reqid, "level use", { "level use" } },
	{ "six templates", p_six, NULL, { "reqid 1", "reqid 6" } },
	{ "mark", p_mark, "mark", { "mark 0x21/0x3f" } },
	{ "if_id", p_if_id, "if_id", { "if_id 0x5" } },
	{ "lifetimes", p_lifetimes, NULL,
	  { "soft 1000(bytes), hard 1099511627776(bytes)", "expire use: soft 4000(sec), hard 40000(sec)" } },
	{ "index", p_index, "index", { "index 4097" } },
	{ "IPv6", p_v6, NULL, { "src 2001:db8::1/128 dst 2001:db8::2/128" } },
};

static int one_policy(const struct ipsec_policy *pol, void *arg)
{
	if (!pol->socket)
		*(struct ipsec_policy *)arg = *pol;
	return 0;
}

static void second_opinion(const char *name, const struct ipsec_policy *got)
{
	struct ipsec_policy read = { 0 }, dumped = { 0 };

	if (!ok(!ipsec_policy_get(other, got, &read), "policy %s: read by the other backend", name))
		note("error", ipsec_error(other));
	same(policy_differs(got, &read), name, "policy is the same for the other backend");
	ok(!ipsec_policy_dump(other, one_policy, &dumped) && !policy_differs(got, &dumped), "policy %s: and in its dump", name);
}

static void check_changes(const char *name, const struct ipsec_policy *want, const struct ipsec_policy *got)
{
	struct ipsec_policy changed = *want, read;
	struct wanted w;

	ok(ipsec_policy_add(a, want) == -EEXIST, "policy %s: not twice (%s)", name, ipsec_error(a));
	changed.priority = 7;
	changed.index = got->index;
	if (!ok(!ipsec_policy_update(a, &changed), "policy %s: updated", name))
		note("error", ipsec_error(a));
	changed = (struct ipsec_policy){ .index = got->index };
	ok(!ipsec_policy_get(a, &changed, &read) && read.priority == 7 && read.index == got->index,
	   "policy %s: found by its index, which it kept", name);
	ok(wait_event(a, IPSEC_EVENT_POLICY_UPDATE, &w) && w.ev.policy.priority == 7, "policy %s: update event", name);
	ok(!ipsec_policy_delete(a, &changed), "policy %s: deleted by its index", name);
	ok(wait_event(a, IPSEC_EVENT_POLICY_DELETE, &w) && w.ev.policy.index == got->index && w.ev.policy.dir == want->dir &&
	   w.ev.policy.if_id == want->if_id && w.ev.policy.mark.value == want->mark.value &&
	   !selector_differs(&w.ev.policy.sel, &want->sel), "policy %s: delete event", name);
	ok(ipsec_policy_get(a, want, &read) == -ENOENT, "policy %s: gone (%s)", name, ipsec_error(a));
	ok(!ipsec_policy_update(a, want) && !ipsec_policy_delete(a, want), "policy %s: added by an update, deleted by its selector", name);
	ok(ipsec_policy_delete(a, want) == -ENOENT, "policy %s: once (%s)", name, ipsec_error(a));
}

static void check_policy(const char *name, const struct ipsec_policy *want, bool seen_by_other, const char *const *says)
{
	struct ipsec_policy got, dumped = { 0 };
	const char *text;
	struct wanted w;

	if (!ok(!ipsec_policy_add(a, want), "policy %s: added", name)) {
		note("error", ipsec_error(a));
		return;
	}
	if (!ok(!ipsec_policy_get(a, want, &got), "policy %s: read", name)) {
		note("error", ipsec_error(a));
		return;
	}
	same(policy_differs(want, &got), name, "policy comes back as it was");
	ok((got.index & 7) == want->dir, "policy %s: has an index", name);
	ok(!ipsec_policy_dump(a, one_policy, &dumped) && !policy_differs(&got, &dumped), "policy %s: the same in a dump", name);
	if (other && seen_by_other)
		second_opinion(name, &got);
	ok(wait_event(a, IPSEC_EVENT_POLICY_NEW, &w) && !policy_differs(&got, &w.ev.policy) && w.ev.pid == (uint32_t)getpid(),
	   "policy %s: the same in an event, with its cause", name);
	text = ip_xfrm("policy");
	for (int i = 0; i < 4 && says[i]; i++)
		if (!ok(strstr(text, says[i]), "policy %s: ip xfrm says \"%s\"", name, says[i]))
			printf("# it says: %s\n", text);
	check_changes(name, want, &got);
	clean();
}

static void check_refused(const char *name, const struct ipsec_policy *pol, const char *refusal)
{
	struct ipsec_policy got = { 0 };

	ok(ipsec_policy_add(a, pol) == -EOPNOTSUPP && strstr(ipsec_error(a), refusal), "policy %s: refused: %s", name,
	   ipsec_error(a));
	ok(!ipsec_policy_dump(a, one_policy, &got) && !got.index, "policy %s: and nothing is there", name);
}

/* Level unique without a number. */
static void probe_reqids(void)
{
	const uint32_t first = is_pfkey ? 0x3fff : 0x4000, step = is_pfkey ? -1 : 1;
	struct ipsec_policy pol = plain_policy();
	uint32_t reqids[2] = { 0 };

	pol.tmpl[0].reqid = first;
	ok(!ipsec_policy_update(a, &pol) && !ipsec_reqid_alloc(a, reqids, 1) && !ipsec_reqid_alloc(a, reqids + 1, 1) &&
	   reqids[0] == first + step && reqids[1] == first + 2 * step, "free reqids: %u, %u", reqids[0], reqids[1]);
	pol.sel.dst_len = 31;
	pol.sel.dst = addr("192.0.2.2");
	pol.tmpl[0].reqid = reqids[1];
	ok(!ipsec_policy_add(a, &pol), "they can be used");
}

/* Linux takes this from nobody. */
static void probe_optional_tunnel(void)
{
	struct ipsec_policy pol = plain_policy();

	p_tunnel(&pol);
	pol.tmpl[0].reqid = 0;
	pol.tmpl[0].optional = true;
	ok(ipsec_policy_add(a, &pol) == -EINVAL && ipsec_error(a)[0], "tunnel of level use, outbound: %s", ipsec_error(a));
	if (is_pfkey)
		ok(strstr(ipsec_error(a), "level use"), "and the sentence names it");
	pol.dir = IPSEC_DIR_IN;
	ok(!ipsec_policy_add(a, &pol), "inbound it is one");
	clean();
}

void probe_policies(void)
{
	struct ipsec_policy pol;
	struct wanted w;

	for (size_t i = 0; i < sizeof(policy_rows) / sizeof(policy_rows[0]); i++) {
		pol = plain_policy();
		policy_rows[i].make(&pol);
		if (is_pfkey && policy_rows[i].refusal)
			check_refused(policy_rows[i].name, &pol, policy_rows[i].refusal);
		else
			check_policy(policy_rows[i].name, &pol, !policy_rows[i].refusal, policy_rows[i].says);
	}
	probe_optional_tunnel();
	ok(!ipsec_policy_flush(a), "flush of no policy is no error");
	drain(a, 0);
	probe_reqids();
	ok(!ipsec_policy_flush(a) && wait_event(a, IPSEC_EVENT_POLICY_FLUSH, &w), "flush event");
	clean();
}

static int count_sockets(const struct ipsec_policy *pol, void *arg)
{
	*(unsigned int *)arg += pol->socket && pol->dir == IPSEC_DIR_OUT && !pol->ntmpl;
	return 0;
}

/* What a key manager sets for its own sockets is in dumps, and is nobody's to delete. */
void probe_socket_policy(void)
{
	struct xfrm_userpolicy_info info = { .action = XFRM_POLICY_ALLOW, .dir = XFRM_POLICY_OUT,
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, 0 }, .sel.family = AF_INET };
	unsigned int n = 0;
	int fd;

	enter(ns_a);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_XFRM_POLICY, &info, sizeof(info)))
		bail("IP_XFRM_POLICY", strerror(errno));
	ok(!ipsec_policy_dump(a, count_sockets, &n) && n == 1, "the policy of a socket is told apart");
	n = 0;
	if (other)
		ok(!ipsec_policy_dump(other, count_sockets, &n) && n == 1, "by the other backend as well");
	close(fd);
}

void probe_policy_expire(void)
{
	struct ipsec_policy pol = plain_policy();
	struct wanted w;

	pol.soft.add_seconds = 1;
	pol.hard.add_seconds = 6;	/* a late timer would tell of the hard limit only */
	ok(!ipsec_policy_add(a, &pol), "policy of six seconds");
	ok(wait_event(a, IPSEC_EVENT_POLICY_EXPIRE, &w) && !w.ev.policy_expire.hard &&
	   !selector_differs(&pol.sel, &w.ev.policy_expire.policy.sel), "it expires softly");
	ok(wait_event(a, IPSEC_EVENT_POLICY_EXPIRE, &w) && w.ev.policy_expire.hard, "and then hard");
	clean();
}
