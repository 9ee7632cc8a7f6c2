/* SPDX-License-Identifier: MIT */
/*
 * The numbers of IKEv2 (RFC 7296 and the IANA registry "IKEv2 Parameters") and their names. The tables stand in
 * numbers.h; each line there is an enum constant here and a string in ikev2.c.
 */
#ifndef KEYD_WIRE_IKEV2_H
#define KEYD_WIRE_IKEV2_H

#include "keyd/wire/numbers.h"

#include <stdint.h>

#define WIRE_ENUM(constant, value, name) constant = value,

enum ikev2_exchange_type { IKEV2_EXCHANGES(WIRE_ENUM) };		/* IKEV2_EXCH_IKE_SA_INIT … */
enum ikev2_payload_type { IKEV2_PAYLOADS(WIRE_ENUM) };		/* IKEV2_PL_SA … */
enum ikev2_notify_type { IKEV2_NOTIFIES(WIRE_ENUM) };		/* IKEV2_N_COOKIE … */
enum ikev2_protocol { IKEV2_PROTOCOLS(WIRE_ENUM) };		/* IKEV2_PROTO_ESP … */
enum ikev2_transform_type { IKEV2_TRANSFORM_TYPES(WIRE_ENUM) };	/* IKEV2_TRANSFORM_ENCR … */
enum ikev2_encr { IKEV2_ENCRS(WIRE_ENUM) };			/* IKEV2_ENCR_AES_GCM_16 … */
enum ikev2_prf { IKEV2_PRFS(WIRE_ENUM) };			/* IKEV2_PRF_HMAC_SHA2_256 … */
enum ikev2_integ { IKEV2_INTEGS(WIRE_ENUM) };			/* IKEV2_INTEG_HMAC_SHA2_256_128 … */
enum ikev2_dh { IKEV2_DHS(WIRE_ENUM) };				/* IKEV2_DH_MODP_2048 … */
enum ikev2_esn { IKEV2_ESNS(WIRE_ENUM) };			/* IKEV2_ESN_NONE, IKEV2_ESN_ESN */
enum ikev2_auth_method { IKEV2_AUTHS(WIRE_ENUM) };			/* IKEV2_AUTH_PSK … */
enum ikev2_id_type { IKEV2_IDS(WIRE_ENUM) };				/* IKEV2_ID_FQDN … */
enum ikev2_cert_encoding { IKEV2_CERTS(WIRE_ENUM) };			/* IKEV2_CERT_X509_SIGNATURE … */
enum ikev2_cfg_type { IKEV2_CFGS(WIRE_ENUM) };			/* IKEV2_CFG_REQUEST … */
enum ikev2_cfg_attr { IKEV2_CFG_ATTRS(WIRE_ENUM) };		/* IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS … */
enum ikev2_ts_type { IKEV2_TSS(WIRE_ENUM) };				/* IKEV2_TS_IPV4_ADDR_RANGE … */
enum ikev2_hash { IKEV2_HASHES(WIRE_ENUM) };			/* IKEV2_HASH_SHA2_256 … (RFC 7427) */

#undef WIRE_ENUM

/* Flags of the header (RFC 7296 3.1). */
enum ikev2_flag {
	IKEV2_FLAG_INITIATOR = 0x08,	/* sent by the original initiator of the IKE SA */
	IKEV2_FLAG_VERSION = 0x10,	/* the sender speaks a higher major version */
	IKEV2_FLAG_RESPONSE = 0x20,
};

#define IKEV2_MAJOR 2
#define IKEV2_MINOR 0
/* Notify types below this one report errors, the others state (RFC 7296 3.10.1). */
#define IKEV2_N_FIRST_STATUS 16384
/* The one transform attribute (RFC 7296 3.3.5). */
#define IKEV2_ATTR_KEY_LENGTH 14

/* The RFC's name, or "?" for a number that the tables do not have: the caller prints the number. Never NULL. */
const char *ikev2_exchange_name(uint8_t exchange);
const char *ikev2_payload_name(uint8_t type);
const char *ikev2_notify_name(uint16_t type);
const char *ikev2_protocol_name(uint8_t protocol);
const char *ikev2_transform_type_name(uint8_t type);
/* The name of a transform id within its type: "ENCR_AES_GCM_16". */
const char *ikev2_transform_name(uint8_t type, uint16_t id);
const char *ikev2_auth_method_name(uint8_t method);
const char *ikev2_id_type_name(uint8_t type);
const char *ikev2_cert_encoding_name(uint8_t encoding);
const char *ikev2_cfg_type_name(uint8_t type);
const char *ikev2_cfg_attr_name(uint16_t type);
const char *ikev2_ts_type_name(uint8_t type);
const char *ikev2_hash_name(uint16_t hash);

#endif
