/* SPDX-License-Identifier: MIT */
/*
 * The numbers of ISAKMP and IKEv1 (RFC 2407 to 2409 and the IANA registries "ISAKMP", "IPSEC") and their names. The tables
 * stand in isakmp_numbers.h; each line there is an enum constant here and a string in isakmp.c.
 */
#ifndef KEYD_WIRE_ISAKMP_H
#define KEYD_WIRE_ISAKMP_H

#include "keyd/wire/isakmp_numbers.h"

#include <stdint.h>

#define WIRE_ENUM(constant, value, name) constant = value,

enum isakmp_exchange_type { ISAKMP_EXCHANGES(WIRE_ENUM) };		/* ISAKMP_EXCH_MAIN … */
enum isakmp_payload_type { ISAKMP_PAYLOADS(WIRE_ENUM) };		/* ISAKMP_PL_SA … */
enum isakmp_notify_type { ISAKMP_NOTIFIES(WIRE_ENUM) };		/* ISAKMP_N_INITIAL_CONTACT … */
enum isakmp_protocol { ISAKMP_PROTOCOLS(WIRE_ENUM) };		/* ISAKMP_PROTO_ESP … */
enum isakmp_ike_attr { ISAKMP_IKE_ATTRS(WIRE_ENUM) };		/* ISAKMP_IKE_GROUP … */
enum isakmp_encr { ISAKMP_ENCRS(WIRE_ENUM) };			/* ISAKMP_ENCR_AES_CBC … */
enum isakmp_hash { ISAKMP_HASHES(WIRE_ENUM) };			/* ISAKMP_HASH_SHA … */
enum isakmp_auth { ISAKMP_AUTHS(WIRE_ENUM) };			/* ISAKMP_AUTH_PSK … */
enum isakmp_ipsec_attr { ISAKMP_IPSEC_ATTRS(WIRE_ENUM) };		/* ISAKMP_IPSEC_ENCAP … */
enum isakmp_esp { ISAKMP_ESPS(WIRE_ENUM) };			/* ISAKMP_ESP_AES_CBC … */
enum isakmp_ah { ISAKMP_AHS(WIRE_ENUM) };			/* ISAKMP_AH_SHA … */
enum isakmp_ipsec_auth { ISAKMP_IPSEC_AUTHS(WIRE_ENUM) };		/* ISAKMP_IPSEC_AUTH_HMAC_SHA … */
enum isakmp_encap { ISAKMP_ENCAPS(WIRE_ENUM) };			/* ISAKMP_ENCAP_TUNNEL … */
enum isakmp_id_type { ISAKMP_IDS(WIRE_ENUM) };			/* ISAKMP_ID_FQDN … */
enum isakmp_cert_encoding { ISAKMP_CERTS(WIRE_ENUM) };		/* ISAKMP_CERT_X509_SIGNATURE … */
enum isakmp_cfg_type { ISAKMP_CFGS(WIRE_ENUM) };			/* ISAKMP_CFG_REQUEST … */
enum isakmp_cfg_attr { ISAKMP_CFG_ATTRS(WIRE_ENUM) };		/* ISAKMP_CFG_IP4_ADDRESS … */

#undef WIRE_ENUM

/* Flags of the header (RFC 2408 3.1). */
enum isakmp_flag {
	ISAKMP_FLAG_ENCRYPTED = 0x01,
	ISAKMP_FLAG_COMMIT = 0x02,
	ISAKMP_FLAG_AUTH_ONLY = 0x04,
};

#define ISAKMP_MAJOR 1
#define ISAKMP_MINOR 0
#define ISAKMP_DOI 0			/* of notifications about phase 1, by some */
#define ISAKMP_DOI_IPSEC 1
#define ISAKMP_SIT_IDENTITY_ONLY 1	/* RFC 2407 4.2.1 */
#define ISAKMP_KEY_IKE 1		/* the one transform id of ISAKMP_PROTO_ISAKMP (RFC 2407 4.4.2) */
/* Notify types below this one report errors, the others state (RFC 2408 3.14.1). */
#define ISAKMP_N_FIRST_STATUS 16384

/* The RFC's name, or "?" for a number that the tables do not have: the caller prints the number. Never NULL. */
const char *isakmp_exchange_name(uint8_t exchange);
const char *isakmp_payload_name(uint8_t type);
const char *isakmp_notify_name(uint16_t type);
const char *isakmp_protocol_name(uint8_t protocol);
const char *isakmp_encr_name(uint16_t encr);
const char *isakmp_hash_name(uint16_t hash);
const char *isakmp_auth_name(uint16_t method);
/* The name of a transform id of a protocol: "ESP_AES-CBC". */
const char *isakmp_transform_name(uint8_t protocol, uint8_t id);
const char *isakmp_ipsec_auth_name(uint16_t auth);
const char *isakmp_encap_name(uint16_t encap);
const char *isakmp_id_type_name(uint8_t type);
const char *isakmp_cert_encoding_name(uint8_t encoding);
const char *isakmp_cfg_type_name(uint8_t type);
const char *isakmp_cfg_attr_name(uint16_t type);

#endif
