/* SPDX-License-Identifier: MIT */
/* Building JSON objects: members that are set one by one, and one look at the end whether there was memory for all. */
#ifndef SETKEY_SHOW_JSON_PUT_H
#define SETKEY_SHOW_JSON_PUT_H

#include "pfkey/ipsec.h"

#include <jansson.h>

struct json_put {
	json_t *object;
	bool failed;
};

struct json_put json_put_begin(void);
/* The object, or NULL when something failed. */
json_t *json_put_end(struct json_put *p);

/* value is taken over; NULL counts as failed. */
void json_put(struct json_put *p, const char *name, json_t *value);
/* Above INT64_MAX, which nothing reaches, it is INT64_MAX: JSON's numbers have no more. */
void json_put_uint(struct json_put *p, const char *name, uint64_t v);
/* Only where it is not 0. */
void json_put_some(struct json_put *p, const char *name, uint64_t v);
/* Bytes that are no UTF-8 become '?'. */
void json_put_text(struct json_put *p, const char *name, const char *text);
void json_put_addr(struct json_put *p, const char *name, const struct ipsec_addr *addr);

/* What several kinds of objects have. */
void json_put_proto(struct json_put *p, uint8_t proto);
void json_put_mode(struct json_put *p, uint8_t mode);
void json_put_dir(struct json_put *p, uint8_t dir);
/* Only where the mask is not 0. */
void json_put_mark(struct json_put *p, const char *name, const struct ipsec_mark *mark);
void json_put_selector(struct json_put *p, const char *name, const struct ipsec_selector *sel);
/* direction: the SA's; a policy's is not told. */
void json_put_offload(struct json_put *p, const struct ipsec_offload *offload, bool direction);
void json_put_lifetime(struct json_put *p, const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard);
/* The bits that are set, by name, as an array; where none is, nothing. */
void json_put_flags(struct json_put *p, const char *const names[], size_t n, unsigned int flags);

#endif
