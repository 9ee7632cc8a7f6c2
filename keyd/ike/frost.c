// SPDX-License-Identifier: MIT
// Writes the fields of records and reads them back.
#include "keyd/ike/frost.h"

#include <string.h>

/* Integers that are absent are zero: so are those of what is broken. */
#define FROST_INTEGER(name, type)						\
	void frost_##name(struct frost *f, type *v)				\
	{									\
		if (f->w) {							\
			wr_##name(f->w, *v);					\
			return;							\
		}								\
		if (f->broken || rd_##name(&f->r, v)) {				\
			f->broken = true;					\
			*v = 0;							\
		}								\
	}

FROST_INTEGER(u8, uint8_t)
FROST_INTEGER(u16, uint16_t)
FROST_INTEGER(u32, uint32_t)
FROST_INTEGER(u64, uint64_t)

void frost_bool(struct frost *f, bool *v)
{
	uint8_t byte = f->w ? *v : 0;

	frost_u8(f, &byte);
	f->broken = f->broken || byte > 1;
	*v = byte == 1;
}

void frost_mem(struct frost *f, void *p, size_t n)
{
	struct view v;

	if (f->w) {
		wr_mem(f->w, p, n);
	} else if (f->broken || rd_view(&f->r, n, &v)) {
		f->broken = true;
		memset(p, 0, n);
	} else if (n) {
		memcpy(p, v.p, n);
	}
}

void frost_secret(struct frost *f, struct secret *s, size_t most)
{
	uint32_t n = f->w ? (uint32_t)s->n : 0;
	struct view v;

	frost_u32(f, &n);
	if (f->w) {
		wr_put(f->w, secret_view(s));
		return;
	}
	secret_clear(s);
	if (f->broken || n > most || rd_view(&f->r, n, &v) || (n && secret_set(s, v.p, n)))
		f->broken = true;
}

void frost_text(struct frost *f, char *buf, size_t n)
{
	uint16_t len = (uint16_t)(f->w ? strnlen(buf, n - 1) : 0);

	frost_u16(f, &len);
	if (frost_reads(f) && len >= n)
		f->broken = true;
	if (f->broken)
		len = 0;
	frost_mem(f, buf, len);
	if (frost_reads(f))
		memset(buf + len, 0, n - len);
}

void frost_addr(struct frost *f, struct ipsec_addr *a)
{
	uint8_t size = (uint8_t)(f->w ? ipsec_addr_size(a->family) : 0);

	frost_u8(f, &size);
	if (frost_reads(f)) {
		*a = (struct ipsec_addr){ .family = size == 4 ? AF_INET : size == 16 ? AF_INET6 : AF_UNSPEC };
		f->broken = f->broken || ipsec_addr_size(a->family) != size;
	}
	frost_mem(f, a->b, f->broken ? 0 : size);
}

void frost_end(struct frost *f, struct ipsec_addr *a)
{
	frost_addr(f, a);
	f->broken = f->broken || !a->family;
}

void frost_selector(struct frost *f, struct ipsec_selector *s)
{
	frost_addr(f, &s->src);
	frost_addr(f, &s->dst);
	frost_u8(f, &s->src_len);
	frost_u8(f, &s->dst_len);
	frost_u8(f, &s->proto);
	frost_u16(f, &s->sport);
	frost_u16(f, &s->sport_mask);
	frost_u16(f, &s->dport);
	frost_u16(f, &s->dport_mask);
	frost_u32(f, &s->ifindex);
	if (s->src.family != s->dst.family || s->src_len > ipsec_addr_bits(s->src.family) ||
	    s->dst_len > ipsec_addr_bits(s->dst.family))
		f->broken = true;
}

static void frost_tmpl(struct frost *f, struct ipsec_tmpl *t)
{
	frost_addr(f, &t->src);
	frost_addr(f, &t->dst);
	frost_u8(f, &t->proto);
	frost_u8(f, &t->mode);
	frost_bool(f, &t->optional);
	frost_u32(f, &t->reqid);
	frost_u32(f, &t->spi);
}

/* What the engine looks at. One that it made a child for has one template, in transport or tunnel mode. */
void frost_policy(struct frost *f, struct ipsec_policy *p)
{
	frost_selector(f, &p->sel);
	frost_u8(f, &p->dir);
	frost_u8(f, &p->action);
	frost_u8(f, &p->type);
	frost_u8(f, &p->flags);
	frost_u32(f, &p->priority);
	frost_u32(f, &p->index);
	frost_u32(f, &p->mark.value);
	frost_u32(f, &p->mark.mask);
	frost_u32(f, &p->if_id);
	frost_u8(f, &p->ntmpl);
	frost_tmpl(f, &p->tmpl[0]);
	if (p->ntmpl != 1 || p->tmpl[0].mode > IPSEC_MODE_TUNNEL || !p->sel.src.family)
		f->broken = true;
}

void frost_id(struct frost *f, struct conf_id *id)
{
	frost_u8(f, &id->type);
	frost_u16(f, &id->len);
	if (id->len > CONF_ID_MAX) {
		f->broken = true;
		id->len = 0;
	}
	frost_mem(f, id->data, id->len);
}

void frost_ts(struct frost *f, struct wire_ts_list *l)
{
	uint8_t n = (uint8_t)(f->w ? l->n : 0);

	frost_u8(f, &n);
	if (n > WIRE_TS_MAX)
		f->broken = true;
	l->n = f->broken ? 0 : n;
	for (unsigned i = 0; i < l->n; i++) {
		struct wire_ts *ts = &l->ts[i];

		frost_u8(f, &ts->type);
		frost_u8(f, &ts->proto);
		frost_u16(f, &ts->port_start);
		frost_u16(f, &ts->port_end);
		frost_u8(f, &ts->addr_len);
		f->broken = f->broken || (ts->addr_len != 4 && ts->addr_len != 16);
		frost_mem(f, ts->start, sizeof(ts->start));
		frost_mem(f, ts->end, sizeof(ts->end));
	}
}

void frost_lifetime(struct frost *f, struct ipsec_lifetime *l)
{
	frost_u64(f, &l->bytes);
	frost_u64(f, &l->packets);
	frost_u64(f, &l->add_seconds);
}

void frost_over(struct frost *f)
{
	f->broken = f->broken || (frost_reads(f) && rd_left(&f->r));
}

void frost_alg(struct frost *f, const struct crypto_alg **alg, enum crypto_kind kind)
{
	uint16_t id = f->w && *alg ? (*alg)->ikev2_id : 0, bits = f->w && *alg ? (*alg)->key_bits : 0;
	uint8_t there = f->w && *alg;

	frost_u8(f, &there);
	frost_u16(f, &id);
	frost_u16(f, &bits);
	if (f->w)
		return;
	*alg = there && !f->broken ? crypto_alg_by_id(kind, id, bits) : NULL;
	f->broken = f->broken || there > 1 || (there && !*alg);
}
