// SPDX-License-Identifier: MIT
// Shared secrets: the table, and which of them is meant. Files of secrets are read in psk_file.c.
#include "keyd/conf/psk.h"
#include "keyd/conf/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int psk_add(struct conf_secrets *s, struct psk_entry *e)
{
	struct psk_entry *to;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 8;

		to = reallocarray(s->entries, room, sizeof(*to));
		if (!to) {
			secret_clear(&e->key);
			return -ENOMEM;
		}
		s->entries = to;
		s->room = room;
	}
	to = &s->entries[s->n++];
	*to = *e;
	to->key = (struct secret){ 0 };
	secret_move(&to->key, &e->key);
	return 0;
}

void psk_truncate(struct conf_secrets *s, size_t n)
{
	while (s->n > n)
		secret_clear(&s->entries[--s->n].key);
}

void conf_login_clear(struct conf_login *l)
{
	secret_clear(&l->password);
	secret_clear(&l->totp);
}

void conf_secrets_free(struct conf_secrets *s)
{
	psk_truncate(s, 0);
	for (size_t i = 0; i < s->nlogins; i++)
		conf_login_clear(&s->logins[i]);
	free(s->logins);
	for (size_t i = 0; i < s->nkeys; i++)
		secret_clear(&s->keys[i].bytes);
	for (size_t i = 0; i < s->npins; i++)
		secret_clear(&s->pins[i].pin);
	free(s->keys);
	free(s->pins);
	free(s->entries);
	*s = (struct conf_secrets){ 0 };
}

static bool is_text(const struct conf_id *id)
{
	return id->type == CONF_ID_FQDN || id->type == CONF_ID_RFC822 || id->type == CONF_ID_KEY_ID;
}

/* As racoon compares: a name is its text, whatever type its owner gives it. */
static bool same_id(const struct conf_id *a, const struct conf_id *b)
{
	if (a->type == b->type)
		return conf_id_equal(a, b);
	return is_text(a) && is_text(b) && a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static bool is_address_of(const struct conf_id *id, const struct ipsec_addr *addr)
{
	struct conf_id of;

	conf_id_from_addr(&of, addr);
	return of.type != CONF_ID_ANY && conf_id_equal(id, &of);
}

/*
 * 0: does not fit; else the larger the more specific: the very address, identity, prefix, our identity. The address comes
 * first because policies are made for addresses: whoever claims another name, from there it must know that host's secret.
 */
static unsigned psk_fit(const struct psk_entry *e, const struct conf_id *local, const struct conf_id *remote,
			const struct ipsec_addr *addr)
{
	enum { ADDRESS = 10000, ID = 1000, LEN = 2 };
	unsigned fit = 1;

	if (*e->host)
		return 0;
	if (e->id.type != CONF_ID_ANY) {
		if (addr && is_address_of(&e->id, addr))
			fit += ADDRESS;
		else if (remote && remote->type && same_id(&e->id, remote))
			fit += 2 * ID;
		else if (remote && remote->type && conf_id_match(&e->id, remote))
			fit += ID;
		else
			return 0;
	}
	if (e->remote.family) {
		if (!addr || !ipsec_addr_in_prefix(addr, &e->remote, e->remote_len))
			return 0;
		fit += e->remote_len == ipsec_addr_bits(addr->family) ? ADDRESS : LEN * (e->remote_len + 1U);
	}
	if (e->local.type != CONF_ID_ANY) {
		if (!local || !same_id(&e->local, local))
			return 0;
		fit++;
	}
	return fit;
}

const struct psk_entry *psk_find(const struct conf_secrets *s, const struct conf_id *local, const struct conf_id *remote,
				 const struct ipsec_addr *addr)
{
	const struct psk_entry *found = NULL;
	unsigned best = 0;

	for (size_t i = 0; i < s->n; i++) {
		unsigned fit = psk_fit(&s->entries[i], local, remote, addr);

		if (fit > best) {
			best = fit;
			found = &s->entries[i];
		}
	}
	return found;
}
