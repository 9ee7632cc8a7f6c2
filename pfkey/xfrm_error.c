// SPDX-License-Identifier: MIT
/* What an errno of XFRM means, and which kernel option would help. */
#include "pfkey/xfrm_error.h"

#include "pfkey/alg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NO_XFRM "this kernel has no XFRM netlink interface (CONFIG_XFRM_USER, module xfrm_user)"
#define NO_RIGHT "reading and changing SAs needs root or CAP_NET_ADMIN"

/* Indexed by protocol: what the kernel calls its support for IPv4 and IPv6. */
static const struct {
	uint8_t proto;
	const char *name, *v4, *v6;
} protos[] = {
	{ IPPROTO_ESP, "ESP", "CONFIG_INET_ESP, module esp4", "CONFIG_INET6_ESP, module esp6" },
	{ IPPROTO_AH, "AH", "CONFIG_INET_AH, module ah4", "CONFIG_INET6_AH, module ah6" },
	{ IPPROTO_COMP, "IPComp", "CONFIG_INET_IPCOMP, module ipcomp", "CONFIG_INET6_IPCOMP, module ipcomp6" },
};

/* sentence, and the kernel's words behind it when there are any. */
static int say(struct ipsec *ip, int err, const char *sentence, const char *words)
{
	return words[0] ? ipsec_fail(ip, err, "%s (kernel: %s)", sentence, words) : ipsec_fail(ip, err, "%s", sentence);
}

int xfrm_explain(struct ipsec *ip, int err, const char *words)
{
	switch (-err) {
	case EPERM:
		return say(ip, err, NO_RIGHT, words);
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return say(ip, err, NO_XFRM, words);
	case ESRCH:
		return say(ip, err, "there is no such SA", words);
	case EINTR:
		return say(ip, err, "the database changed while it was read", words);
	case EBADMSG:
		return say(ip, err, "the kernel sent something that cannot be read", words);
	case ENOBUFS:
		return say(ip, err, "the kernel's answer was lost", words);
	}
	return say(ip, err, strerror(-err), words);
}

int xfrm_explain_open(struct ipsec *ip, int err)
{
	return xfrm_explain(ip, err, "");
}

int xfrm_explain_policy(struct ipsec *ip, int err, const char *words)
{
	switch (-err) {
	case EEXIST:
		return say(ip, err, "there is such a policy already", words);
	case ENOENT:
		return say(ip, err, "there is no such policy", words);
	case EINVAL:
		return say(ip, err, "the kernel does not take this policy", words);
	}
	return xfrm_explain(ip, err, words);
}

/* "cbc(aes) (CONFIG_…), hmac(sha256) (CONFIG_…)" into buf. */
static void list_algs(const struct ipsec_sa *sa, char *buf, size_t n)
{
	const struct { enum ipsec_alg_kind kind; const struct ipsec_alg *alg; } algs[] = {
		{ IPSEC_ALG_AEAD, &sa->aead }, { IPSEC_ALG_ENC, &sa->enc },
		{ IPSEC_ALG_AUTH, &sa->auth }, { IPSEC_ALG_COMP, &sa->comp },
	};
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		const struct ipsec_alg_info *info = ipsec_alg_by_kernel(algs[i].kind, algs[i].alg->name, 0);
		const char *config = info && info->config ? info->config : NULL;
		int k;

		if (!algs[i].alg->name[0])
			continue;
		k = snprintf(buf + at, n - at, "%s%s%s%s%s", at ? " or " : "", algs[i].alg->name,
			     config ? " (" : "", config ? config : "", config ? ")" : "");
		if (k < 0 || (size_t)k >= n - at)
			return;
		at += (size_t)k;
	}
}

static int no_protocol(struct ipsec *ip, int err, const char *words, const struct ipsec_sa *sa)
{
	bool v6 = sa->dst.family == AF_INET6;
	char text[160];

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (protos[i].proto != sa->proto)
			continue;
		snprintf(text, sizeof(text), "this kernel has no %s for %s (%s) or not in this mode", protos[i].name,
			 v6 ? "IPv6" : "IPv4", v6 ? protos[i].v6 : protos[i].v4);
		return say(ip, err, text, words);
	}
	return xfrm_explain(ip, err, words);
}

int xfrm_explain_sa(struct ipsec *ip, int err, const char *words, const struct ipsec_sa *sa)
{
	char algs[200], text[256];

	list_algs(sa, algs, sizeof(algs));
	switch (-err) {
	case EEXIST:
		return say(ip, err, "there is an SA with this SPI already", words);
	case EPROTONOSUPPORT:
		return no_protocol(ip, err, words, sa);
	case ESRCH:
		return say(ip, err, sa->dir ? "there is no such SA with this direction" : "there is no such SA", words);
	case ENOSYS:
		snprintf(text, sizeof(text), "this kernel has no %s", algs);
		return say(ip, err, text, words);
	case ENOENT:
		/* The algorithm is known, but the crypto API could not build it: a template or generator is missing. */
		snprintf(text, sizeof(text), "the kernel cannot make %s, or lacks a module to go with it (authenc, "
			 "echainiv, seqiv, drbg)", algs);
		return say(ip, err, text, words);
	case EINVAL:
		if (sa->offload.kind == IPSEC_OFFLOAD_PACKET)
			return say(ip, err, "offload of whole packets needs Linux 6.2 and a device that can do it", words);
		return say(ip, err, "the kernel does not take this SA", words);
	}
	return xfrm_explain(ip, err, words);
}
