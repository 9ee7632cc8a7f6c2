/* SPDX-License-Identifier: MIT */
/* The EAP payload (RFC 7296 3.16): one EAP message (RFC 3748 4). */
#ifndef KEYD_WIRE_EAP_H
#define KEYD_WIRE_EAP_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

struct wire_eap {
	struct view data;	/* the whole EAP message */
};

/* WIRE_SHORT, WIRE_LENGTH when EAP's own length field disagrees. */
RD_MUST_CHECK int wire_eap_get(struct wire_eap *eap, struct view body);
void wire_eap_put(struct wr *w, const struct wire_eap *eap);

#endif
