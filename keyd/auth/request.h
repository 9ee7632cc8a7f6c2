/* SPDX-License-Identifier: MIT */
/* What the engine may ask of the keeper of keys, and the answers. */
#ifndef KEYD_AUTH_REQUEST_H
#define KEYD_AUTH_REQUEST_H

#include "keyd/conf/conf.h"
#include "keyd/util/rd.h"

#define AUTH_DATA_MAX 1024	/* bytes of an AUTH payload's data: an RSA-8192 signature fits */
#define AUTH_OCTETS_MAX 65536	/* of the signed octets, RFC 7296 2.15 */

enum auth_error { AUTH_OK = 0, AUTH_NO_SECRET = -1, AUTH_FAILED = -2 };

/*
 * "Make the AUTH data by method for these octets": message | nonce | macid, RFC 7296 2.15. For a shared key both ends
 * are made here, and the engine compares.
 */
struct auth_request {
	uint32_t id;			/* comes back in the answer; never 0 */
	uint8_t method;			/* RFC 7296 3.8; 2: shared key message integrity code */
	uint16_t prf;			/* IKEv2 PRF transform id */
	struct conf_id local, remote;
	struct ipsec_addr local_addr, remote_addr;
	struct view message, nonce, macid;
};

struct auth_answer {
	uint32_t id;
	int32_t error;			/* enum auth_error */
	struct conf_at at;		/* where the secret stands that was used */
	uint16_t n;
	uint8_t data[AUTH_DATA_MAX];
};

#endif
