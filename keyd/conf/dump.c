// SPDX-License-Identifier: MIT
// A configuration as the text that loads to it.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/conf/parser.h"
#include "keyd/conf/proposal.h"
#include "keyd/crypto/dn.h"

#include <inttypes.h>
#include <string.h>

static void put_quoted(FILE *out, const void *data, size_t n)
{
	const unsigned char *s = data;

	putc('"', out);
	for (size_t i = 0; i < n; i++) {
		if (s[i] < 0x20 || s[i] >= 0x7f)
			fprintf(out, "\\x%02x", s[i]);
		else
			fprintf(out, "%s%c", s[i] == '"' || s[i] == '\\' ? "\\" : "", s[i]);
	}
	putc('"', out);
}

/* Bare where that reads as one word, else in quotes. */
void conf_dump_name(FILE *out, const char *name)
{
	size_t n = strlen(name);

	if (n && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-") == n &&
	    !conf_keyword_find(name, n))
		fputs(name, out);
	else
		put_quoted(out, name, n);
}

static void put_prefix(FILE *out, const struct conf_peer *peer)
{
	char text[IPSEC_ADDR_STRLEN];

	fputs(ipsec_addr_format(&peer->remote, text, sizeof(text)), out);
	if (peer->remote.family && peer->remote_len != ipsec_addr_bits(peer->remote.family))
		fprintf(out, "/%u", peer->remote_len);
}

static void put_id(FILE *out, const char *side, const struct conf_id *id)
{
	struct ipsec_addr a;
	char text[IPSEC_ADDR_STRLEN], dn[CONF_ID_STRLEN];

	fprintf(out, "\tid %s ", side);
	if (id->type == CONF_ID_ANY) {
		fputs("any\n", out);
		return;
	}
	if (id->type == CONF_ID_FQDN || id->type == CONF_ID_RFC822 || id->type == CONF_ID_KEY_ID) {
		fputs(id->type == CONF_ID_FQDN ? "fqdn " : id->type == CONF_ID_RFC822 ? "user " : "keyid ", out);
		put_quoted(out, id->data, id->len);
	} else if (id->type == CONF_ID_DN) {
		crypto_dn_format((struct view){ id->data, id->len }, dn, sizeof(dn));
		fputs("dn ", out);
		put_quoted(out, dn, strlen(dn));
	} else if (!ipsec_addr_from_bytes(&a, id->data, id->len)) {
		fprintf(out, "address %s", ipsec_addr_format(&a, text, sizeof(text)));
	}
	putc('\n', out);
}

static void put_proposals(FILE *out, const char *what, const struct conf_proposals *ps)
{
	char text[CONF_PROPOSALS_STRLEN];

	fprintf(out, "\t%s %s\n", what, conf_proposals_format(ps, text, sizeof(text)));
}

static bool same_proposals(const struct conf_proposals *a, const struct conf_proposals *b)
{
	char text[2][CONF_PROPOSALS_STRLEN];

	return !strcmp(conf_proposals_format(a, text[0], sizeof(text[0])), conf_proposals_format(b, text[1], sizeof(text[1])));
}

static void put_child_lifetime(FILE *out, const struct conf_peer *peer)
{
	char text[QUANTITY_STRLEN];

	fprintf(out, "\tlifetime child %s", quantity_format_seconds(peer->child_lifetime, text));
	if (peer->child_bytes)
		fprintf(out, " %s", quantity_format_bytes(peer->child_bytes, text));
	if (peer->child_packets)
		fprintf(out, " %" PRIu64 " packets", peer->child_packets);
	putc('\n', out);
}

static void put_times(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	char text[QUANTITY_STRLEN];

	if (!base || peer->ike_lifetime != base->ike_lifetime)
		fprintf(out, "\tlifetime ike %s\n", quantity_format_seconds(peer->ike_lifetime, text));
	if (!base || peer->reauth_lifetime != base->reauth_lifetime)
		fprintf(out, "\tlifetime reauth %s\n",
			peer->reauth_lifetime ? quantity_format_seconds(peer->reauth_lifetime, text) : "never");
	if (!base || peer->child_lifetime != base->child_lifetime || peer->child_bytes != base->child_bytes ||
	    peer->child_packets != base->child_packets)
		put_child_lifetime(out, peer);
	if (!base || peer->jitter != base->jitter)
		fprintf(out, "\trekey jitter %u%%\n", peer->jitter);
	if (!base || peer->dpd != base->dpd)
		fprintf(out, "\tdpd %s\n", peer->dpd ? quantity_format_seconds(peer->dpd, text) : "off");
	if (!base || peer->retransmit_ms != base->retransmit_ms || peer->retransmit_tries != base->retransmit_tries)
		fprintf(out, "\tretransmit %ums %u\n", peer->retransmit_ms, peer->retransmit_tries);
	if (!base || peer->replay_window != base->replay_window)
		fprintf(out, "\treplay-window %u\n", peer->replay_window);
	if ((!base || base->fragment_size) && !peer->fragment_size)
		fprintf(out, "\tfragment off\n");
	else if (!base || peer->fragment_size != base->fragment_size)
		fprintf(out, "\tfragment %u\n", peer->fragment_size);
	if (!base || peer->linger != base->linger)
		fprintf(out, "\tlinger %s\n", quantity_format_seconds(peer->linger, text));
}

static void put_child(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	static const char *const childless[] = {
		[CONF_CHILDLESS_ALLOW] = "allow", [CONF_CHILDLESS_PREFER] = "prefer", [CONF_CHILDLESS_NEVER] = "never",
	};
	static const char *const unique[] = {
		[CONF_UNIQUE_REPLACE] = "replace", [CONF_UNIQUE_NO] = "no", [CONF_UNIQUE_KEEP] = "keep",
		[CONF_UNIQUE_NEVER] = "never",
	};

	if (!base || peer->unique != base->unique)
		fprintf(out, "\tunique %s\n", unique[peer->unique % 4]);
	if (!base || peer->children != base->children)
		fprintf(out, "\tchildren %u\n", peer->children);
	if (!base || peer->childless != base->childless)
		fprintf(out, "\tchildless %s\n", childless[peer->childless % 3]);
	if (!base || peer->refuse != base->refuse)
		fprintf(out, "\tserve %s\n", peer->refuse ? "no" : "yes");
	if (!base || peer->single_pair != base->single_pair)
		fprintf(out, "\tsingle-pair %s\n", peer->single_pair ? "yes" : "no");
	if ((!base || base->tfc) && !peer->tfc)
		fprintf(out, "\ttfc off\n");
	else if (!base || peer->tfc != base->tfc)
		fprintf(out, "\ttfc %u\n", peer->tfc);
}

/* 0, "as ours", is how every peer begins: it cannot be written. */
static void put_ports(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	if (base ? peer->port != base->port : peer->port)
		fprintf(out, "\tport %u\n", peer->port);
	if (base ? peer->nat_port != base->nat_port : peer->nat_port)
		fprintf(out, "\tnat-port %u\n", peer->nat_port);
}

static void put_nat(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	static const char *const words[] = { [CONF_NAT_AUTO] = "auto", [CONF_NAT_FORCE] = "force",
					     [CONF_NAT_OFF] = "off" };
	char text[QUANTITY_STRLEN];

	if (!base || peer->nat != base->nat)
		fprintf(out, "\tnat %s\n", words[peer->nat]);
	if (!base || peer->keepalive != base->keepalive)
		fprintf(out, "\tkeepalive %s\n",
			peer->keepalive ? quantity_format_seconds(peer->keepalive, text) : "off");
}

static void put_net(FILE *out, const struct conf_net *net)
{
	const char *proto = conf_proto_name(net->proto);
	char text[IPSEC_ADDR_STRLEN];

	if (net->addr.family)
		fprintf(out, "%s/%u", ipsec_addr_format(&net->addr, text, sizeof(text)), net->len);
	else
		fputs("host", out);
	if (proto)
		fprintf(out, "[%s", proto);
	else if (net->proto)
		fprintf(out, "[%u", net->proto);
	if (net->port)
		fprintf(out, "/%u", net->port);
	fputs(net->proto ? "]" : "", out);
}

static void put_nets(FILE *out, const struct conf_nets *side)
{
	if (side->assigned)
		fputs("assigned", out);
	for (unsigned i = 0; i < side->n; i++) {
		fputs(i ? ", " : "", out);
		put_net(out, &side->net[i]);
	}
}

static bool same_nets(const struct conf_nets *a, const struct conf_nets *b)
{
	for (unsigned i = 0; i < a->n && i < b->n; i++)
		if (a->net[i].len != b->net[i].len || !ipsec_addr_equal(&a->net[i].addr, &b->net[i].addr) ||
		    a->net[i].proto != b->net[i].proto || a->net[i].port != b->net[i].port)
			return false;
	return a->n == b->n && a->assigned == b->assigned;
}

/* What a peer gets from us, or we from it, and what keyd makes policies for. */
static void put_traffic(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	const struct conf_traffic *t = &peer->traffic;

	if (peer->pool[0] && (!base || strcmp(peer->pool, base->pool))) {
		fputs("\tpool ", out);
		conf_dump_name(out, peer->pool);
		putc('\n', out);
	}
	if (peer->virtual_interface[0] &&
	    (!base || strcmp(peer->virtual_interface, base->virtual_interface) || peer->virtual_v4 != base->virtual_v4 ||
	     peer->virtual_v6 != base->virtual_v6)) {
		fprintf(out, "\tvirtual-address %s%s%s on ", peer->virtual_v4 ? "ipv4" : "",
			peer->virtual_v4 && peer->virtual_v6 ? ", " : "", peer->virtual_v6 ? "ipv6" : "");
		conf_dump_name(out, peer->virtual_interface);
		putc('\n', out);
	}
	if (!base || peer->start != base->start)
		fprintf(out, "\tstart %s\n", peer->start ? "yes" : "no");
	if ((!t->local.n && !t->local.assigned) ||
	    (base && t->transport == base->traffic.transport && same_nets(&t->local, &base->traffic.local) &&
	     same_nets(&t->remote, &base->traffic.remote)))
		return;
	fputs(t->transport ? "\ttraffic transport " : "\ttraffic ", out);
	put_nets(out, &t->local);
	fputs(" <-> ", out);
	put_nets(out, &t->remote);
	putc('\n', out);
}

static void put_pool(FILE *out, const struct conf_pool *pool)
{
	char a[IPSEC_ADDR_STRLEN], b[IPSEC_ADDR_STRLEN];

	fputs("\npool ", out);
	conf_dump_name(out, pool->name);
	fputs(" {\n", out);
	for (unsigned i = 0; i < pool->nranges; i++) {
		ipsec_addr_format(&pool->range[i].first, a, sizeof(a));
		ipsec_addr_format(&pool->range[i].last, b, sizeof(b));
		if (pool->range[i].len)
			fprintf(out, "\taddress %s/%u\n", a, pool->range[i].len);
		else
			fprintf(out, "\taddress %s-%s\n", a, b);
	}
	for (unsigned i = 0; i < pool->nexcept; i++)
		fprintf(out, "\texcept %s\n", ipsec_addr_format(&pool->except[i], a, sizeof(a)));
	for (unsigned i = 0; i < pool->ndns; i++)
		fprintf(out, "\tdns %s\n", ipsec_addr_format(&pool->dns[i], a, sizeof(a)));
	if (pool->domain[0]) {
		fputs("\tdomain ", out);
		conf_dump_name(out, pool->domain);
		putc('\n', out);
	}
	if (pool->banner[0]) {
		fputs("\tbanner ", out);
		put_quoted(out, pool->banner, strlen(pool->banner));
		putc('\n', out);
	}
	fputs("}\n", out);
}

static void put_word(FILE *out, const char *before, const char *word)
{
	fputs(before, out);
	conf_dump_name(out, word);
}

/* A password is not in it, but where it comes from. */
static void put_xauth(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	bool users = *peer->users_file && (!base || strcmp(peer->users_file, base->users_file));

	if (users) {
		put_word(out, "\tusers ", peer->users_file);
		putc('\n', out);
	}
	if (!base || peer->mode_push != base->mode_push)
		fprintf(out, "\tmode-config %s\n", peer->mode_push ? "push" : "pull");
	if (base && peer->xauth == base->xauth && !strcmp(peer->xauth_user, base->xauth_user) &&
	    !memcmp(&peer->login, &base->login, sizeof(peer->login)))
		return;
	if (peer->xauth == CONF_XAUTH_CLIENT) {
		put_word(out, "\txauth client ", peer->xauth_user);
		if (*peer->login_file)
			put_word(out, " password file ", peer->login_file);
		fputs(*peer->login_file || peer->login_asked ? "\n" : "\t# and a password\n", out);
	} else {
		fprintf(out, "\txauth %s\n", peer->xauth == CONF_XAUTH_SERVER ? "server" : "off");
	}
}

/* As it was stated: what comes from our certificate comes from there again. */
static struct conf_id stated_id(const struct conf_peer *peer)
{
	struct conf_id none = { 0 };

	return peer->id_of_cert ? none : peer->local_id;
}

/* All that differs from base, or everything where base is NULL. */
static void put_settings(FILE *out, const struct conf *c, const struct conf_peer *peer, const struct conf_peer *base)
{
	struct conf_id local = stated_id(peer), base_local = { 0 };
	char text[IPSEC_ADDR_STRLEN];

	if (base ? !ipsec_addr_equal(&peer->local, &base->local) : peer->local.family)
		fprintf(out, "\tlocal %s\n", ipsec_addr_format(&peer->local, text, sizeof(text)));
	if (!base || peer->version != base->version)
		fprintf(out, "\tversion %u\n", peer->version);
	if (!base || peer->exchange != base->exchange || peer->exchange_both != base->exchange_both)
		fprintf(out, "\texchange %s%s\n", peer->exchange == CONF_EXCHANGE_AGGRESSIVE ? "aggressive" : "main",
			!peer->exchange_both ? "" : peer->exchange == CONF_EXCHANGE_AGGRESSIVE ? ", main" : ", aggressive");
	put_ports(out, peer, base);
	if (base)
		base_local = stated_id(base);
	if (!conf_id_equal(&local, &base_local))
		put_id(out, "local", &local);
	if (base ? !conf_id_equal(&peer->remote_id, &base->remote_id) : peer->remote_id.type)
		put_id(out, "remote", &peer->remote_id);
	conf_dump_cert(out, c, peer, base);
	if (!base || !same_proposals(&peer->ike, &base->ike))
		put_proposals(out, "ike", &peer->ike);
	if (!base || !same_proposals(&peer->esp, &base->esp))
		put_proposals(out, "esp", &peer->esp);
	if (!base || peer->pfs != base->pfs)
		fprintf(out, "\tpfs %s\n", peer->pfs ? "yes" : "no");
	put_child(out, peer, base);
	put_times(out, peer, base);
	put_nat(out, peer, base);
	put_xauth(out, peer, base);
	put_traffic(out, peer, base);
}

static void put_peer(FILE *out, const struct conf *c, const struct conf_peer *peer, const struct conf_peer *base)
{
	struct ipsec_addr addr;
	uint8_t len;

	fputs("\npeer ", out);
	if (!strcmp(peer->name, "any") && !peer->remote.family) {
		fputs("any {\n", out);
	} else {
		conf_dump_name(out, peer->name);
		fputs(" {\n", out);
		if (*peer->host || !conf_remote_parse(peer->name, &addr, &len)) {
			fputs("\taddress ", out);
			if (*peer->host)
				fputs(peer->host, out);
			else
				put_prefix(out, peer);
			putc('\n', out);
		}
	}
	put_settings(out, c, peer, base);
	fputs("}\n", out);
}

void conf_dump(const struct conf *c, FILE *out)
{
	char text[IPSEC_ADDR_STRLEN];

	for (unsigned i = 0; i < c->nlisten; i++)
		fprintf(out, "listen %s\n", ipsec_addr_format(&c->listen[i], text, sizeof(text)));
	if (c->nat_port)
		fprintf(out, "nat-port %u\n", c->nat_port);
	else
		fputs("nat-port off\n", out);
	if (*c->keylog) {
		fputs("keylog ", out);
		conf_dump_name(out, c->keylog);
		putc('\n', out);
	}
	fprintf(out, "port %u\nlarval-drop %s\ncookie threshold %u\nhalf-open %u\nhalf-open per-source %u\n", c->port,
		c->larval_drop ? "keep" : "off", c->cookie_threshold, c->half_open_max, c->half_open_per_source);
	conf_dump_revocation(out, c);
	for (unsigned i = 0; i < c->ndrops; i++) {
		fputs("drop ", out);
		put_net(out, &c->drop[i].local);
		fputs(" <-> ", out);
		put_net(out, &c->drop[i].remote);
		putc('\n', out);
	}
	fputs("\ndefault {\n", out);
	put_settings(out, c, &c->defaults, NULL);
	fputs("}\n", out);
	for (unsigned i = 0; i < c->npools; i++)
		put_pool(out, &c->pools[i]);
	for (unsigned i = 0; i < c->npeers; i++)
		put_peer(out, c, &c->peers[i], &c->defaults);
}
