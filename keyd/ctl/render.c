// SPDX-License-Identifier: MIT
// Structs of the engine as JSON objects.
#include "keyd/ctl/render.h"

#include "keyd/conf/id.h"
#include "keyd/ctl/explain.h"
#include "keyd/ctl/reason.h"
#include "keyd/ctl/token_render.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

json_t *render_text(const char *buf, size_t n)
{
	char copy[4096];
	json_t *j;

	n = strnlen(buf, n);
	if (n >= sizeof(copy))
		n = sizeof(copy) - 1;
	j = json_stringn(buf, n);
	if (j)
		return j;
	for (size_t i = 0; i < n; i++)
		copy[i] = (unsigned char)buf[i] < 0x80 ? buf[i] : '?';
	return json_stringn(copy, n);
}

#define TEXT(array) render_text(array, sizeof(array))

json_t *render_addr(const struct ipsec_addr *a)
{
	char buf[IPSEC_ADDR_STRLEN];

	return a->family ? json_string(ipsec_addr_format(a, buf, sizeof(buf))) : json_null();
}

json_t *render_spi64(const uint8_t spi[8])
{
	char buf[17];

	for (int i = 0; i < 8; i++)
		snprintf(buf + 2 * i, 3, "%02x", spi[i]);
	return json_string(buf);
}

static json_t *spi32(uint32_t spi)
{
	char buf[11];

	snprintf(buf, sizeof(buf), "0x%08x", spi);
	return json_string(buf);
}

json_t *render_id(const struct conf_id *i)
{
	struct conf_id copy = *i;
	char buf[CONF_ID_STRLEN];

	if (copy.len > sizeof(copy.data))
		copy.len = sizeof(copy.data);
	return json_string(conf_id_format(&copy, buf, sizeof(buf)));
}

static json_t *prefix(const struct ipsec_addr *a, uint8_t len)
{
	char net[IPSEC_ADDR_STRLEN], buf[IPSEC_ADDR_STRLEN + 8];

	if (!a->family)
		return json_null();
	snprintf(buf, sizeof(buf), "%s/%u", ipsec_addr_format(a, net, sizeof(net)), len);
	return json_string(buf);
}

static json_t *port(uint16_t p, uint16_t mask)
{
	char buf[16];

	if (!mask)
		return json_string("any");
	snprintf(buf, sizeof(buf), mask == 0xffff ? "%u" : "%u/0x%x", p, mask);
	return json_string(buf);
}

static json_t *selector(const struct ipsec_selector *s)
{
	return json_pack("{s:o, s:o, s:i, s:o, s:o}", "local", prefix(&s->src, s->src_len),
			 "remote", prefix(&s->dst, s->dst_len), "proto", s->proto,
			 "local_port", port(s->sport, s->sport_mask), "remote_port", port(s->dport, s->dport_mask));
}

static const char *mode_name(unsigned int mode)
{
	static const char *const names[] = { "transport", "tunnel", "beet", "any" };

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "?";
}

/* Who is behind one. */
static const char *nat_name(const struct engine_ike_info *i)
{
	if (i->nat_local)
		return i->nat_remote ? "both" : "local";
	return i->nat_remote ? "remote" : "none";
}

static json_t *assigned(const struct engine_ike_info *i)
{
	json_t *all = json_array();

	for (unsigned f = 0; f < 2; f++)
		if (i->assigned[f].family)
			json_array_append_new(all, render_addr(&i->assigned[f]));
	return all;
}

json_t *render_ike(const struct engine_ike_info *i)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:i, s:i, s:s, s:b, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:s, "
			 "s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b, s:I, s:[]}",
			 "peer", TEXT(i->peer), "state", TEXT(i->state), "local", render_addr(&i->local),
			 "remote", render_addr(&i->remote), "local_port", i->local_port, "remote_port", i->remote_port,
			 "nat", nat_name(i), "encap", i->encap,
			 "spi_i", render_spi64(i->spi_i), "spi_r", render_spi64(i->spi_r),
			 "role", i->initiator ? "initiator" : "responder", "local_id", render_id(&i->local_id),
			 "remote_id", render_id(&i->remote_id), "user", TEXT(i->user), "assigned", assigned(i),
			 "assigned_to", i->assigned_to_us ? "us" : "peer", "algorithms", TEXT(i->algs),
			 "local_auth", TEXT(i->local_auth), "remote_auth", TEXT(i->remote_auth),
			 "local_key", render_digest(i->local_key.b),
			 "certificate_expires_in", (json_int_t)i->cert_expires_in_s,
			 "age", (json_int_t)i->age_s, "rekey_in", (json_int_t)i->rekey_in_s,
			 "reauth_in", (json_int_t)i->reauth_in_s, "expires_in", (json_int_t)i->expires_in_s,
			 "rtt_us", (json_int_t)i->rtt_us, "rekeys", (int)i->rekeys, "taken_over", i->taken_over,
			 "taken_over_ago", (json_int_t)i->taken_over_s, "children");
}

json_t *render_selector(const struct ipsec_selector *s)
{
	return selector(s);
}

json_t *render_child(const struct engine_child_info *c)
{
	return json_pack("{s:o, s:o, s:I, s:s, s:s, s:b, s:b, s:o, s:[o], s:I, s:o, s:I, s:I, s:I, s:i, s:{s:I, s:I, s:I, s:I}}",
			 "spi_in", spi32(c->spi_in), "spi_out", spi32(c->spi_out), "reqid", (json_int_t)c->reqid,
			 "mode", mode_name(c->mode), "proto", c->proto == IPPROTO_AH ? "ah" : "esp",
			 "outbound_used", c->outbound_used, "old", c->old, "selector", selector(&c->sel),
			 "selectors", selector(&c->sel), "more_selectors", (json_int_t)c->more_sels,
			 "algorithms", TEXT(c->algs), "age", (json_int_t)c->age_s,
			 "rekey_in", (json_int_t)c->rekey_in_s, "expires_in", (json_int_t)c->expires_in_s,
			 "rekeys", (int)c->rekeys, "limits", "soft_bytes", (json_int_t)c->soft_bytes,
			 "hard_bytes", (json_int_t)c->hard_bytes, "soft_packets", (json_int_t)c->soft_packets,
			 "hard_packets", (json_int_t)c->hard_packets);
}

json_t *render_pool(const struct engine_pool_info *p)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:[]}", "name", TEXT(p->name), "size", (json_int_t)p->size,
			 "online", (json_int_t)p->online, "remembered", (json_int_t)(p->known - p->online), "leases");
}

json_t *render_lease(const struct engine_lease_info *l)
{
	return json_pack("{s:o, s:o, s:b, s:I, s:I}", "address", render_addr(&l->addr),
			 "identity", l->id.type ? render_id(&l->id) : json_null(), "online", l->users > 0,
			 "ike_sas", (json_int_t)l->users, "seconds", (json_int_t)l->for_s);
}

json_t *render_stats(const struct engine_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "datagrams_in", (json_int_t)s->datagrams_in, "datagrams_out", (json_int_t)s->datagrams_out,
			 "malformed", (json_int_t)s->malformed, "retransmitted", (json_int_t)s->retransmitted,
			 "cookies_asked", (json_int_t)s->cookies_asked, "ike_up", (json_int_t)s->ike_up,
			 "ike_rekeyed", (json_int_t)s->ike_rekeyed, "child_up", (json_int_t)s->child_up,
			 "child_rekeyed", (json_int_t)s->child_rekeyed, "failed", (json_int_t)s->failed,
			 "dpd_dead", (json_int_t)s->dpd_dead, "ike_now", (json_int_t)s->ike_now,
			 "half_open_now", (json_int_t)s->half_open_now, "child_now", (json_int_t)s->child_now);
}

static const char *const event_names[ENGINE_EVENT_TYPES] = {
	[ENGINE_IKE_UP] = "ike-up",
	[ENGINE_IKE_DOWN] = "ike-down",
	[ENGINE_IKE_REKEYED] = "ike-rekeyed",
	[ENGINE_IKE_REAUTHENTICATED] = "ike-reauthenticated",
	[ENGINE_IKE_TAKEN_OVER] = "ike-taken-over",
	[ENGINE_CHILD_UP] = "child-up",
	[ENGINE_CHILD_DOWN] = "child-down",
	[ENGINE_CHILD_REKEYED] = "child-rekeyed",
	[ENGINE_ADDRESS] = "address",
	[ENGINE_FAILED] = "failed",
	[ENGINE_IKE_STATE] = "ike-state",
	[ENGINE_CHILD_STATE] = "child-state",
	[ENGINE_REQUEST_SENT] = "request-sent",
	[ENGINE_RETRANSMITTED] = "retransmitted",
	[ENGINE_ANSWER_RECEIVED] = "answer-received",
	[ENGINE_REQUEST_RECEIVED] = "request-received",
	[ENGINE_ANSWER_SENT] = "answer-sent",
	[ENGINE_ANSWER_REPEATED] = "answer-repeated",
	[ENGINE_ACQUIRED] = "acquire",
	[ENGINE_SWITCHED] = "child-switched",
	[ENGINE_CHILD_LOST] = "child-lost",
	[ENGINE_REKEY_BEGUN] = "rekey-begun",
	[ENGINE_REKEY_FAILED] = "rekey-failed",
	[ENGINE_LIVENESS] = "liveness",
	[ENGINE_ADDRESS_CHANGED] = "address-changed",
	[ENGINE_ORPHAN] = "orphan",
	[ENGINE_POLICY] = "policy",
	[ENGINE_NOTE] = "note",
	[ENGINE_MISSED] = "missed",
};

static bool has_spi(const uint8_t spi[8])
{
	static const uint8_t none[8];

	return memcmp(spi, none, sizeof(none)) != 0;
}

/* What belongs to some kinds of event only. */
static void put_particulars(json_t *o, const struct engine_event *ev)
{
	if (has_spi(ev->ike_spi_i)) {
		json_object_set_new(o, "spi_i", render_spi64(ev->ike_spi_i));
		json_object_set_new(o, "spi_r", render_spi64(ev->ike_spi_r));
	}
	if (ev->child_spi_in || ev->child_spi_out) {
		json_object_set_new(o, "spi_in", spi32(ev->child_spi_in));
		json_object_set_new(o, "spi_out", spi32(ev->child_spi_out));
	}
	if (ev->sel.src.family)
		json_object_set_new(o, "selector", selector(&ev->sel));
	if (*ev->exchange)
		json_object_set_new(o, "exchange", TEXT(ev->exchange));
	if (ev->has_message)
		json_object_set_new(o, "message_id", json_integer(ev->message_id));
	if (*ev->state) {
		json_object_set_new(o, "was", TEXT(ev->was));
		json_object_set_new(o, "state", TEXT(ev->state));
	}
	if (ev->type == ENGINE_FAILED || ev->reason)
		json_object_set_new(o, "reason", json_string(reason_by_number(ev->reason)->name));
}

json_t *render_event(const struct engine_event *ev, double wall)
{
	const char *name = ev->type < ENGINE_EVENT_TYPES ? event_names[ev->type] : NULL;
	double mono = (double)ev->at / 1e6;
	char when[EXPLAIN_TIME_LEN];
	json_t *o = json_pack("{s:s, s:s, s:f}", "event", name ? name : "?", "time", explain_time(mono + wall, when),
			      "mono", mono);

	if (!o)
		return NULL;
	if (ev->type == ENGINE_MISSED) {
		json_object_set_new(o, "count", json_integer(ev->message_id));
		return o;
	}
	json_object_set_new(o, "peer", TEXT(ev->peer));
	json_object_set_new(o, "local", render_addr(&ev->local));
	json_object_set_new(o, "remote", render_addr(&ev->remote));
	put_particulars(o, ev);
	json_object_set_new(o, "text", TEXT(ev->text));
	return o;
}
