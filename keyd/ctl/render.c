// SPDX-License-Identifier: MIT
// Structs of the engine as JSON objects.
#include "keyd/ctl/render.h"

#include "keyd/conf/id.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A text out of buf[n] that may come from anywhere. */
static json_t *text(const char *buf, size_t n)
{
	char copy[512];
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

#define TEXT(array) text(array, sizeof(array))

static json_t *addr(const struct ipsec_addr *a)
{
	char buf[IPSEC_ADDR_STRLEN];

	return a->family ? json_string(ipsec_addr_format(a, buf, sizeof(buf))) : json_null();
}

static json_t *spi64(const uint8_t spi[8])
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

static json_t *id(const struct conf_id *i)
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

json_t *render_ike(const struct engine_ike_info *i)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:i, s:[]}",
			 "peer", TEXT(i->peer), "state", TEXT(i->state), "local", addr(&i->local),
			 "remote", addr(&i->remote), "local_port", i->local_port, "remote_port", i->remote_port,
			 "spi_i", spi64(i->spi_i), "spi_r", spi64(i->spi_r),
			 "role", i->initiator ? "initiator" : "responder", "local_id", id(&i->local_id),
			 "remote_id", id(&i->remote_id), "algorithms", TEXT(i->algs),
			 "age", (json_int_t)i->age_s, "rekey_in", (json_int_t)i->rekey_in_s,
			 "rekeys", (int)i->rekeys, "children");
}

json_t *render_child(const struct engine_child_info *c)
{
	return json_pack("{s:o, s:o, s:I, s:s, s:s, s:b, s:b, s:o, s:o, s:I, s:I, s:i}",
			 "spi_in", spi32(c->spi_in), "spi_out", spi32(c->spi_out), "reqid", (json_int_t)c->reqid,
			 "mode", mode_name(c->mode), "proto", c->proto == IPPROTO_AH ? "ah" : "esp",
			 "outbound_used", c->outbound_used, "old", c->old, "selector", selector(&c->sel),
			 "algorithms", TEXT(c->algs), "age", (json_int_t)c->age_s,
			 "rekey_in", (json_int_t)c->rekey_in_s, "rekeys", (int)c->rekeys);
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
	[ENGINE_CHILD_UP] = "child-up",
	[ENGINE_CHILD_DOWN] = "child-down",
	[ENGINE_CHILD_REKEYED] = "child-rekeyed",
	[ENGINE_FAILED] = "failed",
};

json_t *render_event(const struct engine_event *ev)
{
	const char *name = ev->type < ENGINE_EVENT_TYPES ? event_names[ev->type] : "?";
	struct timespec now;
	json_t *o;
	long ms;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = now.tv_nsec / 1000000;
	o = json_pack("{s:s, s:f, s:o, s:o, s:o, s:o, s:o}", "event", name,
		      "time", (double)now.tv_sec + (double)ms / 1000, "peer", TEXT(ev->peer),
		      "local", addr(&ev->local), "remote", addr(&ev->remote),
		      "spi_i", spi64(ev->ike_spi_i), "spi_r", spi64(ev->ike_spi_r));
	if (o && (ev->child_spi_in || ev->child_spi_out)) {
		json_object_set_new(o, "spi_in", spi32(ev->child_spi_in));
		json_object_set_new(o, "spi_out", spi32(ev->child_spi_out));
		json_object_set_new(o, "selector", selector(&ev->sel));
	}
	if (o)
		json_object_set_new(o, "text", TEXT(ev->text));
	return o;
}
