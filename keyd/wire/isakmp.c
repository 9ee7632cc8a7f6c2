// SPDX-License-Identifier: MIT
// Names of the numbers of ISAKMP and IKEv1: one sorted table each.
#include "keyd/wire/isakmp.h"
#include "keyd/wire/names.h"

WIRE_NAMES(exchanges, ISAKMP_EXCHANGES);
WIRE_NAMES(payloads, ISAKMP_PAYLOADS);
WIRE_NAMES(notifies, ISAKMP_NOTIFIES);
WIRE_NAMES(protocols, ISAKMP_PROTOCOLS);
WIRE_NAMES(encrs, ISAKMP_ENCRS);
WIRE_NAMES(hashes, ISAKMP_HASHES);
WIRE_NAMES(auths, ISAKMP_AUTHS);
WIRE_NAMES(esps, ISAKMP_ESPS);
WIRE_NAMES(ahs, ISAKMP_AHS);
WIRE_NAMES(ipsec_auths, ISAKMP_IPSEC_AUTHS);
WIRE_NAMES(encaps, ISAKMP_ENCAPS);
WIRE_NAMES(ids, ISAKMP_IDS);
WIRE_NAMES(certs, ISAKMP_CERTS);
WIRE_NAMES(cfgs, ISAKMP_CFGS);
WIRE_NAMES(cfg_attrs, ISAKMP_CFG_ATTRS);

const char *isakmp_exchange_name(uint8_t exchange)
{
	return wire_name_of(&exchanges, exchange);
}

const char *isakmp_payload_name(uint8_t type)
{
	return wire_name_of(&payloads, type);
}

const char *isakmp_notify_name(uint16_t type)
{
	return wire_name_of(&notifies, type);
}

const char *isakmp_protocol_name(uint8_t protocol)
{
	return wire_name_of(&protocols, protocol);
}

const char *isakmp_encr_name(uint16_t encr)
{
	return wire_name_of(&encrs, encr);
}

const char *isakmp_hash_name(uint16_t hash)
{
	return wire_name_of(&hashes, hash);
}

const char *isakmp_auth_name(uint16_t method)
{
	return wire_name_of(&auths, method);
}

const char *isakmp_transform_name(uint8_t protocol, uint8_t id)
{
	switch (protocol) {
	case ISAKMP_PROTO_ISAKMP:
		return id == ISAKMP_KEY_IKE ? "KEY_IKE" : "?";
	case ISAKMP_PROTO_AH:
		return wire_name_of(&ahs, id);
	case ISAKMP_PROTO_ESP:
		return wire_name_of(&esps, id);
	default:
		return "?";
	}
}

const char *isakmp_ipsec_auth_name(uint16_t auth)
{
	return wire_name_of(&ipsec_auths, auth);
}

const char *isakmp_encap_name(uint16_t encap)
{
	return wire_name_of(&encaps, encap);
}

const char *isakmp_id_type_name(uint8_t type)
{
	return wire_name_of(&ids, type);
}

const char *isakmp_cert_encoding_name(uint8_t encoding)
{
	return wire_name_of(&certs, encoding);
}

const char *isakmp_cfg_type_name(uint8_t type)
{
	return wire_name_of(&cfgs, type);
}

const char *isakmp_cfg_attr_name(uint16_t type)
{
	return wire_name_of(&cfg_attrs, type);
}
