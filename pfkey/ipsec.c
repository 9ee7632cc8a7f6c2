// SPDX-License-Identifier: MIT
/* The API over the backends: choosing one, calling it, and what is composed of several calls. */
#include "pfkey/handle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ipsec_backend *const backends[] = { &ipsec_backend_xfrm, &ipsec_backend_pfkey, &ipsec_backend_fake };

int ipsec_fail(struct ipsec *ip, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ip->error, sizeof(ip->error), fmt, ap);
	va_end(ap);
	return err;
}

static const struct ipsec_backend *find_backend(const char *name)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

static int open_by_name(struct ipsec *ip, const char *name)
{
	ip->ops = find_backend(name);
	return ip->ops ? ip->ops->open(ip) : ipsec_fail(ip, -EINVAL, "there is no backend named \"%s\"", name);
}

/* Why the better one is missing is what a person wants to know. */
static int open_best(struct ipsec *ip)
{
	char why[sizeof(ip->error)];
	int err = open_by_name(ip, "xfrm");

	if (!err)
		return 0;
	snprintf(why, sizeof(why), "%s", ip->error);
	return open_by_name(ip, "pfkey") ? ipsec_fail(ip, err, "%s", why) : 0;
}

int ipsec_open(struct ipsec **out, const char *backend, char *why, size_t n)
{
	struct ipsec *ip;
	int err;

	*out = NULL;
	if (why && n)
		why[0] = '\0';
	ip = calloc(1, sizeof(*ip));
	if (!ip)
		return -ENOMEM;
	err = backend ? open_by_name(ip, backend) : open_best(ip);
	if (!err) {
		*out = ip;
		return 0;
	}
	if (why && n)
		snprintf(why, n, "%s", ip->error[0] ? ip->error : strerror(-err));
	free(ip);
	return err;
}

void ipsec_close(struct ipsec *ip)
{
	if (!ip)
		return;
	ip->ops->close(ip);
	free(ip);
}

const char *ipsec_backend_name(const struct ipsec *ip)
{
	return ip->ops->name;
}

const char *ipsec_error(const struct ipsec *ip)
{
	return ip->error;
}

int ipsec_done(struct ipsec *ip, int err)
{
	if (err < 0 && !ip->error[0])
		return ipsec_fail(ip, err, "%s", strerror(-err));
	return err;
}

static int sa_put(struct ipsec *ip, const struct ipsec_sa *sa, bool update)
{
	int err;

	ip->error[0] = '\0';
	err = ipsec_sa_check(sa, ip->error, sizeof(ip->error));
	if (!err)
		err = ip->ops->sa_add(ip, sa, update);
	return ipsec_done(ip, err);
}

int ipsec_sa_add(struct ipsec *ip, const struct ipsec_sa *sa)
{
	return sa_put(ip, sa, false);
}

int ipsec_sa_update(struct ipsec *ip, const struct ipsec_sa *sa)
{
	return sa_put(ip, sa, true);
}

int ipsec_sa_get(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->sa_get(ip, id, out));
}

int ipsec_sa_delete(struct ipsec *ip, const struct ipsec_sa_id *id)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->sa_delete(ip, id));
}

int ipsec_sa_flush(struct ipsec *ip, uint8_t proto)
{
	int err;

	ip->error[0] = '\0';
	err = ip->ops->sa_flush(ip, proto);
	if (err == -ESRCH)	/* what Linux says of an empty SAD */
		err = 0;
	return ipsec_done(ip, err);
}

int ipsec_sa_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->sa_dump(ip, fn, arg));
}

int ipsec_spi_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi)
{
	ip->error[0] = '\0';
	if (!min || min > max || (larval->proto == IPPROTO_COMP && max > 0xffff))
		return ipsec_fail(ip, -EINVAL, "no SPI lies between %#x and %#x", min, max);
	if (!ipsec_addr_size(larval->dst.family) || larval->src.family != larval->dst.family)
		return ipsec_fail(ip, -EINVAL, "an SPI needs two addresses of one family");
	return ipsec_done(ip, ip->ops->spi_alloc(ip, larval, min, max, spi));
}

/*
 * No call of any kernel names an SA that has no SPI. But allocating one finds the larval SA by its sequence number (or
 * addresses, protocol, mode and reqid), and then it has a name. When it was gone already, the allocation made a new
 * one, which tells itself by its sequence number; it is deleted all the same.
 */
int ipsec_larval_delete(struct ipsec *ip, const struct ipsec_sa *larval)
{
	uint32_t max = larval->proto == IPPROTO_COMP ? 0xffff : 0xffffffff;
	struct ipsec_sa_id id = { .dst = larval->dst, .proto = larval->proto, .mark = larval->mark };
	struct ipsec_sa got = { 0 };
	int err;

	err = ipsec_spi_alloc(ip, larval, 0x100, max, &id.spi);
	if (err)
		return err;
	err = ipsec_sa_get(ip, &id, &got);
	if (!err)
		err = ipsec_sa_delete(ip, &id);
	if (!err && larval->acquire_seq && got.acquire_seq != larval->acquire_seq)
		err = ipsec_fail(ip, -ESRCH, "the larval SA of ACQUIRE %u is gone", larval->acquire_seq);
	return err;
}

int ipsec_policy_add(struct ipsec *ip, const struct ipsec_policy *pol)
{
	int err;

	ip->error[0] = '\0';
	err = ipsec_policy_check(pol, ip->error, sizeof(ip->error));
	if (!err)
		err = ip->ops->policy_add(ip, pol, false);
	return ipsec_done(ip, err);
}

int ipsec_policy_update(struct ipsec *ip, const struct ipsec_policy *pol)
{
	int err;

	ip->error[0] = '\0';
	err = ipsec_policy_check(pol, ip->error, sizeof(ip->error));
	if (!err)
		err = ip->ops->policy_add(ip, pol, true);
	return ipsec_done(ip, err);
}

int ipsec_policy_get(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->policy_get(ip, key, out));
}

int ipsec_policy_delete(struct ipsec *ip, const struct ipsec_policy *key)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->policy_delete(ip, key));
}

int ipsec_policy_flush(struct ipsec *ip)
{
	int err;

	ip->error[0] = '\0';
	err = ip->ops->policy_flush(ip);
	if (err == -ESRCH)
		err = 0;
	return ipsec_done(ip, err);
}

int ipsec_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->policy_dump(ip, fn, arg));
}

void ipsec_events_raw(struct ipsec *ip, ipsec_raw_fn *fn, void *arg)
{
	ip->on_raw = fn;
	ip->raw_arg = arg;
}

int ipsec_subscribe(struct ipsec *ip)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->subscribe(ip));
}

int ipsec_subscribe_ae(struct ipsec *ip, bool on)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->subscribe_ae(ip, on));
}

int ipsec_sa_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->sa_ae(ip, id, when));
}

int ipsec_event_fd(struct ipsec *ip)
{
	return ip->ops->event_fd(ip);
}

int ipsec_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg)
{
	ip->error[0] = '\0';
	return ipsec_done(ip, ip->ops->events_read(ip, fn, arg));
}
