// SPDX-License-Identifier: MIT
// Names of the IKEv2 numbers: one sorted table each.
#include "keyd/wire/ikev2.h"
#include "keyd/wire/names.h"

WIRE_NAMES(exchanges, IKEV2_EXCHANGES);
WIRE_NAMES(payloads, IKEV2_PAYLOADS);
WIRE_NAMES(notifies, IKEV2_NOTIFIES);
WIRE_NAMES(protocols, IKEV2_PROTOCOLS);
WIRE_NAMES(transform_types, IKEV2_TRANSFORM_TYPES);
WIRE_NAMES(encrs, IKEV2_ENCRS);
WIRE_NAMES(prfs, IKEV2_PRFS);
WIRE_NAMES(integs, IKEV2_INTEGS);
WIRE_NAMES(dhs, IKEV2_DHS);
WIRE_NAMES(esns, IKEV2_ESNS);
WIRE_NAMES(auths, IKEV2_AUTHS);
WIRE_NAMES(ids, IKEV2_IDS);
WIRE_NAMES(certs, IKEV2_CERTS);
WIRE_NAMES(cfgs, IKEV2_CFGS);
WIRE_NAMES(cfg_attrs, IKEV2_CFG_ATTRS);
WIRE_NAMES(tss, IKEV2_TSS);
WIRE_NAMES(hashes, IKEV2_HASHES);

const char *ikev2_exchange_name(uint8_t exchange)
{
	return wire_name_of(&exchanges, exchange);
}

const char *ikev2_payload_name(uint8_t type)
{
	return wire_name_of(&payloads, type);
}

const char *ikev2_notify_name(uint16_t type)
{
	return wire_name_of(&notifies, type);
}

const char *ikev2_protocol_name(uint8_t protocol)
{
	return wire_name_of(&protocols, protocol);
}

const char *ikev2_transform_type_name(uint8_t type)
{
	return wire_name_of(&transform_types, type);
}

const char *ikev2_transform_name(uint8_t type, uint16_t id)
{
	static const struct wire_names *const by_type[] = {
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
	return wire_name_of(by_type[type], id);
}

const char *ikev2_auth_method_name(uint8_t method)
{
	return wire_name_of(&auths, method);
}

const char *ikev2_id_type_name(uint8_t type)
{
	return wire_name_of(&ids, type);
}

const char *ikev2_cert_encoding_name(uint8_t encoding)
{
	return wire_name_of(&certs, encoding);
}

const char *ikev2_cfg_type_name(uint8_t type)
{
	return wire_name_of(&cfgs, type);
}

const char *ikev2_cfg_attr_name(uint16_t type)
{
	return wire_name_of(&cfg_attrs, type);
}

const char *ikev2_ts_type_name(uint8_t type)
{
	return wire_name_of(&tss, type);
}

const char *ikev2_hash_name(uint16_t hash)
{
	return wire_name_of(&hashes, hash);
}
