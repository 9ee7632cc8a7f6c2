// SPDX-License-Identifier: MIT
// Peers known by name: looked up by the fetch role at the start, after a reload, when a tunnel is to begin, now and then.
#include "keyd/conf/id.h"
#include "keyd/roles/message.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT_ONCE 16u			/* names that are being looked up */
#define FRESH 5000000u			/* µs that an answer is as good as a new one */
#define KNOWN_FOR 300000000u		/* µs after which a name that has addresses is looked up again, */
#define UNKNOWN_FOR 60000000u		/* and one that has none; resolvers keep what they are told for as long as they may */

static struct host *host_find(struct parent *p, const char *name, size_t n)
{
	for (unsigned int i = 0; i < p->hosts.n; i++)
		if (strlen(p->hosts.host[i].name) == n && !strncasecmp(p->hosts.host[i].name, name, n))
			return &p->hosts.host[i];
	return NULL;
}

static void send_one(struct parent *p, unsigned int i)
{
	struct host *h = &p->hosts.host[i];

	h->due = false;
	h->asked = true;
	p->hosts.asked++;
	ipc_send(p->children[ROLE_FETCH].ch, M_LOOKUP, p->hosts.round << 16 | i, h->name, strlen(h->name));
}

/* As many as may be under way. */
static void send_due(struct parent *p)
{
	for (unsigned int i = 0; p->children[ROLE_FETCH].ch && i < p->hosts.n && p->hosts.asked < AT_ONCE; i++)
		if (p->hosts.host[i].due)
			send_one(p, i);
}

static uint64_t next_look(const struct host *h)
{
	return h->at + (h->n ? KNOWN_FOR : UNKNOWN_FOR);
}

static void on_timer(void *arg)
{
	struct parent *p = arg;
	uint64_t next = LOOP_NEVER;

	for (unsigned int i = 0; i < p->hosts.n; i++) {
		struct host *h = &p->hosts.host[i];

		h->due = h->due || (!h->asked && next_look(h) <= loop_now());
		if (!h->due && !h->asked && next_look(h) < next)
			next = next_look(h);
	}
	send_due(p);
	loop_timer_set(p->hosts.timer, next);
}

/* --- what comes of it --- */

static void fill(struct conf_peer *peer, const struct host *h)
{
	peer->remote = h->n ? h->addr[0] : (struct ipsec_addr){ 0 };
	peer->remote_len = (uint8_t)(h->n ? ipsec_addr_bits(h->addr[0].family) : 0);
	peer->nalso = (uint8_t)(h->n ? h->n - 1 : 0);
	memset(peer->also, 0, sizeof(peer->also));
	for (unsigned int i = 0; i < peer->nalso; i++)
		peer->also[i] = h->addr[i + 1];
}

static bool is_name(const struct conf_id *id, const char *name)
{
	return id->type == CONF_ID_FQDN && id->len == strlen(name) && !strncasecmp((const char *)id->data, name, id->len);
}

/*
 * A secret that stands in a section with a name, or under that name, is good for those addresses; never before what
 * names an address itself.
 */
static void add_secrets(struct parent *p, const struct host *h)
{
	size_t n = p->secrets.n;

	for (size_t i = 0; i < n; i++)
		for (unsigned int k = 0; k < h->n; k++) {
			const struct psk_entry *from = &p->secrets.entries[i];
			struct psk_entry e = { .remote = h->addr[k], .at = from->at };

			if (strcasecmp(from->host, h->name) != 0 && (*from->host || !is_name(&from->id, h->name)))
				continue;
			e.remote_len = ipsec_addr_bits(e.remote.family);
			if (secret_set(&e.key, from->key.p, from->key.n) || psk_add(&p->secrets, &e))
				log_error("no memory for the secret of a peer: host=%s", h->name);
		}
}

static void hosts_apply(struct parent *p)
{
	psk_truncate(&p->secrets, p->hosts.secrets);
	for (unsigned int i = 0; i < p->hosts.n; i++) {
		const struct host *h = &p->hosts.host[i];

		for (unsigned int k = 0; k < p->conf.npeers; k++)
			if (!strcasecmp(p->conf.peers[k].host, h->name))
				fill(&p->conf.peers[k], h);
		add_secrets(p, h);
	}
}

static bool usable(const struct ipsec_addr *a)
{
	if (a->family == AF_INET)	/* not 0/8, not multicast and what is above it */
		return a->b[0] && a->b[0] < 224;
	return a->family == AF_INET6 && !ipsec_addr_is_any(a) && a->b[0] != 0xff && !(a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80);
}

static bool same(const struct host *h, const struct ipsec_addr *addr, unsigned int n)
{
	for (unsigned int i = 0; i < h->n && i < n; i++)
		if (!ipsec_addr_equal(&h->addr[i], &addr[i]))
			return false;
	return h->n == n;
}

static int by_address(const void *a, const void *b)
{
	return ipsec_addr_cmp(a, b);
}

static void tell(const struct host *h)
{
	char text[CONF_ADDRS_MAX * IPSEC_ADDR_STRLEN] = "", one[IPSEC_ADDR_STRLEN];

	for (unsigned int i = 0; i < h->n; i++) {
		strcat(text, i ? "," : "");
		strcat(text, ipsec_addr_format(&h->addr[i], one, sizeof(one)));
	}
	log_notice("a peer's name: host=%s addresses=%s", h->name, text);
}

/* A name that nobody tells any more keeps its addresses: a name server's fault is no reason to forget a peer. */
static void take(struct parent *p, struct host *h, const struct message_addresses *m)
{
	struct ipsec_addr addr[CONF_ADDRS_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->n && i < CONF_ADDRS_MAX; i++)
		if (usable(&m->addr[i]))
			addr[n++] = m->addr[i];
	qsort(addr, n, sizeof(addr[0]), by_address);	/* name servers turn them round, which is no change */
	if (!n) {
		log_warning("a peer's name has no address: host=%s%s", h->name,
			    h->n ? "; the old ones stay" : ", so nothing is begun with it");
		return;
	}
	if (same(h, addr, n))
		return;
	memcpy(h->addr, addr, sizeof(addr));
	h->n = n;
	tell(h);
	hosts_apply(p);
	handover_secrets(p);
	handover_allowed(p);
	handover_conf(p);
}

static void answer_ike(struct parent *p, struct host *h)
{
	if (h->wanted && p->children[ROLE_IKE].ch)
		ipc_send(p->children[ROLE_IKE].ch, M_LOOKED, 0, h->name, strlen(h->name));
	h->wanted = false;
}

int hosts_answered(struct ipc *ch, struct ipc_msg *msg, void *arg)
{
	struct parent *p = ((struct child *)arg)->p;
	unsigned int i = msg->id & 0xffff;
	struct message_addresses m;
	struct host *h;

	(void)ch;
	memcpy(&m, msg->body.p, sizeof(m));
	if (msg->id >> 16 != (p->hosts.round & 0xffff))
		return 0;		/* of what a reload has forgotten */
	if (i >= p->hosts.n || !p->hosts.host[i].asked)
		return -1;
	h = &p->hosts.host[i];
	h->asked = false;
	h->at = loop_now();
	p->hosts.asked--;
	take(p, h, &m);
	answer_ike(p, h);
	on_timer(p);
	return 0;
}

int hosts_wanted(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct parent *p = ((struct child *)arg)->p;
	struct host *h = host_find(p, (const char *)m->body.p, m->body.n);

	(void)ch;
	if (!h)
		return 0;		/* a reload was faster */
	h->wanted = true;
	if (!h->asked && h->n && h->at + FRESH > loop_now()) {
		answer_ike(p, h);
		return 0;
	}
	h->due = !h->asked;
	send_due(p);
	return 0;
}

/* --- which there are --- */

static void host_add(struct hosts *to, const struct hosts *before, const char *name)
{
	struct host *h = &to->host[to->n];

	for (unsigned int i = 0; i < to->n; i++)
		if (!strcasecmp(to->host[i].name, name))
			return;
	to->n++;
	for (unsigned int i = 0; i < before->n; i++)
		if (!strcasecmp(before->host[i].name, name))
			*h = before->host[i];
	snprintf(h->name, sizeof(h->name), "%s", name);
	h->asked = false;
	h->due = true;
}

int hosts_configure(struct parent *p)
{
	struct hosts next = { .timer = p->hosts.timer, .round = p->hosts.round + 1, .secrets = p->secrets.n };

	next.host = calloc(p->conf.npeers + 1, sizeof(*next.host));
	if (!next.timer)
		next.timer = loop_timer_new(p->loop, on_timer, p);
	if (!next.host || !next.timer) {
		free(next.host);
		p->hosts.timer = next.timer;
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < p->conf.npeers; i++)
		if (*p->conf.peers[i].host)
			host_add(&next, &p->hosts, p->conf.peers[i].host);
	free(p->hosts.host);
	p->hosts = next;
	hosts_apply(p);
	on_timer(p);
	return 0;
}

void handover_hosts(struct parent *p)
{
	p->hosts.asked = 0;
	for (unsigned int i = 0; i < p->hosts.n; i++) {
		struct host *h = &p->hosts.host[i];

		h->due = h->due || h->asked;	/* the one before has not answered */
		h->asked = false;
	}
	send_due(p);
}

void hosts_free(struct parent *p)
{
	loop_timer_free(p->hosts.timer);
	free(p->hosts.host);
	p->hosts = (struct hosts){ .n = 0 };
}
