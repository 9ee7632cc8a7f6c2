// SPDX-License-Identifier: MIT
/* Members of JSON objects, and those parts that SAs, policies and events have in common. */
#include "setkey/show/json_put.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "setkey/lang/statement.h"

#ifndef IPPROTO_MH
#define IPPROTO_MH 135
#endif

struct json_put json_put_begin(void)
{
	json_t *object = json_object();

	return (struct json_put){ .object = object, .failed = !object };
}

json_t *json_put_end(struct json_put *p)
{
	if (p->failed)
		json_decref(p->object);
	return p->failed ? NULL : p->object;
}

void json_put(struct json_put *p, const char *name, json_t *value)
{
	if (json_object_set_new_nocheck(p->object, name, value))
		p->failed = true;
}

void json_put_uint(struct json_put *p, const char *name, uint64_t v)
{
	json_put(p, name, json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v));
}

void json_put_some(struct json_put *p, const char *name, uint64_t v)
{
	if (v)
		json_put_uint(p, name, v);
}

static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);
	char ascii[IPSEC_CTX_MAX];

	if (value)
		return value;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *c = ascii; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(ascii);
}

void json_put_text(struct json_put *p, const char *name, const char *text)
{
	json_put(p, name, text_value(text));
}

void json_put_addr(struct json_put *p, const char *name, const struct ipsec_addr *addr)
{
	char buf[IPSEC_ADDR_STRLEN];

	json_put_text(p, name, ipsec_addr_format(addr, buf, sizeof(buf)));
}

void json_put_proto(struct json_put *p, uint8_t proto)
{
	const char *name = protocol_name(proto);
	char number[8];

	snprintf(number, sizeof(number), "%u", proto);
	json_put_text(p, "proto", strcmp(name, "unknown") ? name : number);
}

void json_put_mode(struct json_put *p, uint8_t mode)
{
	static const char *const names[] = { "transport", "tunnel", "beet", "any" };

	json_put_text(p, "mode", mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown");
}

void json_put_dir(struct json_put *p, uint8_t dir)
{
	static const char *const names[] = { "in", "out", "fwd" };

	json_put_text(p, "dir", dir < sizeof(names) / sizeof(names[0]) ? names[dir] : "unknown");
}

void json_put_mark(struct json_put *p, const char *name, const struct ipsec_mark *mark)
{
	struct json_put m;

	if (!mark->mask)
		return;
	m = json_put_begin();
	json_put_uint(&m, "value", mark->value);
	json_put_uint(&m, "mask", mark->mask);
	json_put(p, name, json_put_end(&m));
}

static void put_device(struct json_put *p, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	json_put_uint(p, "ifindex", ifindex);
	if (if_indextoname(ifindex, name))
		json_put_text(p, "device", name);
}

static void put_port(struct json_put *p, const char *name, const char *mask_name, uint16_t port, uint16_t mask)
{
	if (!mask)
		return;
	json_put_uint(p, name, port);
	json_put_uint(p, mask_name, mask);
}

/* What the upper layer has in the place of ports, by its own names. */
static void put_upper(struct json_put *p, const struct ipsec_selector *sel)
{
	json_put_uint(p, "proto", sel->proto);
	switch (sel->proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_MH:
		if (sel->sport_mask)
			json_put_uint(p, "type", sel->sport);
		if (sel->dport_mask)
			json_put_uint(p, "code", sel->dport);
		break;
	case IPPROTO_GRE:
		if (sel->sport_mask || sel->dport_mask)
			json_put_uint(p, "gre_key", (uint32_t)sel->sport << 16 | sel->dport);
		break;
	default:
		put_port(p, "sport", "sport_mask", sel->sport, sel->sport_mask);
		put_port(p, "dport", "dport_mask", sel->dport, sel->dport_mask);
	}
}

void json_put_selector(struct json_put *p, const char *name, const struct ipsec_selector *sel)
{
	struct json_put s = json_put_begin();

	json_put_addr(&s, "src", &sel->src);
	json_put_uint(&s, "src_len", sel->src_len);
	json_put_addr(&s, "dst", &sel->dst);
	json_put_uint(&s, "dst_len", sel->dst_len);
	put_upper(&s, sel);
	if (sel->ifindex)
		put_device(&s, sel->ifindex);
	json_put(p, name, json_put_end(&s));
}

void json_put_offload(struct json_put *p, const struct ipsec_offload *offload, bool direction)
{
	struct json_put o;

	if (offload->kind == IPSEC_OFFLOAD_NONE)
		return;
	o = json_put_begin();
	put_device(&o, offload->ifindex);
	json_put_text(&o, "kind", offload->kind == IPSEC_OFFLOAD_PACKET ? "packet" : "crypto");
	if (direction)
		json_put_text(&o, "dir", offload->inbound ? "in" : "out");
	json_put(p, "offload", json_put_end(&o));
}

static json_t *limits(const struct ipsec_lifetime *l)
{
	struct json_put p = json_put_begin();

	json_put_uint(&p, "bytes", l->bytes);
	json_put_uint(&p, "packets", l->packets);
	json_put_uint(&p, "add_seconds", l->add_seconds);
	json_put_uint(&p, "use_seconds", l->use_seconds);
	return json_put_end(&p);
}

void json_put_lifetime(struct json_put *p, const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard)
{
	struct json_put l = json_put_begin();

	json_put(&l, "soft", limits(soft));
	json_put(&l, "hard", limits(hard));
	json_put(p, "lifetime", json_put_end(&l));
}

void json_put_flags(struct json_put *p, const char *const names[], size_t n, unsigned int flags)
{
	json_t *list;

	if (!flags)
		return;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		if (flags & 1u << i && json_array_append_new(list, json_string(names[i])))
			p->failed = true;
	json_put(p, "flags", list);
}
