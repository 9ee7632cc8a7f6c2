/* SPDX-License-Identifier: MIT */
/* Keys as lines of Wireshark's tables, while somebody has switched that on (engine_keylog). Never a part of any log. */
#ifndef KEYD_IKE_KEYLOG_H
#define KEYD_IKE_KEYLOG_H

#include "keyd/ike/child_sa.h"

/* The keys of an IKE SA, which has its ciphers. */
void keylog_ike(const struct ike_sa *sa);
/* Both directions of a child, before its keys go into the kernel and are forgotten here. */
void keylog_child(const struct child_sa *c);

#endif
