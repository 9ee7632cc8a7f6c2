// SPDX-License-Identifier: MIT
// Names of the IKEv2 numbers: one sorted table each, searched by value.
#include "keyd/wire/ikev2.h"

#include <stddef.h>

struct name {
	uint16_t value;
	const char *text;
};

struct names {
	const struct name *row;
	size_t n;
};

#define ROW(constant, number, name) { number, name },
#define TABLE(id, list) \
	static const struct name id##_rows[] = { list(ROW) }; \
	static const struct names id = { id##_rows, sizeof(id##_rows) / sizeof(id##_rows[0]) }

TABLE(exchanges, IKEV2_EXCHANGES);
TABLE(payloads, IKEV2_PAYLOADS);
TABLE(notifies, IKEV2_NOTIFIES);
TABLE(protocols, IKEV2_PROTOCOLS);
TABLE(transform_types, IKEV2_TRANSFORM_TYPES);
TABLE(encrs, IKEV2_ENCRS);
TABLE(prfs, IKEV2_PRFS);
TABLE(integs, IKEV2_INTEGS);
TABLE(dhs, IKEV2_DHS);
TABLE(esns, IKEV2_ESNS);
TABLE(auths, IKEV2_AUTHS);
TABLE(ids, IKEV2_IDS);
TABLE(certs, IKEV2_CERTS);
TABLE(cfgs, IKEV2_CFGS);
TABLE(cfg_attrs, IKEV2_CFG_ATTRS);
TABLE(tss, IKEV2_TSS);
TABLE(hashes, IKEV2_HASHES);

static const char *name_of(const struct names *t, uint16_t value)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (t->row[mid].value == value)
			return t->row[mid].text;
		if (t->row[mid].value < value)
			low = mid + 1;
		else
			high = mid;
	}
	return "?";
}

const char *ikev2_exchange_name(uint8_t exchange)
{
	return name_of(&exchanges, exchange);
}

const char *ikev2_payload_name(uint8_t type)
{
	return name_of(&payloads, type);
}

const char *ikev2_notify_name(uint16_t type)
{
	return name_of(&notifies, type);
}

const char *ikev2_protocol_name(uint8_t protocol)
{
	return name_of(&protocols, protocol);
}

const char *ikev2_transform_type_name(uint8_t type)
{
	return name_of(&transform_types, type);
}

const char *ikev2_transform_name(uint8_t type, uint16_t id)
{
	static const struct names *const by_type[] = {
		[IKEV2_TRANSFORM_ENCR] = &encrs,
		[IKEV2_TRANSFORM_PRF] = &prfs,
		[IKEV2_TRANSFORM_INTEG] = &integs,
		[IKEV2_TRANSFORM_DH] = &dhs,
		[IKEV2_TRANSFORM_ESN] = &esns,
		/* RFC 9370: additional key exchanges share the registry of the first. */
		[IKEV2_TRANSFORM_ADDKE1 ... IKEV2_TRANSFORM_ADDKE7] = &dhs,
	};

	if (type >= sizeof(by_type) / sizeof(by_type[0]) || !by_type[type])
		return "?";
	return name_of(by_type[type], id);
}

const char *ikev2_auth_method_name(uint8_t method)
{
	return name_of(&auths, method);
}

const char *ikev2_id_type_name(uint8_t type)
{
	return name_of(&ids, type);
}

const char *ikev2_cert_encoding_name(uint8_t encoding)
{
	return name_of(&certs, encoding);
}

const char *ikev2_cfg_type_name(uint8_t type)
{
	return name_of(&cfgs, type);
}

const char *ikev2_cfg_attr_name(uint16_t type)
{
	return name_of(&cfg_attrs, type);
}

const char *ikev2_ts_type_name(uint8_t type)
{
	return name_of(&tss, type);
}

const char *ikev2_hash_name(uint16_t hash)
{
	return name_of(&hashes, hash);
}
