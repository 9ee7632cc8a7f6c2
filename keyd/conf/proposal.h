/* SPDX-License-Identifier: MIT */
/* Proposals as text, in the words of keyd.conf: for logs that set two of them side by side, and for dumps. */
#ifndef KEYD_CONF_PROPOSAL_H
#define KEYD_CONF_PROPOSAL_H

#include "keyd/conf/conf.h"

#include <stddef.h>

#define CONF_TRANSFORM_STRLEN 48
#define CONF_PROPOSALS_STRLEN (CONF_PROPOSALS_MAX * CONF_TRANSFORMS_MAX * CONF_TRANSFORM_STRLEN)

/* "aes128gcm16", "noesn"; numbers "type:id" or "type:id:bits" for what we do not know. Into buf[n], returned. */
const char *conf_transform_format(const struct conf_transform *t, char *buf, size_t n);
/* "aes128gcm16-prfsha256-x25519, aes256-sha256-…". Into buf[n] (CONF_PROPOSALS_STRLEN fits all), cut if short, returned. */
const char *conf_proposals_format(const struct conf_proposals *ps, char *buf, size_t n);

#endif
