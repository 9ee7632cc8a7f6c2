/* SPDX-License-Identifier: MIT */
/*
 * The codec between struct ipsec_* and XFRM netlink messages: bytes in, values out and back. It holds no state and
 * touches no socket, so it is tested and fuzzed without a kernel. Only the xfrm backend uses it.
 */
#ifndef PFKEY_XFRM_H
#define PFKEY_XFRM_H

#include "pfkey/backend.h"
#include "pfkey/xfrm_compat.h"

#include <libmnl/libmnl.h>

/* Room for the largest message we make: an SA with every attribute (about 2 KB). */
#define XFRM_MSG_MAX_SIZE 4096

/* A message being written into a buffer of XFRM_MSG_MAX_SIZE bytes. */
struct xfrm_msg {
	union {
		struct nlmsghdr nlh;
		uint8_t bytes[XFRM_MSG_MAX_SIZE];
		uint64_t align;
	};
};

/* Starts a message; head is the size of its fixed part, which is zeroed and returned. The rest stays as it is. */
void *xfrm_msg_start(struct xfrm_msg *m, uint16_t type, uint16_t flags, size_t head);
/* An attribute of n zero bytes, to be filled in. Never fails: XFRM_MSG_MAX_SIZE is more than all of them together. */
void *xfrm_attr_room(struct xfrm_msg *m, uint16_t type, size_t n);
void xfrm_attr_u32(struct xfrm_msg *m, uint16_t type, uint32_t v);
/* XFRMA_MARK and XFRMA_IF_ID, each only when set; XFRMA_SEC_CTX and XFRMA_OFFLOAD_DEV likewise. */
void xfrm_attr_mark(struct xfrm_msg *m, const struct ipsec_mark *mark, uint32_t if_id);
void xfrm_attr_ctx(struct xfrm_msg *m, const char *ctx);
void xfrm_attr_offload(struct xfrm_msg *m, const struct ipsec_offload *o);

/* The attributes of a message by type, each at least as long as its fixed part; NULL where there is none. */
struct xfrm_attrs {
	const struct nlattr *a[XFRM_ATTR_MAX + 1];
};

/* head: size of the fixed part. 0, or -EBADMSG: the message or an attribute is cut short. */
int xfrm_attrs_get(struct xfrm_attrs *t, const struct nlmsghdr *nlh, size_t head);
/* Copies min(n, length of the attribute) bytes out (attributes are aligned to 4 bytes only); false when it is absent. */
bool xfrm_attr_copy(const struct xfrm_attrs *t, uint16_t type, void *out, size_t n);
void xfrm_attr_get_mark(const struct xfrm_attrs *t, struct ipsec_mark *mark, uint32_t *if_id);
void xfrm_attr_get_offload(const struct xfrm_attrs *t, struct ipsec_offload *o);
int xfrm_attr_get_ctx(const struct xfrm_attrs *t, char ctx[IPSEC_CTX_MAX]);

/* Parts that messages share. */
void xfrm_addr_put(xfrm_address_t *x, const struct ipsec_addr *a);
/* Another family than AF_INET and AF_INET6 gives AF_UNSPEC. */
void xfrm_addr_get(struct ipsec_addr *a, const xfrm_address_t *x, uint16_t family);
void xfrm_selector_put(struct xfrm_selector *x, const struct ipsec_selector *s);
void xfrm_selector_get(struct ipsec_selector *s, const struct xfrm_selector *x);
void xfrm_lifetime_put(struct xfrm_lifetime_cfg *x, const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard);
void xfrm_lifetime_get(struct ipsec_lifetime *soft, struct ipsec_lifetime *hard, const struct xfrm_lifetime_cfg *x);
void xfrm_usage_get(struct ipsec_usage *u, const struct xfrm_lifetime_cur *x);
uint8_t xfrm_mode_put(uint8_t mode);
uint8_t xfrm_mode_get(uint8_t mode);

/* XFRM_MSG_NEWSA, XFRM_MSG_UPDSA; XFRM_MSG_GETSA, XFRM_MSG_DELSA; XFRM_MSG_ALLOCSPI. sa has passed ipsec_sa_check. */
void xfrm_sa_put(struct xfrm_msg *m, const struct ipsec_sa *sa, bool update);
void xfrm_sa_id_put(struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct ipsec_sa_id *id);
/* XFRM_MSG_NEWAE: when the SA raises one from now on. */
void xfrm_ae_put(struct xfrm_msg *m, const struct ipsec_sa_id *id, enum ipsec_ae_when when);
void xfrm_spi_put(struct xfrm_msg *m, const struct ipsec_sa *larval, uint32_t min, uint32_t max);
/* From XFRM_MSG_NEWSA and _UPDSA. 0 or -EBADMSG. state is LARVAL or MATURE; see xfrm_sa_age. */
int xfrm_sa_get(const struct nlmsghdr *nlh, struct ipsec_sa *sa);
/* The same from parts; the attributes' lengths have been checked. */
int xfrm_sa_from(const struct xfrm_usersa_info *info, const struct xfrm_attrs *t, struct ipsec_sa *sa);
int xfrm_sa_id_from(const struct xfrm_usersa_id *x, const struct xfrm_attrs *t, struct ipsec_sa_id *id);
/* No message says that an SA is dying: tell by its soft limits and the time (seconds since 1970). */
void xfrm_sa_age(struct ipsec_sa *sa, uint64_t now);

/* XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY; XFRM_MSG_GETPOLICY, XFRM_MSG_DELPOLICY. pol has passed ipsec_policy_check. */
void xfrm_policy_put(struct xfrm_msg *m, const struct ipsec_policy *pol, bool update);
void xfrm_policy_key_put(struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct ipsec_policy *key);
/* From XFRM_MSG_NEWPOLICY and _UPDPOLICY. 0 or -EBADMSG. */
int xfrm_policy_get(const struct nlmsghdr *nlh, struct ipsec_policy *pol);
int xfrm_policy_from(const struct xfrm_userpolicy_info *info, const struct xfrm_attrs *t, struct ipsec_policy *pol);

/*
 * Calls fn for each event in a multicast message (MIGRATE may hold several). Returns their number, 0 for a type that is
 * none of ours, or -EBADMSG; then fn was not called.
 */
int xfrm_event_get(const struct nlmsghdr *nlh, ipsec_event_fn *fn, void *arg);

#endif
